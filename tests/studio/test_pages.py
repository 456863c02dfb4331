"""The pages in a real browser: what a person sees, drags, drops and starts; pictures of each page are kept."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from docs.snippets import follow
from PIL import Image

import latentia as lt

from .conftest import Served
from .test_answers import png

AXE = Path(__file__).parent / "axe" / "axe.min.js"
SIZES = {"wide": {"width": 1440, "height": 900}, "narrow": {"width": 390, "height": 844}}


@pytest.fixture(scope="module")
def pictures(request: pytest.FixtureRequest) -> Path:
    """Where what was seen is kept until the next time: .pytest_cache/d/studio."""
    kept: Path = request.config.cache.mkdir("studio")  # type: ignore[union-attr]
    return kept


@pytest.fixture(scope="module")
def context(browser: Any) -> Iterator[Any]:
    found = browser.new_context(
        viewport=SIZES["wide"], permissions=["clipboard-read", "clipboard-write"], accept_downloads=True
    )
    found.set_default_timeout(30_000)
    yield found
    found.close()


@pytest.fixture
def page(context: Any, served: Served) -> Iterator[Any]:
    """A page of the studio that may say nothing wrong and ask nothing of another machine."""
    found, wrong = context.new_page(), []
    found.on("pageerror", lambda error: wrong.append(f"{error}"))
    # Chromium reports refusals, which are answers with a status, as errors of its own
    refused = re.compile(r"Failed to load resource: .* status of 4\d\d")
    found.on(
        "console",
        lambda told: wrong.append(told.text) if told.type == "error" and not refused.match(told.text) else None,
    )
    found.on(
        "request",
        lambda request: (
            None if request.url.startswith((served.address, "data:", "blob:")) else wrong.append(request.url)
        ),
    )
    yield found
    found.close()
    assert not wrong, wrong


def visit(page: Any, served: Served, place: str) -> None:
    page.goto(served.address + "#" + place)
    page.wait_for_selector(f"main[data-page={place.split('/')[1] or 'runs'}]")


def audited(page: Any) -> None:
    """Nothing that is shown now keeps anyone out, as far as axe-core can tell."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    told = [f"{each['id']}: {node['html'][:120]}" for each in found["violations"] for node in each["nodes"]]
    assert not told, "\n".join(told)


def test_runs_are_sorted_and_two_are_put_side_by_side(page: Any, served: Served) -> None:
    visit(page, served, "/")
    names = lambda: page.locator("tbody th").all_inner_texts()  # noqa: E731
    page.get_by_role("button", name="Run", exact=True).click()
    assert page.locator("th[data-by=run]").get_attribute("aria-sort") == "ascending"
    assert names() == sorted(names())
    page.keyboard.press("Enter")  # the head still has the focus
    assert names() == sorted(names(), reverse=True)
    assert "recipe.json is damaged" in page.locator("tr", has_text="broken").inner_text()
    page.get_by_label("Choose vae to compare").check()
    assert page.get_by_role("button", name="Compare two").get_attribute("aria-disabled")
    page.get_by_label("Choose deep/labelled to compare").check()
    page.get_by_role("button", name="Compare two").click()
    page.wait_for_selector("main[data-page=compare]")
    assert page.locator("h2 a").all_inner_texts() == ["vae", "deep/labelled"]
    row = page.locator("tr", has=page.get_by_role("rowheader", name="latent", exact=True))
    assert row.locator("td").all_inner_texts() == ["12", "3"]
    assert page.get_by_role("img", name="deep/labelled, held-out").count() >= 1


def test_a_run_is_followed_while_it_trains(page: Any, served: Served) -> None:
    visit(page, served, "/run/vae")
    image = page.locator("img.moment")
    first = image.get_attribute("src")
    page.get_by_label("Moment of the training of vae").press("ArrowLeft")
    assert image.get_attribute("src") != first
    assert page.locator(".figures h3").all_inner_texts()[0] == "ELBO"
    said = page.get_by_role("img", name=re.compile("^bound: last")).get_attribute("aria-label")
    log = served.folder / "vae" / "log.jsonl"
    before = log.read_text()
    try:
        with log.open("a") as file:
            file.write('{"seen": 9000, "seconds": 9, "split": "validation", "logs": {"bound": -1.25}}\n')
        page.wait_for_selector("svg[aria-label*='held-out -1.25']")  # told by the stream, without loading again
        assert "at 9k" in page.locator("dl").first.inner_text()
    finally:
        log.write_text(before)
    page.wait_for_selector(f"svg[aria-label='{said}']")


def test_a_run_that_vanishes_and_a_page_that_is_none_are_said(page: Any, served: Served) -> None:
    visit(page, served, "/run/never")
    assert page.get_by_role("alert").inner_text() == "never is no run of this folder"
    visit(page, served, "/nowhere")
    assert page.get_by_role("alert").inner_text() == "there is no such page"


def shown(page: Any) -> np.ndarray:
    """The pixels of the picture that is shown."""
    kept = page.evaluate(
        """() => { const it = document.querySelector("img.shown"), canvas = document.createElement("canvas");
        canvas.width = it.naturalWidth; canvas.height = it.naturalHeight;
        const context = canvas.getContext("2d"); context.drawImage(it, 0, 0);
        return [canvas.height, ...context.getImageData(0, 0, canvas.width, canvas.height).data]; }"""
    )
    return np.array(kept[1:]).reshape(kept[0], -1, 4)[..., 0]


def settled(page: Any, work: Any) -> None:
    """Do something, and wait until the picture has followed."""
    before = page.locator(".shown").get_attribute("data-trip")
    work()
    page.wait_for_function("(old) => document.querySelector('.shown').dataset.trip !== old", arg=before)


def test_what_is_on_the_screen_is_given_again_by_the_copied_words(
    page: Any, served: Served, tmp_path: Path, monkeypatch: Any
) -> None:
    """Sliders, seeds, walks: the command and the Python line make the picture that the page shows."""
    monkeypatch.chdir(tmp_path)
    visit(page, served, "/explore/vae")
    sliders = page.locator(".slider input[id^=slider]")
    told = [float(text.split()[1]) for text in page.locator(".slider label[for^=slider]").all_text_contents()]
    assert told == sorted(told, reverse=True), "the most telling come first"
    drag = "it => [-2, -1, 0, 1, 1.234].forEach((to) => { it.value = to; it.dispatchEvent(new Event('input')); })"
    settled(page, lambda: sliders.first.evaluate(drag))  # faster than pictures come: the last one counts
    page.get_by_role("button", name="Copy the Python line").click()
    line = page.evaluate("navigator.clipboard.readText()")
    assert "1.234" in line
    exec(compile(line, "copied", "exec"), {})
    cell = np.asarray(Image.open("picture.png"))[2:-2:7, 2:-2:7]  # each pixel of the item is 7 of the grid's
    assert np.abs(cell.astype(int) - shown(page)).max() <= 1
    settled(page, lambda: page.get_by_label("Seed", exact=True).fill("42") or page.keyboard.press("Enter"))
    page.get_by_role("button", name="Copy the command").click()
    command = page.evaluate("navigator.clipboard.readText()")
    assert re.fullmatch(r"latentia sample \S+/vae -n 1 --seed 42 -o picture.png", command)
    assert follow(shlex.split(command))[0] == 0
    cell = np.asarray(Image.open("picture.png"))[2:-2:7, 2:-2:7]
    assert np.abs(cell.astype(int) - shown(page)).max() <= 1
    settled(page, lambda: page.get_by_role("button", name="Surprise me").click())
    assert re.match(r"seed:\d+", page.locator(".told").inner_text())


def test_an_item_is_dragged_onto_another_and_the_map_is_clicked(page: Any, served: Served) -> None:
    visit(page, served, "/explore/vae")
    page.wait_for_selector(".tile[aria-label='Go to row:7'] img[src]")
    page.drag_and_drop(".tile[aria-label='Go to seed:3']", ".tile[aria-label='Go to row:2']")
    page.wait_for_selector(".strip .tile:nth-child(9)")
    audited(page)
    assert page.get_by_label("Command").input_value().endswith("seed:3 row:2 --steps 9 -o walk.png")
    settled(page, lambda: page.get_by_label("Place on the walk").press("End"))
    end = lt.load(served.folder / "vae").walk(["seed:3", "row:2"], 9).x[-1, 0].mul(255).round().numpy()
    assert np.abs(end - shown(page)).max() <= 1
    page.wait_for_selector("section[data-ready]")
    settled(page, lambda: page.locator("canvas").click(position={"x": 100, "y": 60}))
    first = shown(page)
    page.locator("canvas").focus()
    settled(page, lambda: page.keyboard.press("Shift+ArrowRight"))
    assert np.abs(shown(page).astype(int) - first).max() > 0
    assert page.locator(".told").inner_text() == "moved by hand"


def test_labels_directions_and_truncation(page: Any, served: Served) -> None:
    visit(page, served, "/explore/deep%2Flabelled")
    zero = shown(page)
    settled(page, lambda: page.get_by_label("Label").select_option("7"))
    assert np.abs(shown(page).astype(int) - zero).max() > 5
    assert "--label 7" in page.get_by_label("Command").input_value()
    slider = page.get_by_label("Truncation")
    settled(
        page,
        lambda: slider.evaluate(
            "(it) => { it.value = 0.4; it.dispatchEvent(new Event('input')); it.dispatchEvent(new Event('change')); }"
        ),
    )
    values = [float(text) for text in page.locator("output[for^=slider]").all_text_contents()]
    assert max(map(abs, values)) <= 0.4
    page.wait_for_selector("input[id=way-3]")
    settled(page, lambda: page.get_by_label("towards 3").fill("1.5"))
    moved = [float(text) for text in page.locator("output[for^=slider]").all_text_contents()]
    assert moved != values


def test_files_are_dropped_judged_and_downloaded(page: Any, served: Served, tmp_path: Path, pictures: Path) -> None:
    visit(page, served, "/try/vae")
    files = [{"name": f"{place}.png", "mimeType": "image/png", "buffer": png(seed=place)} for place in range(3)]
    files.append({"name": "no.png", "mimeType": "image/png", "buffer": b"no picture"})
    page.locator("input[type=file]").set_input_files(files[:3])
    page.wait_for_selector(".files li:nth-child(3) small:has-text('kB')")
    page.get_by_role("button", name="Outliers").click()
    page.wait_for_selector(".item.outlier:nth-child(3)")
    page.screenshot(path=pictures / "try.png", full_page=True)
    audited(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download outliers.csv").click()
    assert len(download.value.path().read_text().splitlines()) == 4
    page.get_by_role("button", name="Reconstruct").click()
    page.wait_for_selector("a[download='reconstructed.zip']")
    assert page.locator(".item img").count() == 6
    page.get_by_role("button", name="Clear").click()
    data = page.evaluate_handle(
        """() => { const data = new DataTransfer();
        data.items.add(new File(["no picture"], "no.png"));
        const large = new File(["x"], "large.png"); Object.defineProperty(large, "size", { value: 100 << 20 });
        data.items.add(large); return data; }"""
    )
    page.dispatch_event(".drop", "drop", {"dataTransfer": data})
    page.wait_for_selector(".files li:nth-child(2) .refused")
    said = page.locator(".files").inner_text()
    assert "no.png cannot be used: no picture" in said
    assert "large.png is larger than 64 MB" in said


def test_a_film_is_shown_before_and_after(page: Any, served: Served, tmp_path: Path) -> None:
    from tests.tasks.clips import film

    film(tmp_path / "clip.mp4")
    visit(page, served, "/try/sides")
    page.locator("input[type=file]").set_input_files(tmp_path / "clip.mp4")
    page.wait_for_selector(".files small:has-text('kB')")
    page.locator(".page.try .actions button", has_text="Translate").first.click()
    page.wait_for_selector(".films video.after")
    assert "6 frames, 32 x 24" in page.locator(".results p").first.inner_text()
    page.wait_for_function("document.querySelector('video.after').readyState >= 2")
    audited(page)
    page.get_by_label("Before and after").fill("80")
    assert "80%" in page.locator("video.after").evaluate("(it) => it.style.clipPath")
    assert page.locator("video.after").evaluate("(it) => it.duration") == pytest.approx(0.24, abs=0.05)


def test_a_training_is_started_from_the_form(page: Any, served: Served) -> None:
    visit(page, served, "/train")
    assert page.get_by_label("latent", exact=True).evaluate("(it) => it.getAttribute('aria-describedby')")
    page.get_by_label("Model", exact=True).select_option("autoencoder")
    page.wait_for_selector("[name=hidden]")
    page.get_by_label("Name of the run").fill("mine")
    page.get_by_label("latent", exact=True).fill("0")
    page.get_by_role("button", name="Start the training").click()
    assert page.get_by_role("alert").inner_text() == "latent is 0; it must be at least 1"
    begun: list[Any] = []
    served.studio.jobs.start = lambda *given: begun.append(given) or "vae"  # type: ignore[method-assign]
    try:
        page.get_by_label("latent", exact=True).fill("3")
        page.get_by_label("images", exact=True).fill("2k")
        page.keyboard.press("Enter")
        page.wait_for_selector("main[data-page=run]")
    finally:
        del served.studio.jobs.start
    assert begun == [(["autoencoder", "digits", "--latent=3", "--images=2k"], "mine")]


PLACES = ("/", "/run/vae", "/compare/vae/people", "/explore/deep%2Flabelled", "/try/vae", "/train")


@pytest.mark.parametrize("place", PLACES)
def test_every_page_can_be_used_by_everyone(page: Any, served: Served, pictures: Path, place: str) -> None:
    """axe-core finds no violation, light and dark, wide and narrow; nothing is wider than the screen."""
    for size, scheme in (("wide", "light"), ("narrow", "dark")):
        page.set_viewport_size(SIZES[size])
        page.emulate_media(color_scheme=scheme)
        visit(page, served, place)
        audited(page)
        page.screenshot(
            path=pictures / f"{place.strip('/').replace('/', '-').replace('%2F', '-') or 'runs'}-{size}.png",
            full_page=True,
        )
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{place} is wider than {size}"


def test_the_first_paint_comes_within_a_second(page: Any, served: Served) -> None:
    visit(page, served, "/")
    painted = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    assert painted < 1000
