from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from latentia.data.options import DataOptions
from latentia.data.pictures import Facts, Plan, facts_of, opened, plan, render
from latentia.errors import BadData


def form(height=12, width=10, mode="RGB", fit="crop", background="white"):
    return Plan(height, width, mode, fit, background)


def stored(picture, kind="PNG", **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    file.seek(0)
    return file


def pixels(file, plan):
    with opened(file) as found:
        return render(found, plan)


def test_grey_and_colour_keep_their_bytes(picture):
    grey, colour = picture(), picture(channels=3)
    assert np.array_equal(pixels(stored(Image.fromarray(grey)), form(mode="L"))[..., 0], grey)
    assert np.array_equal(pixels(stored(Image.fromarray(colour)), form()), colour)


def test_grey_becomes_colour_and_colour_grey(picture):
    grey, colour = Image.fromarray(picture()), Image.fromarray(picture(channels=3))
    assert np.array_equal(pixels(stored(grey), form()), np.repeat(picture()[..., None], 3, -1))
    luma = picture(channels=3) @ np.array([0.299, 0.587, 0.114])
    assert np.abs(pixels(stored(colour), form(mode="L"))[..., 0] - luma).max() <= 1


def test_palettes_become_the_colours_they_stand_for(picture):
    palette = Image.fromarray(picture(channels=3)).quantize(16)
    assert np.array_equal(pixels(stored(palette), form()), np.asarray(palette.convert("RGB")))
    assert facts_of(palette).color == "rgb"
    grey = Image.fromarray(picture()).quantize(16)
    assert facts_of(Image.open(stored(grey))).color == "either"


def test_transparency_is_composited_on_the_background():
    clear = np.zeros((12, 10, 4), np.uint8)
    clear[..., 0], clear[:, :5, 3] = 200, 255
    clear[:, 9, 3] = 128
    found = pixels(stored(Image.fromarray(clear)), form(background="#0000ff"))
    assert found[0, 0].tolist() == [200, 0, 0]
    assert found[0, 6].tolist() == [0, 0, 255]
    assert np.abs(found[0, 9].astype(int) - [100, 0, 127]).max() <= 1
    assert pixels(stored(Image.fromarray(clear)), form())[0, 6].tolist() == [255, 255, 255]
    kept = pixels(stored(Image.fromarray(clear)), form(mode="RGBA"))
    assert np.array_equal(kept, clear)


def test_grey_with_alpha_and_a_transparent_palette_are_composited():
    both = Image.merge("LA", [Image.new("L", (10, 12), 50), Image.new("L", (10, 12), 0)])
    assert facts_of(both).color == "grey"
    assert (pixels(stored(both), form(mode="L")) == 255).all()
    palette = Image.new("P", (10, 12), 0)
    palette.putpalette([10, 20, 30, 200, 0, 0])
    palette.putpixel((0, 0), 1)
    found = pixels(stored(palette, transparency=0), form(background="black"))
    assert found[0, 0].tolist() == [200, 0, 0]
    assert found[5, 5].tolist() == [0, 0, 0]


def test_sixteen_bits_are_kept_where_all_have_them_and_rounded_where_not():
    deep = np.linspace(0, 65535, 120).astype(np.uint16).reshape(12, 10)
    file = stored(Image.fromarray(deep))
    assert np.array_equal(pixels(file, form(mode="I;16"))[..., 0], deep)
    file.seek(0)
    assert np.array_equal(pixels(file, form(mode="L"))[..., 0], np.rint(deep / 257).astype(np.uint8))
    assert facts_of(Image.open(stored(Image.fromarray(deep)))).deep
    same, _ = plan([Facts(12, 10, "grey", True)] * 3, DataOptions(), "a")
    assert (same.mode, same.top, same.dtype) == ("I;16", 65535, np.uint16)
    mixed, notes = plan([Facts(12, 10, "grey", True), Facts(12, 10, "grey", False)], DataOptions(), "a")
    assert (mixed.mode, notes) == ("L", ["1 of 2 pictures have 16 bits a pixel and are reduced to 8"])


def test_sixteen_bits_survive_resizing():
    deep = np.full((40, 40), 40_000, np.uint16)
    assert (pixels(stored(Image.fromarray(deep)), form(8, 8, "I;16")) == 40_000).all()


def test_cmyk_becomes_rgb():
    cyan = Image.new("CMYK", (10, 12), (255, 0, 0, 0))
    found = pixels(stored(cyan, "JPEG", quality=95), form())
    assert np.abs(found.astype(int) - [0, 255, 255]).max() <= 6


def test_one_bit_pictures_are_black_and_white():
    bits = Image.fromarray(np.eye(12, 10, dtype=bool))
    assert np.array_equal(pixels(stored(bits), form(mode="L"))[..., 0], np.eye(12, 10, dtype=np.uint8) * 255)


@pytest.mark.parametrize("turned", range(1, 9))
def test_exif_rotation_is_applied(turned, picture):
    upright = Image.fromarray(picture(16, 24))
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the transpose that stores the picture this way
    kept = upright if turned == 1 else upright.transpose(Image.Transpose(undo[turned]))
    exif = Image.Exif()
    exif[0x0112] = turned
    for kind in ("PNG", "JPEG"):
        file = stored(kept, kind, exif=exif, **({"quality": 100} if kind == "JPEG" else {}))
        with opened(file) as found:
            assert (facts_of(found).height, facts_of(found).width) == (16, 24)
            shown = render(found, form(16, 24, "L"))[..., 0].astype(int)
        assert np.abs(shown - picture(16, 24)).max() <= (0 if kind == "PNG" else 8)


def board(height, width):
    """Black and white pixels in turn: resized without a low-pass filter they give stripes, with one they are grey."""
    return Image.fromarray((np.indices((height, width)).sum(0) % 2 * 255).astype(np.uint8))


@pytest.mark.parametrize("fit", ["crop", "stretch"])
def test_resizing_is_antialiased(fit):
    found = pixels(stored(board(128, 128)), form(20, 20, "L", fit)).astype(int)
    assert np.abs(found - 127).max() < 25


def test_crop_takes_the_centre_pad_fills_and_stretch_takes_all():
    thirds = np.zeros((30, 90), np.uint8)
    thirds[:, 30:60], thirds[:, 60:] = 100, 200
    file = stored(Image.fromarray(thirds))
    crop = pixels(file, form(10, 10, "L", "crop"))[..., 0].astype(int)
    assert np.abs(crop[:, 2:8] - 100).max() <= 2
    file.seek(0)
    pad = pixels(file, form(30, 30, "L", "pad", "white"))[..., 0]
    assert (pad[:10] == 255).all()
    assert (pad[20:] == 255).all()
    assert pad[15, [3, 15, 27]].tolist() == [0, 100, 200]
    file.seek(0)
    stretch = pixels(file, form(10, 10, "L", "stretch"))[..., 0]
    assert np.abs(stretch[5, [1, 5, 8]].astype(int) - [0, 100, 200]).max() <= 5


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("turned", [1, 6])
def test_the_shrinking_jpeg_decoder_changes_little(fit, turned):
    rows, columns = np.mgrid[0:600, 0:900]
    smooth = (127 + 60 * np.sin(rows / 90) + 60 * np.cos(columns / 110)).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = turned
    picture = Image.fromarray(smooth)
    shape = form(40, 48, "L", fit)
    fast = pixels(stored(picture, "JPEG", quality=95, exif=exif), shape).astype(int)
    slow = pixels(stored(picture, "PNG", exif=exif), shape).astype(int)
    assert np.abs(fast - slow).max() <= 12
    assert np.abs(fast - slow).mean() <= 1.5


def test_mixed_sizes_need_one_and_the_median_is_proposed():
    facts = [Facts(20, 30, "rgb", False), Facts(40, 30, "rgb", False), Facts(60, 50, "rgb", False)]
    with pytest.raises(BadData, match=r"a has pictures of 3 sizes, from 30 x 20 to 50 x 60; .* --size 30x40 \(the med"):
        plan(facts, DataOptions(), "a")
    found, notes = plan(facts, DataOptions(size="32"), "a")
    assert found.shape == (32, 32, 3)
    brought = "the pictures are brought from 3 sizes to 32 x 32"
    assert notes == [brought, "2 of 3 pictures are smaller than 32 x 32 and are enlarged"]


def test_mixed_colours_need_a_choice():
    facts = [Facts(20, 20, "rgb", False)] * 2 + [Facts(20, 20, "grey", False)]
    with pytest.raises(BadData, match=r"a has 1 grey and 2 coloured pictures; .* --color rgb or --color grey"):
        plan(facts, DataOptions(), "a")
    assert plan(facts, DataOptions(color="rgb"), "a")[0].mode == "RGB"
    grey, notes = plan(facts, DataOptions(color="grey"), "a")
    assert (grey.mode, notes) == ("L", ["2 of 3 pictures have colours, of which only the grey values are taken"])
    assert plan([Facts(20, 20, "either", False), facts[0]], DataOptions(), "a")[0].mode == "RGB"
    assert plan([Facts(20, 20, "either", False), facts[2]], DataOptions(), "a")[0].mode == "L"


def test_pictures_under_eight_pixels_are_refused():
    with pytest.raises(BadData, match="a: the pictures are 9 x 7; at least 8 pixels a side"):
        plan([Facts(7, 9, "rgb", False)], DataOptions(), "a")


def test_a_jpeg_of_twice_the_size_and_more_is_decoded_smaller():
    with opened(stored(Image.new("RGB", (512, 256)), "JPEG")) as found:
        render(found, form(64, 128))
        assert found.size == (256, 128)
    with opened(stored(Image.new("RGB", (500, 250)), "JPEG")) as found:
        render(found, form(64, 128))
        assert found.size == (500, 250)
