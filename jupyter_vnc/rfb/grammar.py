"""The grammar of what a viewer sends after its handshake, as one table: how long each message is, and who may send it.

Only this direction is ever parsed: what a server sends is not self-delimiting without decoding pictures.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Flag, auto
from typing import Final

from jupyter_vnc.exceptions import ViewerError

from .vendor_messages import FOREIGN
from .wire import MAX_ENCODINGS, MAX_FENCE, MAX_SCREENS, S32, ClientMessage


class Right(Flag):
    """What a viewer must be allowed, for a message of its to reach the desktop."""

    WATCH = auto()
    KEYBOARD = auto()
    POINTER = auto()
    CLIPBOARD_TO_DESKTOP = auto()
    CLIPBOARD_FROM_DESKTOP = auto()
    RESIZE = auto()
    POWER = auto()
    #: Has no switch of its own, but is not permitted in view mode.
    CONTROL = auto()


#: Returns the length of the message at ``buffer[start:]``, type included; 0 while too little of it has come.
Measure = Callable[[bytearray, int], int]


@dataclass(frozen=True, slots=True)
class Rule:
    """How long one type of message is, and what it takes to send it.

    Attributes:
        name: as in RFC 6143 section 7.5 or rfbproto.
        right: what the viewer must be allowed.
        size: length in bytes, type included, where there is only one.
        measure: the length where there is not.
        human: somebody did it. Frames and acknowledgements are not activity.
    """

    name: str
    right: Right
    size: int = 0
    measure: Measure | None = None
    human: bool = False


def _list(name: str, *, header: int, count: slice, item: int, limit: int) -> Measure:
    """Return the measure of a message that has a counted list behind its header."""

    def measure(buffer: bytearray, start: int) -> int:
        if len(buffer) < start + header:
            return 0
        number = int.from_bytes(buffer[start + count.start : start + count.stop])
        if number > limit:
            raise ViewerError(f"The viewer sent too long a message ({name}).", detail=f"{number} items")
        return header + item * number

    return measure


def pointer_size(buffer: bytearray, start: int) -> int:
    """PointerEvent where extended mouse buttons are agreed on: bit 7 of the mask announces a seventh byte."""
    if len(buffer) < start + 2:
        return 0
    return 7 if buffer[start + 1] & 0x80 else 6


def _cut_text(buffer: bytearray, start: int) -> int:
    """ClientCutText; a negative length announces rfbproto's extended clipboard, of as many bytes."""
    if len(buffer) < start + 8:
        return 0
    length: int = S32.unpack_from(buffer, start + 4)[0]
    if -4 < length < 0:
        raise ViewerError("The viewer sent a broken clipboard message.", detail=f"length {length}")
    return 8 + abs(length)


def _qemu_audio(buffer: bytearray, start: int) -> int:
    """QEMU audio: enable and disable are short, a sample format follows operation 2."""
    if len(buffer) < start + 4:
        return 0
    operation = int.from_bytes(buffer[start + 2 : start + 4])
    if operation > 2:
        raise ViewerError("The viewer sent a broken audio message.", detail=f"operation {operation}")
    return 10 if operation == 2 else 4


_encodings = _list("SetEncodings", header=4, count=slice(2, 4), item=4, limit=MAX_ENCODINGS)
_fence = _list("ClientFence", header=9, count=slice(8, 9), item=1, limit=MAX_FENCE)
_screens = _list("SetDesktopSize", header=8, count=slice(6, 7), item=16, limit=MAX_SCREENS)

#: Every message that our viewer may send. A type that is not here is unknown.
GRAMMAR: Final[dict[int, Rule]] = {
    ClientMessage.SET_PIXEL_FORMAT: Rule("SetPixelFormat", Right.WATCH, 20),
    ClientMessage.SET_ENCODINGS: Rule("SetEncodings", Right.WATCH, measure=_encodings),
    ClientMessage.FRAMEBUFFER_UPDATE_REQUEST: Rule("FramebufferUpdateRequest", Right.WATCH, 10),
    ClientMessage.KEY_EVENT: Rule("KeyEvent", Right.KEYBOARD, 8, human=True),
    ClientMessage.POINTER_EVENT: Rule("PointerEvent", Right.POINTER, 6, human=True),
    ClientMessage.CLIENT_CUT_TEXT: Rule("ClientCutText", Right.WATCH, measure=_cut_text),
    ClientMessage.ENABLE_CONTINUOUS_UPDATES: Rule("EnableContinuousUpdates", Right.WATCH, 10),
    ClientMessage.CLIENT_FENCE: Rule("ClientFence", Right.WATCH, measure=_fence),
    ClientMessage.XVP: Rule("xvp", Right.POWER, 4),
    ClientMessage.SET_DESKTOP_SIZE: Rule("SetDesktopSize", Right.RESIZE, measure=_screens),
    ClientMessage.QEMU_KEY: Rule("QEMU key", Right.KEYBOARD, 12, human=True),
    ClientMessage.QEMU_AUDIO: Rule("QEMU audio", Right.CONTROL, measure=_qemu_audio),
}


def message_name(kind: int) -> str:
    """Return a message type as a log names it."""
    known = GRAMMAR.get(kind) or FOREIGN.get(kind)
    number = f"255/{kind & 0xFF}" if kind > 0xFF else str(kind)
    return f"{known.name if known else 'type'} {number}"
