"""Find the first picture among what a server sends after ServerInit (RFC 6143 section 7.6, rfbproto).

Messages of a server are not self-delimiting once there is a picture in them. What may come ahead of the first one is:
a bell, a colour map, the clipboard's text. These are stepped over by their lengths; nothing of them is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from .wire import S32, U16, U32

#: FramebufferUpdate, up to its first rectangle: the number of rectangles is in the last two bytes.
_UPDATE: Final = 4
_RECTANGLE: Final = 12

#: How many messages may come ahead of the first picture: each takes microseconds of the event loop, and may be a byte,
#: so a stream of them must not hold it for long. TigerVNC sends three of them, x11vnc and QEMU one, wayvnc none.
MOST_AHEAD: Final = 256

#: Bytes that tell the length of a message of this type, and what follows them (:data:`_REST`).
_HEADS: Final[dict[int, int]] = {
    0: _UPDATE,  # FramebufferUpdate
    1: 6,  # SetColourMapEntries
    2: 1,  # Bell
    3: 8,  # ServerCutText
    150: 1,  # EndOfContinuousUpdates
    248: 9,  # ServerFence
    250: 4,  # xvp
    255: 4,  # QEMU: audio begins and ends; data has a length of its own
}

#: A negative length announces the extended clipboard, of as many bytes (rfbproto).
_REST: Final[dict[int, Callable[[bytes], int]]] = {
    1: lambda head: 6 * int(U16.unpack_from(head, 4)[0]),
    3: lambda head: abs(int(S32.unpack_from(head, 4)[0])),
    248: lambda head: head[8],
    255: lambda head: int(U32.unpack_from(head, 4)[0]) if len(head) > _HEADS[255] else 0,
}

_QEMU_DATA: Final = b"\xff\x01\x00\x02"


class FirstUpdate:
    """Reads until the head of the first rectangle is whole: a picture has begun to come.

    A picture's rectangles are not told apart from those that announce a size or a pointer: to know where one of the
    latter ends takes a decoder.

    Attributes:
        came: whether there is one.
        lost: whether something came that is no message which our viewer takes, or too much: there will be none.
    """

    def __init__(self) -> None:
        self.came = False
        self.lost = False
        self._head = bytearray()
        self._skip = 0
        self._left = MOST_AHEAD

    @property
    def done(self) -> bool:
        """Whether nothing that follows changes the answer."""
        return self.came or self.lost

    def feed(self, data: bytes) -> None:
        """Look at the next bytes, cut wherever they are."""
        at = 0
        while at < len(data) and not self.done:
            if self._skip:
                step = min(self._skip, len(data) - at)
                self._skip -= step
            else:
                step = max(min(self._wanted() - len(self._head), len(data) - at), 1)
                self._head += data[at : at + step]
                self._judge()
            at += step

    def _wanted(self) -> int:
        """Return how long the head is, as far as it is known yet."""
        if not self._head:
            return 1
        wanted = _HEADS.get(self._head[0], 1)
        if self._head[: len(_QEMU_DATA)] == _QEMU_DATA:
            return wanted + U32.size
        if self._head[0] == 0 and len(self._head) >= _UPDATE and any(self._head[2:_UPDATE]):
            return wanted + _RECTANGLE
        return wanted

    def _judge(self) -> None:
        """Decide what the head means, if it is whole."""
        kind = self._head[0]
        self.lost = kind not in _HEADS
        if self.lost or len(self._head) < self._wanted():
            return
        self.came = len(self._head) == _UPDATE + _RECTANGLE
        if not self.came:
            self.lost = self._left == 0
            self._left -= 1
        self._skip = _REST[kind](bytes(self._head)) if kind in _REST else 0
        self._head.clear()
