import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from latentia.core import Spec
from latentia.data.originals import Halves, originals
from latentia.errors import BadData, BadField

COLOUR, GREY, DEEP, CLEAR = (
    Spec("image", (channels, 8, 8), levels) for channels, levels in ((3, 256), (1, 256), (1, 65536), (4, 256))
)


def ramp(height, width, channels=3):
    pixels = np.arange(height * width * channels).reshape(height, width, channels) % 256
    return pixels.astype(np.uint8) if channels > 1 else pixels[..., 0].astype(np.uint8)


@pytest.fixture
def place(tmp_path):
    (tmp_path / "sub" / "deeper").mkdir(parents=True)
    Image.fromarray(ramp(9, 20)).save(tmp_path / "wide.png")
    Image.fromarray(ramp(31, 11, 1)).save(tmp_path / "sub" / "deeper" / "grey.png")
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


def test_a_folder_keeps_names_and_sizes(place):
    found = originals(place, COLOUR)
    items = dict(found)
    assert list(items) == found.names == ["sub/deeper/grey.png", "wide.png"]
    assert items["wide.png"].shape == (1, 3, 9, 20)
    assert torch.equal((items["wide.png"][0] * 255).round().permute(1, 2, 0).byte(), torch.from_numpy(ramp(9, 20)))
    assert items["sub/deeper/grey.png"].shape == (1, 3, 31, 11)
    assert not found.alone
    assert found.notes == [
        "1 of 2 pictures are brought to rgb, as the model takes them",
        "1 other files are no pictures and are passed over",
    ]
    with zipfile.ZipFile(place / "all.zip", "w") as file:
        file.write(place / "wide.png", "in/wide.png")
    assert [(name, tuple(x.shape)) for name, x in originals(place / "all.zip", COLOUR)] == [
        ("in/wide.png", (1, 3, 9, 20))
    ]


def test_colours_come_as_the_model_takes_them(tmp_path):
    deep = (np.arange(80).reshape(8, 10) * 800).astype(np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    clear = Image.new("RGBA", (10, 8), (255, 0, 0, 0))
    ((_, found),) = originals(tmp_path / "deep.png", DEEP)
    assert torch.equal((found[0, 0] * 65535).round().int(), torch.from_numpy(deep.astype(np.int32)))
    eight = originals(tmp_path / "deep.png", GREY)
    assert eight.notes == ["the picture is reduced from 16 bits to 8"]
    ((_, found),) = originals(Image.new("L", (10, 8), 200), DEEP)
    assert found.unique().item() == pytest.approx(200 / 255)
    ((_, found),) = originals(clear, COLOUR, ground="#0000ff")
    assert found[0, :, 0, 0].tolist() == [0, 0, 1]
    ((_, found),) = originals(clear, CLEAR)
    assert found[0, :, 0, 0].tolist() == [1, 0, 0, 0]
    with pytest.raises(BadField, match="no colour"):
        originals(clear, COLOUR, ground="blurple")


def test_a_turned_photograph_stands_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(ramp(9, 20)).save(tmp_path / "turned.png", exif=exif)
    ((_, found),) = originals(tmp_path / "turned.png", COLOUR)
    assert found.shape == (1, 3, 20, 9)


def test_arrays_and_tensors_of_one_or_many():
    shapes = {
        (5, 20, 30): (5, False), (20, 30): (1, True), (20, 30, 3): (1, True), (2, 20, 30, 3): (2, False),
    }  # fmt: skip
    for shape, (count, alone) in shapes.items():
        found = originals(np.zeros(shape, np.uint8), COLOUR)
        assert (len(found), found.alone) == (count, alone)
        assert {tuple(x.shape) for _, x in found} == {(1, 3, 20, 30)}
    assert originals(torch.rand(3, 20, 30), COLOUR).alone
    assert len(originals(torch.rand(3, 20, 30), GREY)) == 3
    mixed = originals([Image.new("L", (9, 8)), torch.rand(3, 20, 30)], COLOUR)
    assert [(name, tuple(x.shape)) for name, x in mixed] == [("0", (1, 3, 8, 9)), ("1", (1, 3, 20, 30))]


def test_a_known_set_gives_its_test_split():
    found = originals("digits:test", COLOUR)
    assert (len(found), found.alone, found.names[:2]) == (180, False, ["0", "1"])


def test_what_cannot_be_read_is_named_or_left_out(place):
    (place / "bad.png").write_text("text")
    whole = (place / "wide.png").read_bytes()
    (place / "short.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadData, match=r"bad\.png \(no picture"):
        originals(place, COLOUR)
    found = originals(place, COLOUR, skip_bad=True)
    assert [name for name, _ in found] == ["sub/deeper/grey.png", "wide.png"]
    assert any("bad.png" in note for note in found.notes)
    assert "short.png" in found.notes[-1]
    with pytest.raises(BadData, match=r"short\.png cannot be read: cut short"):
        list(originals(place / "short.png", COLOUR, skip_bad=True))  # nothing would be left
    (place / "bad.png").unlink()
    with pytest.raises(BadData, match=r"short\.png in .* cannot be read: cut short"):
        list(originals(place, COLOUR))
    with pytest.raises(BadData, match="did you mean"):
        originals(place / "wid.png", COLOUR)
    with pytest.raises(BadData, match="empty list"):
        originals([], COLOUR)


def test_the_input_half_of_pictures_that_show_both(tmp_path):
    both, alone = ramp(8, 16), ramp(9, 20)
    for name, pixels in (("both.png", both), ("alone.png", alone), ("odd.png", ramp(8, 7))):
        Image.fromarray(pixels).save(tmp_path / name)
    found = originals(tmp_path, COLOUR, halves=Halves(1, (8, 8)))
    items = {name: (x[0] * 255).round().permute(1, 2, 0).byte().numpy() for name, x in found}
    assert np.array_equal(items["both.png"], both[:, 8:])
    assert np.array_equal(items["alone.png"], alone)
    assert items["odd.png"].shape == (8, 7, 3)
    assert found.notes == [
        "1 of 3 pictures are halved: the right half is the input",
        "1 of 3 pictures are wide, and taken whole: --halves takes the input half",
    ]
    with pytest.raises(BadData, match=r"odd\.png \(7 pixels wide"):
        originals(tmp_path, COLOUR, halves=Halves(0))
    found = originals(tmp_path, COLOUR, halves=Halves(0), skip_bad=True)
    assert {name: x.shape[3] for name, x in found} == {"both.png": 8, "alone.png": 10}
    for what in (Image.fromarray(both), both, [both, both]):
        for side in (0, 1):
            part = both[:, 8 * side :][:, :8]
            for _, x in originals(what, COLOUR, halves=Halves(side)):
                assert np.array_equal((x[0] * 255).round().permute(1, 2, 0).byte().numpy(), part)
    assert next(iter(originals(both, COLOUR, halves=Halves(0, (8, 8)))))[1].shape[3] == 16  # an array is what it is
    with pytest.raises(BadData, match="7 pixels wide"):
        originals(ramp(8, 7), COLOUR, halves=Halves(0))
