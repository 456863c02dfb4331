"""One picture: what its header says, and its pixels in the form that the data set has.

Every mode is handled on purpose: 1-bit, grey, 16-bit grey, palette, RGB, CMYK, transparency (composited on the
background) and EXIF rotation (applied). Resizing is antialiased.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
import statistics
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from latentia.data.files import Array
from latentia.data.options import SMALLEST, DataOptions, pixels
from latentia.errors import BadData, BadField

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["Facts", "Plan", "Unreadable", "background", "changed", "facts_of", "halved", "opened", "plan", "render"]

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")  # others of Pillow's start programs (EPS)
GREY = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N")
DEEP = ("I", "I;16", "I;16B", "I;16L", "I;16N")
MODES = {"grey": "L", "rgb": "RGB", "rgba": "RGBA"}


class Unreadable(Exception):
    """A picture that cannot be read; the message is the reason, in a few words."""


@dataclass(frozen=True)
class Facts:
    """What the header of a picture says. ``color`` is ``"grey"``, ``"rgb"``, or ``"either"`` for a grey palette."""

    height: int
    width: int
    color: str
    deep: bool


@dataclass(frozen=True)
class Plan:
    """The form that all pictures of a data set are brought to; ``mode`` is Pillow's: L, RGB, RGBA or I;16.

    ``half`` takes the left (0) or the right (1) half of each picture for the whole.
    """

    height: int
    width: int
    mode: str
    fit: str
    background: str
    half: int | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        return self.height, self.width, {"RGB": 3, "RGBA": 4}.get(self.mode, 1)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.uint16 if self.mode == "I;16" else np.uint8)

    @property
    def top(self) -> int:
        """The integer that stands for 1.0."""
        return 65535 if self.mode == "I;16" else 255


@contextlib.contextmanager
def opened(file: BinaryIO, looked: bool = False) -> Iterator[Image]:
    """The picture in ``file``, its header read and nothing else.

    Args:
        file: where the picture lies.
        looked: its number of pixels has been found acceptable before. Threads may only open such pictures, because
            Pillow says "too many" by a warning, and the filters of warnings belong to the whole process.

    Raises:
        Unreadable: no picture, a damaged one (also while it is decoded), or one with too many pixels.
    """
    from PIL import Image

    try:
        with contextlib.nullcontext() if looked else warnings.catch_warnings():
            if not looked:
                warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = Image.open(file, formats=FORMATS)
        with picture:
            yield picture
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        count = re.search(r"\d+", str(error))
        many = f"{int(count[0]):,} pixels" if count else "too many pixels"
        raise Unreadable(f"{many}, at most {Image.MAX_IMAGE_PIXELS or 0:,} are read") from None
    except (Unreadable, MemoryError, KeyboardInterrupt):
        raise
    except Exception as error:  # damaged files make Pillow raise nearly anything
        raise Unreadable(_reason(file, error)) from None


def facts_of(picture: Image) -> Facts:
    """What the header of ``picture`` says, after rotation."""
    width, height = picture.size if _orientation(picture) < 5 else picture.size[::-1]
    color = "grey" if picture.mode in GREY else "rgb"
    if picture.mode == "P" and _grey_palette(picture):
        color = "either"
    return Facts(height, width, color, picture.mode in DEEP)


def halved(facts: Facts) -> Facts:
    """The facts of either half of a picture that shows two side by side.

    Raises:
        Unreadable: it has no two halves of one width.
    """
    if facts.width % 2:
        raise Unreadable(f"{facts.width} pixels wide; two pictures of one width side by side are an even number")
    return dataclasses.replace(facts, width=facts.width // 2)


def plan(facts: Sequence[Facts], options: DataOptions, name: str, half: int | None = None) -> tuple[Plan, list[str]]:
    """The form for pictures with these facts, and sentences for the person.

    Raises:
        BadData: mixed sizes or mixed colours, and no option that says what to do; pictures that are too small.
        BadField: a background that is no colour.
    """
    background(options.background)
    height, width = pixels(options.size) or _common_size(facts, name)
    if min(height, width) < SMALLEST:
        raise BadData(f"{name}: the pictures are {width} x {height}; at least {SMALLEST} pixels a side")
    mode = MODES[options.color or _common_color(facts, name)]
    deep = sum(each.deep for each in facts)
    notes = []
    if mode == "L" and deep == len(facts):
        mode = "I;16"
    elif deep:
        notes.append(f"{deep:,} of {len(facts):,} pictures have 16 bits a pixel and are reduced to 8")
    notes += changed(facts, height, width, mode)
    small = sum(each.height < height or each.width < width for each in facts)
    if small and options.size:
        notes.append(f"{small:,} of {len(facts):,} pictures are smaller than {width} x {height} and are enlarged")
    return Plan(height, width, mode, options.fit, options.background, half), notes


def changed(facts: Sequence[Facts], height: int, width: int, mode: str) -> list[str]:
    """The sentences for the person when pictures with these facts come to another size, or lose their colours."""
    sizes, notes = sorted({(each.width, each.height) for each in facts}), []
    if sizes not in ([], [(width, height)]):
        found = "{} x {}".format(*sizes[0]) if len(sizes) == 1 else f"{len(sizes)} sizes"
        notes.append(f"the pictures are brought from {found} to {width} x {height}")
    coloured = sum(each.color == "rgb" for each in facts)
    if coloured and mode in ("L", "I;16"):
        notes.append(f"{coloured:,} of {len(facts):,} pictures have colours, of which only the grey values are taken")
    return notes


def render(picture: Image, plan: Plan) -> Array:
    """The pixels of ``picture`` as the plan has them, ``(height, width, channels)`` of uint8 or uint16."""
    from PIL import ImageOps

    turned = _orientation(picture)
    if picture.format in ("JPEG", "MPO") and plan.half is None:
        _draft(picture, plan, turned >= 5)
    if turned > 1:
        picture = ImageOps.exif_transpose(picture)
    if plan.half is not None:
        middle = picture.width // 2
        picture = picture.crop((plan.half * middle, 0, (plan.half + 1) * middle, picture.height))
    fitted = _fitted(_colored(picture, plan), plan)
    pixels = np.asarray(fitted)
    if plan.mode == "I;16":
        pixels = np.clip(np.rint(pixels), 0, 65535).astype(np.uint16)
    return pixels.reshape(plan.shape)


def background(color: str, mode: str = "RGB") -> tuple[int, ...]:
    """A colour such as ``"white"`` or ``"#ff8800"`` as numbers from 0 to 255, one per channel of the mode.

    Raises:
        BadField: the text is no colour.
    """
    from PIL import ImageColor

    try:
        found = ImageColor.getcolor(color, mode)
    except ValueError:
        raise BadField(f"background is {color!r}, which is no colour; write white, black, or #rrggbb") from None
    return found if isinstance(found, tuple) else (found,)


def _common_size(facts: Sequence[Facts], name: str) -> tuple[int, int]:
    sizes = Counter((each.height, each.width) for each in facts)
    if len(sizes) == 1:
        return next(iter(sizes))
    height = max(SMALLEST, int(statistics.median(each.height for each in facts)))
    width = max(SMALLEST, int(statistics.median(each.width for each in facts)))
    low, high = min(sizes, key=lambda size: size[0] * size[1]), max(sizes, key=lambda size: size[0] * size[1])
    proposal = str(width) if width == height else f"{width}x{height}"
    raise BadData(
        f"{name} has pictures of {len(sizes)} sizes, from {low[1]} x {low[0]} to {high[1]} x {high[0]}; "
        f"give one size for all: --size {proposal} (the median; in Python size={proposal!r})"
    )


def _common_color(facts: Sequence[Facts], name: str) -> str:
    count = Counter(each.color for each in facts)
    if count["grey"] and count["rgb"]:
        raise BadData(
            f"{name} has {count['grey']:,} grey and {count['rgb']:,} coloured pictures; "
            f"give one form for all: --color rgb or --color grey (in Python color='rgb')"
        )
    return "rgb" if count["rgb"] else "grey"


def _draft(picture: Image, plan: Plan, sideways: bool) -> None:
    """Let the JPEG decoder shrink by a power of two, to about twice the size that is needed or more."""
    width, height = picture.size[::-1] if sideways else picture.size
    least = min if plan.fit == "pad" else max
    scale = 2 * least(plan.width / width, plan.height / height)
    wanted = (max(1, int(width * scale)), max(1, int(height * scale)))
    picture.draft(None, wanted[::-1] if sideways else wanted)


def _colored(picture: Image, plan: Plan) -> Image:
    from PIL import Image

    if picture.mode == "F":
        raise Unreadable("floating-point pixels, which pictures do not have; save an array as .npy instead")
    if picture.mode in DEEP:
        return _from_deep(picture, plan)
    if plan.mode == "RGBA":
        return picture.convert("RGBA")
    if picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info:
        ground = Image.new("RGBA", picture.size, background(plan.background, "RGBA"))
        picture = Image.alpha_composite(ground, picture.convert("RGBA"))
    if plan.mode == "I;16":  # converted to it, a picture of 8 bits would keep its numbers and be nearly black
        return Image.fromarray(np.asarray(picture.convert("L"), np.float32) * 257)
    return picture.convert(plan.mode)


def _from_deep(picture: Image, plan: Plan) -> Image:
    """A 16-bit grey picture, as floats from 0 to 65535 where they are kept, rounded to 8 bits where not."""
    from PIL import Image

    numbers = np.asarray(picture.convert("I"))
    if numbers.min() < 0 or numbers.max() > 65535:
        raise Unreadable("32-bit pixels; at most 16 bits are read")
    if plan.mode == "I;16":
        return Image.fromarray(numbers.astype(np.float32))
    return Image.fromarray(((numbers * 255 + 32767) // 65535).astype(np.uint8)).convert(plan.mode)


def _fitted(picture: Image, plan: Plan) -> Image:
    from PIL import Image

    (width, height), target = picture.size, (plan.width, plan.height)
    if picture.size == target:
        return picture
    if plan.fit == "stretch":
        return picture.resize(target, Image.Resampling.BICUBIC)
    if plan.fit == "crop":
        scale = max(plan.width / width, plan.height / height)
        left, top = (width - plan.width / scale) / 2, (height - plan.height / scale) / 2
        box = (max(0.0, left), max(0.0, top), min(width, width - left), min(height, height - top))
        return picture.resize(target, Image.Resampling.BICUBIC, box=box)
    scale = min(plan.width / width, plan.height / height)
    inner = (max(1, round(width * scale)), max(1, round(height * scale)))
    fill: Any = background(plan.background, "L" if picture.mode == "F" else picture.mode)
    fill = fill[0] * 257.0 if picture.mode == "F" else fill if len(fill) > 1 else fill[0]
    ground = Image.new(picture.mode, target, fill)
    ground.paste(
        picture.resize(inner, Image.Resampling.BICUBIC),
        ((plan.width - inner[0]) // 2, (plan.height - inner[1]) // 2),
    )
    return ground


def _orientation(picture: Image) -> int:
    """The EXIF orientation, 1 if there is none; a PNG is not decoded to look for one behind its pixels."""
    if "exif" not in picture.info and getattr(picture, "format", None) not in ("JPEG", "MPO", "TIFF", "WEBP"):
        return 1
    found = picture.getexif().get(0x0112, 1)
    return found if found in range(1, 9) else 1


def _grey_palette(picture: Image) -> bool:
    colors = np.array(picture.getpalette() or [0, 0, 1]).reshape(-1, 3)
    return bool((colors == colors[:, :1]).all())


def _reason(file: BinaryIO, error: Exception) -> str:
    from PIL import UnidentifiedImageError

    file.seek(0)
    start = file.read(16)
    if not start:
        return "empty"
    if isinstance(error, UnidentifiedImageError):
        return f"no picture, it starts with {start!r}" if start.isascii() else "no picture that can be read"
    return "cut short" if "truncated" in str(error) else f"damaged ({error or type(error).__name__})"
