"""Messages of other viewers than ours: how long they are, so that a guard can leave them out whole.

None of them ever reaches a desktop through a guard that enforces. So a wrong length here harms nobody but the viewer
that sent it: its next messages are cut wrongly, and still only whole messages that it may send are passed on.
Sources: rfbproto's registry, and the header files of UltraVNC (``rfbproto.h``) and TightVNC (``rfbtightproto.h``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from .wire import U16, U32

_BIG_ENDIAN: Final = 0x80

#: Text chat: lengths that are commands (open, close, finished) and have no text.
_CHAT_COMMANDS: Final = frozenset({0xFFFFFFFD, 0xFFFFFFFE, 0xFFFFFFFF})


@dataclass(frozen=True, slots=True)
class Foreign:
    """One type that our viewer never sends.

    Attributes:
        name: as people know it.
        header: bytes that tell the length, type included; 0 where two programs use the number in two ways.
        body: how many bytes follow a header.
    """

    name: str
    header: int = 0
    body: Callable[[bytes], int] = lambda header: 0


def _u16(start: int) -> Callable[[bytes], int]:
    return lambda header: int(U16.unpack_from(header, start)[0])


def _u32(start: int) -> Callable[[bytes], int]:
    return lambda header: int(U32.unpack_from(header, start)[0])


def _chat(header: bytes) -> int:
    """Text chat: a length, or a command."""
    length = _u32(4)(header)
    return 0 if length in _CHAT_COMMANDS else length


def _upload(header: bytes) -> int:
    """TightVNC upload: data, or after the last of it the time of the file."""
    return _u16(4)(header) or (0 if _u16(2)(header) else U32.size)


def _gii(header: bytes) -> int:
    """gii: the sub-type tells the order of the length's bytes (rfbproto, "gii Client Message")."""
    return int.from_bytes(header[2:], "big" if header[1] & _BIG_ENDIAN else "little")


#: By type. What is neither here nor in the grammar is unknown.
FOREIGN: Final[dict[int, Foreign]] = {
    7: Foreign("UltraVNC file transfer", 12, _u32(8)),
    8: Foreign("SetScale", 4),
    9: Foreign("SetServerInput", 4),
    10: Foreign("SetSW", 6),
    11: Foreign("text chat", 8, _chat),
    13: Foreign("KeepAlive", 1),
    15: Foreign("SetScaleFactor", 4),
    20: Foreign("RequestSession", 1),
    21: Foreign("SetSession", 2),
    80: Foreign("NotifyPluginStreaming", 4),
    127: Foreign("VMware"),
    130: Foreign("TightVNC file list", 4, _u16(2)),
    131: Foreign("TightVNC file download", 8, _u16(2)),
    132: Foreign("TightVNC file upload", 8, _u16(2)),
    133: Foreign("TightVNC file data", 6, _upload),
    134: Foreign("TightVNC download cancel", 4, _u16(2)),
    135: Foreign("TightVNC upload failed", 4, _u16(2)),
    136: Foreign("TightVNC new folder", 4, _u16(2)),
    252: Foreign("Tight, or UltraVNC monitors"),
    253: Foreign("gii", 4, _gii),
    254: Foreign("VMware, or UltraVNC monitors"),
}


def foreign_size(kind: int, buffer: bytearray, start: int) -> int | None:
    """Return how long the foreign message at ``buffer[start:]`` is, type included.

    Returns:
        0 while too little of it has come; None if it is not known.
    """
    foreign = FOREIGN.get(kind)
    if foreign is None or not foreign.header:
        return None
    header = bytes(buffer[start : start + foreign.header])
    return len(header) + foreign.body(header) if len(header) == foreign.header else 0
