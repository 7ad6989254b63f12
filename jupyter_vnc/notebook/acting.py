"""Keys and the pointer of a desktop."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from typing import Final

from . import keys
from .viewer import Viewer
from .watching import Watched

#: The pause after each key that is typed, and each step of the pointer (seconds), so that slow programs lose none.
_PAUSE: Final = 0.005
_BUTTONS: Final = {"left": 1, "middle": 2, "right": 4}
#: A step of a wheel is a click of a button that no mouse has: up, down, left, right.
_UP, _DOWN, _LEFT, _RIGHT = 8, 16, 32, 64
#: In how many steps something is dragged: programs take a single one for a click that slipped.
_STEPS: Final = 10
#: Most steps of a wheel at once: a slip of a program, such as pixels instead of steps, would take minutes.
MAX_SCROLL: Final = 1000

Point = tuple[int, int]


class Controlled(Watched):
    """A desktop with its keys and its pointer. Who may only view it gets :class:`.NotebookError` from all of them."""

    def type_text(self, text: str) -> None:
        r"""Type a text, key by key; ``\n`` is Enter, ``\t`` is Tab."""
        with self._watched() as viewer:
            for character in text:
                _tap(viewer, [keys.of_character(character)])
            viewer.image()  # so that all has arrived before we leave

    def press(self, combination: str) -> None:
        """Press keys together, such as ``"ctrl+alt+t"``, ``"F5"`` or ``"enter"``, and release them.

        Raises:
            ValueError: names the unknown key.
        """
        wanted = [*keys.of_combination(combination)]
        with self._watched() as viewer:
            _tap(viewer, wanted)
            viewer.image()

    def move(self, x: int, y: int) -> None:
        """Move the pointer to a point, in pixels from the upper left corner, without a button.

        Raises:
            ValueError: the point is not on the screen; so for all that the pointer does.
        """
        self._point([(x, y)], [0])

    def click(self, x: int, y: int, button: str = "left") -> None:
        """Click at a point, in pixels from the upper left corner, with ``"left"``, ``"middle"`` or ``"right"``."""
        down = _button(button)
        self._point([(x, y)], [0, down, 0])

    def double_click(self, x: int, y: int) -> None:
        """Click twice at a point with the left button."""
        self._point([(x, y)], [0, *(2 * (_BUTTONS["left"], 0))])

    def drag(self, start: Point, end: Point, button: str = "left") -> None:
        """Press a button at one point, move the pointer to another one, and release it there."""
        down = _button(button)
        line = [
            tuple(one + (other - one) * step // _STEPS for one, other in zip(start, end, strict=True))
            for step in range(_STEPS + 1)
        ]
        moves = [(start, 0), *(((x, y), down) for x, y in line), (end, 0)]
        self._steps(moves)

    def scroll(self, x: int, y: int, down: int = 0, right: int = 0) -> None:
        """Turn the wheel at a point by so many steps; negative ones go up, and to the left.

        Raises:
            ValueError: the point is not on the screen, or there are more than :data:`MAX_SCROLL` steps.
        """
        if max(abs(down), abs(right)) > MAX_SCROLL:
            raise ValueError(f"a wheel can be turned by {MAX_SCROLL} steps at once; a step is about three lines")
        turns = [_DOWN if down > 0 else _UP, 0] * abs(down) + [_RIGHT if right > 0 else _LEFT, 0] * abs(right)
        self._point([(x, y)], [0, *turns])

    def _point(self, points: Sequence[Point], buttons: Sequence[int]) -> None:
        self._steps((point, down) for point in points for down in buttons)

    def _steps(self, moves: Iterable[tuple[Point, int]]) -> None:
        """Let the pointer go through points, each with the buttons that are down there."""
        with self._watched() as viewer:
            # A point between pixels, as the middle of something may be, is in one of them.
            steps = [((math.floor(x), math.floor(y)), down) for (x, y), down in moves]
            if not all(_is_on(point, viewer.size) for point, _ in steps):
                viewer.image()  # the screen may have grown since we looked
            for point, _ in steps:
                _check(point, viewer.size)
            for (x, y), down in steps:
                viewer.pointer(x, y, down)
                time.sleep(_PAUSE)
            viewer.image()


def _button(name: str) -> int:
    if name not in _BUTTONS:
        raise ValueError(f"{name!r} is not a button; use one of {', '.join(_BUTTONS)}")
    return _BUTTONS[name]


def _is_on(point: Point, size: tuple[int, int]) -> bool:
    return all(0 <= one < most for one, most in zip(point, size, strict=True))


def _check(point: Point, size: tuple[int, int]) -> None:
    if not _is_on(point, size):
        raise ValueError(f"{point} is not on the screen, which has {size[0]} x {size[1]} pixels")


def _tap(viewer: Viewer, keysyms: Sequence[int]) -> None:
    for keysym in keysyms:
        viewer.key(keysym, down=True)
    for keysym in reversed(keysyms):
        viewer.key(keysym, down=False)
    time.sleep(_PAUSE)
