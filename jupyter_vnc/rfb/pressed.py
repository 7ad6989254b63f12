"""What a viewer holds down, so that somebody else can let go of it: X servers repeat a key until it is released."""

from __future__ import annotations

import re
from typing import Final

from .grammar import GRAMMAR
from .wire import ClientMessage

#: The most keys that are remembered; nobody has so many fingers.
MOST: Final = 64

_KEYS: Final = (ClientMessage.KEY_EVENT, ClientMessage.QEMU_KEY)
_POINTER: Final = ClientMessage.POINTER_EVENT
_OTHERS: Final = [kind for kind, rule in GRAMMAR.items() if rule.size and kind not in {*_KEYS, _POINTER}]
_POINTER_SIZE: Final = GRAMMAR[_POINTER].size
#: The first byte of a key, and its size.
_KEY_SIZES: Final = {kind if kind <= 0xFF else kind >> 8: GRAMMAR[kind].size for kind in _KEYS}


def _whole(kind: int) -> bytes:
    prefix = kind.to_bytes(2 if kind > 0xFF else 1)
    return re.escape(prefix) + b".{%d}" % (GRAMMAR[kind].size - len(prefix))


def _one_of(*kinds: int) -> bytes:
    return b"|".join(map(_whole, kinds))


#: The next key in a row, behind everything else; at its end an empty one.
_NEXT_KEY: Final = re.compile(b"(?s:(?:%b)*+(%b|\\Z))" % (_one_of(*_OTHERS, _POINTER), _one_of(*_KEYS)))
#: A row up to its end: its last pointer event.
_LAST_POINTER: Final = re.compile(b"(?s:(?:%b|(%b))*+)" % (_one_of(*_OTHERS, *_KEYS), _whole(_POINTER)))
_KEY_UP: Final = b"\4\0\0\0"
_QEMU_KEY_UP: Final = b"\xff\0\0\0"


class Pressed:
    """The keys and mouse buttons that are down at the desktop, by what it was sent."""

    def __init__(self) -> None:
        self._keys: dict[bytes, None] = {}
        self._pointer = b""

    def follow(self, row: bytes) -> None:
        """Note what goes to the desktop: whole messages of fixed size, or one pointer event with a seventh byte."""
        if len(row) == _KEY_SIZES.get(row[0]):
            self._press(row)
            return
        if row[0] == _POINTER and (len(row) <= _POINTER_SIZE + 1 or _is_all_pointer(row)):
            self._pointer = row if len(row) == _POINTER_SIZE + 1 else row[-_POINTER_SIZE:]
            return
        # Of equal messages only the last counts, and a burst has many of them.
        for message in reversed(dict.fromkeys(reversed(_NEXT_KEY.findall(row)))):
            self._press(message)
        if _POINTER in row and (match := _LAST_POINTER.match(row)):
            self._pointer = match[1] or self._pointer

    def _press(self, message: bytes) -> None:
        """Note one key: a KeyEvent has a keysym, a QEMU key a keysym and a keycode, in both behind four bytes.

        See RFC 6143 section 7.5.4, and rfbproto, "QEMU Extended Key Event Message".
        """
        key = message[4:]
        down = message[1:2] if message[:1] == _KEY_UP[:1] else message[2:4]
        if not any(down):
            self._keys.pop(key, None)
        elif len(self._keys) < MOST:
            self._keys[key] = None

    def release(self) -> bytes:
        """Return the messages that let go of everything."""
        released = [(_KEY_UP if len(key) == 4 else _QEMU_KEY_UP) + key for key in self._keys]
        if any(self._pointer[1:2] + self._pointer[6:7]):
            # Without a button, bit 7 is not set, so it has six bytes for every server.
            released.append(self._pointer[:1] + b"\0" + self._pointer[2:6])
        self._keys.clear()
        self._pointer = b""
        return b"".join(released)


def _is_all_pointer(row: bytes) -> bool:
    """Whether a row has nothing but pointer events: each begins where the one before it ends."""
    return row[::_POINTER_SIZE].count(_POINTER) * _POINTER_SIZE == len(row)
