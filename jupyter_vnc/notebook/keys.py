"""Keys by name, as X11 numbers them (``keysymdef.h``)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

NAMES: Final = {
    "backspace": 0xFF08,
    "tab": 0xFF09,
    "enter": 0xFF0D,
    "return": 0xFF0D,
    "esc": 0xFF1B,
    "escape": 0xFF1B,
    "delete": 0xFFFF,
    "home": 0xFF50,
    "left": 0xFF51,
    "up": 0xFF52,
    "right": 0xFF53,
    "down": 0xFF54,
    "pageup": 0xFF55,
    "pagedown": 0xFF56,
    "end": 0xFF57,
    "insert": 0xFF63,
    "menu": 0xFF67,
    "space": 0x20,
    "plus": 0x2B,
    "shift": 0xFFE1,
    "ctrl": 0xFFE3,
    "control": 0xFFE3,
    "alt": 0xFFE9,
    "super": 0xFFEB,
    **{f"f{number}": 0xFFBD + number for number in range(1, 13)},
}

#: Characters that are keys of their own.
_CONTROL: Final = {"\n": 0xFF0D, "\r": 0xFF0D, "\t": 0xFF09, "\b": 0xFF08, "\x1b": 0xFF1B}
_LATIN_1: Final = 0x100
#: Where X11 has the characters of Unicode that are not in Latin-1.
_UNICODE: Final = 0x01000000


def of_character(character: str) -> int:
    """Return the keysym of a character."""
    code = ord(character)
    return _CONTROL.get(character) or (code if code < _LATIN_1 else _UNICODE + code)


def of_combination(text: str) -> Iterator[int]:
    """Yield the keysyms of a combination such as ``ctrl+alt+t`` or ``F5``, in the order in which they go down.

    Raises:
        ValueError: names the unknown key.
    """
    for part in text.split("+"):
        name = part.strip()
        if name.lower() in NAMES:
            yield NAMES[name.lower()]
        elif len(name) == 1:
            yield of_character(name)
        else:
            raise ValueError(f"{name!r} is not a key: use a character, or one of {', '.join(NAMES)}")
