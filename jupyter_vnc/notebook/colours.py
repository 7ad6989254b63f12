"""Colours in the picture of a screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL.Image import Image


def find_colour(
    image: Image, colour: str | tuple[int, int, int], at: tuple[int, int] | None, tolerance: int
) -> tuple[int, int] | None:
    """Return a point that has a colour, the first from above, or None.

    Args:
        image: the screen.
        colour: a name or ``#rrggbb`` as in CSS, or red, green and blue from 0 to 255.
        at: the only point that counts; any, if absent.
        tolerance: how far each part of the colour may be off (0 to 255).

    Raises:
        ValueError: there is no colour of this name.
    """
    from PIL import ImageColor  # noqa: PLC0415 - optional if desktops are only started and stopped

    wanted = (ImageColor.getrgb(colour) if isinstance(colour, str) else colour)[:3]
    left, top = at or (0, 0)
    if at is not None:
        image = image.crop((left, top, left + 1, top + 1))
    where = near(image, wanted, tolerance)
    if (box := where.getbbox()) is None:
        return None
    row = where.crop((0, box[1], where.width, box[1] + 1)).getbbox()
    return (left + (row or box)[0], top + box[1])


def near(image: Image, colour: Sequence[int], tolerance: int) -> Image:
    """Return where an image has a colour: 255 for each pixel of which no part is further off, 0 for the others."""
    from PIL import ImageChops  # noqa: PLC0415

    red, green, blue = (
        band.point([255 if abs(value - part) <= tolerance else 0 for value in range(256)])
        for band, part in zip(image.split(), colour, strict=True)
    )
    return ImageChops.darker(ImageChops.darker(red, green), blue)
