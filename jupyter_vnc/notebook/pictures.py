"""A picture within the picture of a screen: where it is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice
from math import gcd
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from .colours import near

if TYPE_CHECKING:
    from PIL.Image import Image

Pixel = tuple[int, int, int]

#: Of how many colours of a picture the places are looked up, before what is left is compared pixel by pixel.
_HINTS: Final = 8
#: Colours of a picture that are counted (a photograph has more, and any of its pixels is a good hint).
_COLOURS: Final = 4096
_OPAQUE: Final = 255
#: Steps of the golden section come back to no part of a picture before they have been in all others.
_GOLDEN: Final = 0.618


class Area(NamedTuple):
    """A rectangle on the screen, in pixels; the upper left corner of the screen is 0, 0."""

    x: int
    y: int
    width: int
    height: int

    @property
    def centre(self) -> tuple[int, int]:
        """The point in the middle."""
        return self.x + self.width // 2, self.y + self.height // 2

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, upper, right and lower edge, as Pillow wants them."""
        return self.x, self.y, self.x + self.width, self.y + self.height


def load(image: Image | Path | str) -> Image:
    """Return a picture with its transparency, out of a file if it is a path.

    Raises:
        OSError: the file cannot be read, or is no picture.
        ValueError: the picture is invisible.
    """
    import PIL.Image  # noqa: PLC0415 - optional if desktops are only started and stopped

    if isinstance(image, str | Path):
        with PIL.Image.open(image) as opened:
            wanted = opened.convert("RGBA")
    else:
        wanted = image.convert("RGBA")
    if wanted.getchannel("A").getextrema()[1] != _OPAQUE:  # it would be everywhere
        raise ValueError("no pixel of the picture is opaque, so there is nothing to look for")
    return wanted


def find_picture(screen: Image, wanted: Image, tolerance: int, deadline: float | None = None) -> Area | None:
    """Return where a picture is on a screen, the first place from above, or None.

    Args:
        screen: the screen, RGB.
        wanted: the picture, RGBA; of its pixels only those count that are wholly opaque.
        tolerance: how far each part of the colour of each of its pixels may be off (0 to 255).
        deadline: when to give up, if ever, as ``time.monotonic`` tells the time: of a picture that is much like all of
            the screen, there are hundreds of thousands of places to compare.
    """
    across, down = screen.width - wanted.width + 1, screen.height - wanted.height + 1
    if across < 1 or down < 1:
        return None
    mask = wanted.getchannel("A").point([0] * _OPAQUE + [_OPAQUE])
    colours = wanted.convert("RGB")
    possible = _possible(screen, colours, mask, tolerance, (across, down))
    at = possible.find(b"\xff")
    while at >= 0:
        found = Area(at % across, at // across, *wanted.size)
        if _is_like(screen.crop(found.box), colours, mask, tolerance):
            return found
        if deadline is not None and time.monotonic() > deadline:
            return None
        at = possible.find(b"\xff", at + 1)
    return None


def _possible(screen: Image, colours: Image, mask: Image, tolerance: int, size: tuple[int, int]) -> bytes:
    """Return for each place whether the picture may be there, row by row: 255 or 0, by some of its pixels."""
    from PIL import ImageChops  # noqa: PLC0415

    possible = None
    for (x, y), colour in _hints(colours, mask):
        here = near(screen.crop((x, y, x + size[0], y + size[1])), colour, tolerance)
        possible = here if possible is None else ImageChops.darker(possible, here)
        if possible.getbbox() is None:
            break
    return possible.tobytes() if possible is not None else b""


def _hints(colours: Image, mask: Image) -> Iterator[tuple[tuple[int, int], Pixel]]:
    """Yield pixels of a picture, one for each colour, those of the rarest first: they tell most of where it is.

    Of colours that are equally rare, they are from all over it: neighbours are often alike, and tell the same.
    """
    seen: dict[Pixel, int] = {}
    places: dict[Pixel, tuple[int, int]] = {}
    solid, data = mask.tobytes(), colours.tobytes()
    for at in _all_over(len(solid)):
        if solid[at]:
            colour = (data[3 * at], data[3 * at + 1], data[3 * at + 2])
            seen[colour] = seen.get(colour, 0) + 1
            places.setdefault(colour, (at % colours.width, at // colours.width))
            if len(seen) >= _COLOURS:
                break
    yield from ((places[colour], colour) for colour in islice(sorted(seen, key=lambda one: seen[one]), _HINTS))


def _all_over(count: int) -> Iterator[int]:
    """Yield each number below that once, each far from those before it."""
    step = max(1, round(count * _GOLDEN))
    while gcd(step, count) != 1:
        step += 1
    return (turn * step % count for turn in range(count))


def _is_like(part: Image, colours: Image, mask: Image, tolerance: int) -> bool:
    """Whether no opaque pixel of a picture is further off than permitted."""
    from PIL import ImageChops  # noqa: PLC0415

    off = (ImageChops.darker(band, mask) for band in ImageChops.difference(part, colours).split())
    return all(not any(band.histogram()[tolerance + 1 :]) for band in off)
