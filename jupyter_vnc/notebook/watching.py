"""Looking at a desktop: its picture, what is on it, and waiting for a change of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self, TypeVar

from .colours import find_colour
from .not_seen import NotSeen
from .pictures import Area, find_picture, load
from .reading import read_text
from .server import Server
from .viewer import Viewer

if TYPE_CHECKING:
    from PIL.Image import Image

Found = TypeVar("Found")

#: How long a wait lasts by default (seconds).
PATIENCE: Final = 10.0
#: How far each part of a colour (0 to 255) may be from what is waited for.
TOLERANCE: Final = 24
#: Seconds for a look at a picture's possible places when the time is up: what is there is found even with no patience.
_LOOK: Final = 2.0


class Watched:
    """A desktop as it is seen.

    Args:
        server: the Jupyter server that has it.
        name: its name.
        title: its title, if it has one.
    """

    def __init__(self, server: Server, name: str, title: str = "") -> None:
        self.name = name
        self.title = title or name
        self._server = server
        self._viewer: Viewer | None = None

    def __enter__(self) -> Self:
        self._viewer = Viewer(self._server, self.name)
        return self

    def __exit__(self, *_: object) -> None:
        viewer, self._viewer = self._viewer, None
        if viewer is not None:
            viewer.close()

    @contextmanager
    def _watched(self) -> Iterator[Viewer]:
        """Use the connection of the ``with`` block we are in, or one of our own."""
        if (viewer := self._viewer) is not None:
            yield viewer
        else:
            with closing(Viewer(self._server, self.name)) as viewer:
                yield viewer

    def screenshot(self) -> Image:
        """Return what is on its screen, as a Pillow image; in a cell it is shown."""
        with self._watched() as viewer:
            return viewer.image()

    def find(self, image: Image | Path | str, *, tolerance: int = TOLERANCE) -> Area | None:
        """Return where a picture is on the screen, the first place from above; None if it is not there.

        Args:
            image: a Pillow image or a file, such as a piece of a screenshot. Transparent pixels of it match anything.
            tolerance: how far each part of the colour of each pixel may be off (0 to 255).

        Raises:
            OSError: the file cannot be read, or is no picture.
            ValueError: no pixel of the picture is opaque.
        """
        return find_picture(self.screenshot(), load(image), tolerance)

    def wait_for(self, image: Image | Path | str, *, tolerance: int = TOLERANCE, timeout: float = PATIENCE) -> Area:
        """Wait until a picture is on the screen, and return where.

        Args:
            image: as for :meth:`find`.
            tolerance: likewise.
            timeout: for how long (seconds).

        Raises:
            NotSeen: it did not come.
            OSError: the file cannot be read, or is no picture.
            ValueError: no pixel of the picture is opaque.
        """
        wanted = load(image)
        size = f"{wanted.width} x {wanted.height} pixels"
        what = f"The picture {Path(image).name!r} ({size})" if isinstance(image, str | Path) else f"A picture of {size}"
        deadline = time.monotonic() + timeout

        def find(screen: Image) -> Area | None:
            return find_picture(screen, wanted, tolerance, max(deadline, time.monotonic() + _LOOK))

        return self._wait(find, what, timeout)

    def wait_for_colour(
        self,
        colour: str | tuple[int, int, int],
        at: tuple[int, int] | None = None,
        *,
        tolerance: int = TOLERANCE,
        timeout: float = PATIENCE,
    ) -> tuple[int, int]:
        """Wait until a colour is there, and return where.

        Args:
            colour: a name or ``#rrggbb`` as in CSS, or red, green and blue from 0 to 255.
            at: the point that must have it; anywhere, if absent.
            tolerance: how far each part of the colour may be off (0 to 255).
            timeout: for how long (seconds).

        Raises:
            NotSeen: it did not come.
        """
        return self._wait(lambda screen: find_colour(screen, colour, at, tolerance), repr(colour), timeout)

    def _wait(self, find: Callable[[Image], Found | None], what: str, timeout: float) -> Found:
        deadline = time.monotonic() + timeout
        with self._watched() as viewer:
            while True:
                screen = viewer.image()
                if (found := find(screen)) is not None:
                    return found
                # On a desktop that never rests, something has changed in no time at all.
                if (left := deadline - time.monotonic()) <= 0 or not viewer.changes(left):
                    raise NotSeen(f"{what} did not appear on {self.name!r} within {timeout:g} seconds.", screen)

    def wait_until_still(self, seconds: float = 0.5, *, timeout: float = PATIENCE) -> None:
        """Wait until nothing has changed on its screen for that many seconds.

        Raises:
            NotSeen: it was never still for that long within ``timeout`` seconds.
        """
        deadline = time.monotonic() + timeout
        with self._watched() as viewer:
            viewer.image()
            while viewer.changes(seconds):
                if time.monotonic() > deadline:
                    sentence = f"{self.name!r} was not still for {seconds:g} seconds within {timeout:g}."
                    raise NotSeen(sentence, viewer.image())

    def text(self, area: tuple[int, int, int, int] | None = None, *, language: str = "eng") -> str:
        """Return the text on the screen, as far as Tesseract recognises it, which has to be installed.

        It reads best what is large and dark on a plain, light background; expect mistakes.

        Args:
            area: where to look: x, y, width and height in pixels; everywhere, if absent.
            language: of the text, as Tesseract names it, such as ``deu``; its data has to be installed, too.

        Raises:
            NotebookError: Tesseract is not installed, or failed.
            ValueError: the area is not on the screen.
        """
        screen = self.screenshot()
        if area is not None:
            screen = screen.crop(_inside(Area(*area), screen.size))
        return read_text(screen, language)


def _inside(area: Area, size: tuple[int, int]) -> tuple[int, int, int, int]:
    left, top, right, bottom = area.box
    if not (0 <= left < right <= size[0] and 0 <= top < bottom <= size[1]):
        raise ValueError(f"{tuple(area)} is not within the screen, which has {size[0]} x {size[1]} pixels")
    return area.box
