"""A program that gives the root window of a display a background: dark at the top, and lighter towards the bottom.

It runs :func:`main` in an interpreter of its own, as :mod:`.window_fitter` does, so that a background needs neither
``xsetroot`` nor an image.
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path
from typing import Final

from . import requests
from .connection import Link

#: Colours at the top and at the bottom (red, green, blue), and how far apart they are (pixels). A screen that is higher
#: begins again from the top.
TOP: Final = (0x1B, 0x2A, 0x41)
BOTTOM: Final = (0x4F, 0x86, 0x9E)
HEIGHT: Final = 1440

#: Rows of one colour: so many colours cost a viewer little, and still no step between two is seen.
STEP: Final = 4


def rows(height: int = HEIGHT) -> bytes:
    """Return the pixels of a column of ``height`` rows (X11's ZPixmap of 24-bit colours: four bytes each)."""
    return b"".join(_pixel((row - row % STEP) / max(1, height - 1)) for row in range(height))


def _pixel(part: float) -> bytes:
    red, green, blue = (round(top + (bottom - top) * part) for top, bottom in zip(TOP, BOTTOM, strict=True))
    return struct.pack("<I", red << 16 | green << 8 | blue)


def paint(link: Link) -> None:
    """Set the background. It stays when this program has ended, and fills the screen at each of its sizes."""
    screen = link.screen
    pixmap, context = screen.base | 1, screen.base | 2
    link.send(requests.create_pixmap(pixmap, screen.root, 24, 1, HEIGHT))
    link.send(requests.create_context(context, pixmap))
    link.send(requests.put_image(pixmap, context, 24, 1, HEIGHT, rows()))
    link.send(requests.set_background(screen.root, pixmap))
    link.send(requests.clear(screen.root))
    link.ask(requests.query_tree(screen.root))  # an answer: all of it has been done


def main(display: str, authority: str) -> None:
    """Paint a display's root window. An error is logged in one line, and ends this program only."""
    try:
        link = Link.open(int(display), Path(authority))
        try:
            paint(link)
        finally:
            link.close()
    except (OSError, ValueError, struct.error) as error:
        sys.exit(f"The screen gets no background: {error}")
