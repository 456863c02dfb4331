import re
from dataclasses import dataclass
from html.parser import HTMLParser

import pytest
import torch

from latentia.core import Batch, Column, Spec
from latentia.tasks import page
from latentia.tasks.curves import divergences
from latentia.tasks.report import _foreign, report

from .nets import Autoencoder, LinearGaussian, Pictures, Rows, normal

VOID = {"meta", "img", "br"}


class Reader(HTMLParser):
    """Holds what is on a page, and that every element is closed."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.links, self.titles, self.text = [], [], [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.links += [value for name, value in attributes if name in ("src", "href", "xlink:href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.links += [value for name, value in attributes if name in ("src", "href", "xlink:href")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)
        if self.open and self.open[-1] == "h2":
            self.titles.append(data)


def read(path):
    reader = Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    assert not reader.open
    return reader


@dataclass
class Splits:
    train: Rows
    test: Rows
    name: str = "<digits> & more"


def splits(shape, levels=None, kind="image", dtype=torch.float64):
    def rows(count, seed):
        return Rows(normal(count, *shape, seed=seed, dtype=dtype).sigmoid(), levels, kind)

    return Splits(rows(60, 1), rows(40, 2))


LOG = [
    {"seen": 128 * i, "seconds": 45.0 * i, "split": split, "logs": {"nll": 100 / i, "kl": 5.0, "elbo": -100 / i - 5}}
    for i in range(1, 9)
    for split in ("train", "validation")
]
FACTS = {"model": "vae", "device": "cpu", "format": 1, "recipe": {"latent": 3, "likelihood": "<b>"}}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    net, data = LinearGaussian(size=64, shape=(1, 8, 8)), splits((1, 8, 8), 256)
    return report(net, data.test.spec, data, LOG, FACTS, tmp_path_factory.mktemp("run") / "report.html")


def test_the_page_has_everything_that_a_net_with_a_density_can_show(made):
    reader = read(made)
    assert reader.titles == [
        "Reconstructions",
        "Samples",
        "What the latents stand for",
        "Interpolations",
        "How likely items are",
        "Loss",
        "KL of each latent",
        "Held-out figures",
    ]
    text = " ".join(reader.text)
    for word in (
        "1,024",
        "6 min",
        "seed:23",
        "row:23",
        "ELBO",
        "active units",
        "Monte-Carlo standard error",
        "60 items",
    ):
        assert word in text
    assert reader.tags.count("svg") == 3
    assert reader.tags.count("img") == 2 * 24 + 2 * 24 + 3 * 11 + 3 * 11 + 1 + 12


def test_the_page_asks_nothing_of_the_network(made):
    reader, text = read(made), made.read_text(encoding="utf-8")
    assert all(link.startswith(("data:image/png;base64,", "#")) for link in reader.links)
    assert "default-src 'none'" in text
    assert not re.search(r"https?://(?!www\.w3\.org/)", text)
    assert "<script" not in text
    assert "prefers-color-scheme: dark" in text


def test_all_text_is_escaped(made):
    text = made.read_text(encoding="utf-8")
    assert "&lt;digits&gt; &amp; more" in text
    assert "likelihood &lt;b&gt;" in text
    assert "<digits>" not in text


def test_the_page_is_the_same_again_and_nothing_stays_beside_it(made):
    net, data = LinearGaussian(size=64, shape=(1, 8, 8)), splits((1, 8, 8), 256)
    again = report(net, data.test.spec, data, LOG, FACTS, made.with_name("again.html"))
    assert again.read_bytes() == made.read_bytes()
    assert sorted(each.name for each in made.parent.iterdir()) == ["again.html", "report.html"]


def test_the_foreign_item_is_told_with_its_place(made):
    text = " ".join(read(made).text)
    assert re.search(r"Its log p\(x\) is -?[\d,.]+ nats: (every one of 40|\d+ of 40) held-out items", text)


def test_a_foreign_row_has_each_column_from_another_row_with_its_flag_and_what_is_known_of_it():
    columns = tuple(Column(name, "numeric", missing=name == "b") for name in "abc")
    x = torch.arange(10.0)[:, None] + torch.tensor([0, 100, 200, 300])
    mask = torch.arange(10)[:, None] + torch.tensor([0, 100, 200])
    alien, _ = _foreign(Spec("table", (4,), columns=columns), Batch(x, mask=mask))
    rows = [int(value) % 100 for value in alien.x[0]]
    assert len(set(rows[:3])) == 3
    assert rows[3] == rows[1]
    assert [int(value) // 100 for value in alien.x[0]] == [0, 1, 2, 3]
    assert alien.mask.tolist() == [[rows[0], 100 + rows[1], 200 + rows[2]]]
    plain, _ = _foreign(Spec("table", (4,)), Batch(x))
    assert len({int(value) % 100 for value in plain.x[0]}) == 4


def test_a_net_without_density_leaves_out_what_cannot_be_said(tmp_path):
    class Flat(Autoencoder):
        def encode(self, x):
            return super().encode(x.flatten(1))

        def decode(self, z):
            return super().decode(z).reshape(-1, 1, 8, 8)

    data = splits((1, 8, 8), dtype=torch.float32)
    made = report(Flat(64, 3), data.test.spec, data, [], {"title": "Mine"}, tmp_path / "a.html")
    reader = read(made)
    assert reader.titles == ["Reconstructions", "Held-out figures"]
    assert "squared error" in " ".join(reader.text)
    assert "nats" not in " ".join(reader.text)


def test_a_net_that_only_samples_walks_between_seeds(tmp_path):
    data = splits((1, 8, 8))
    made = report(Pictures(), data.test.spec, data, [], {}, tmp_path / "a.html")
    reader = read(made)
    assert reader.titles == ["Samples", "What the latents stand for", "Interpolations", "Held-out figures"]
    text = " ".join(reader.text)
    assert "seed:0 to seed:1" in text
    for word in ("KID (random-conv 1)", "coverage (random-conv 1)", "20 samples against 20 test items", "20 samples;"):
        assert word in text


def test_a_net_that_only_samples_has_no_figures_where_items_are_too_few(tmp_path):
    data = splits((1, 8, 8))
    data.test.x = data.test.x[:9]
    made = report(Pictures(), data.test.spec, data, [], {}, tmp_path / "a.html")
    assert read(made).titles == ["Samples", "What the latents stand for", "Interpolations"]


def test_a_table_has_rows_instead_of_pictures(tmp_path):
    data = splits((6,), kind="table")
    made = report(LinearGaussian(), Spec("table", (6,)), data, LOG, {}, tmp_path / "a.html")
    reader = read(made)
    assert "img" not in reader.tags
    assert reader.tags.count("tr") == 8
    assert "How likely items are" in reader.titles


def test_few_items_are_enough(tmp_path):
    data = splits((1, 8, 8), 256)
    data.test.x, data.train.x = data.test.x[:3], data.train.x[:1]
    net = LinearGaussian(size=64, shape=(1, 8, 8))
    text = " ".join(read(report(net, data.test.spec, data, LOG, {"data": "mine"}, tmp_path / "a.html")).text)
    assert "row:2" in text
    assert "row:0 to row:1" in text
    assert "mine" in text
    assert "60 items" not in text


def test_items_by_class_where_the_data_has_classes(tmp_path):
    data = splits((1, 8, 8), 256)
    data.test.label = torch.arange(40) % 2
    data.test.spec = Spec("image", (1, 8, 8), 256, classes=("cat", "<dog>"))
    net = LinearGaussian(size=64, shape=(1, 8, 8))
    made = report(net, data.test.spec, data, LOG, {}, tmp_path / "a.html")
    assert "Where items lie" in read(made).titles
    told = made.read_text(encoding="utf-8")
    assert re.search(r"<span>z[123]<br>", told)
    assert not re.search(r"latent \d", told)
    assert "&lt;dog&gt;" in made.read_text(encoding="utf-8")


def test_charts_take_their_colours_from_the_page():
    drawn = page.chart(divergences([1.0, 2.0], page.theme()), 'a "name"')
    assert "var(--ink)" in drawn
    assert "var(--soft)" in drawn
    assert "#010203" not in drawn
    assert 'aria-label="a &quot;name&quot;"' in drawn
    assert " width=" not in drawn[: drawn.index(">")]
