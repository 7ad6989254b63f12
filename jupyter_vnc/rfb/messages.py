"""What a viewer sends after its handshake, cut into messages by the table in :mod:`.grammar`."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final, NamedTuple

from jupyter_vnc.exceptions import ViewerError

from .grammar import GRAMMAR, message_name, pointer_size
from .vendor_messages import foreign_size
from .wire import MAX_CUT_TEXT, S32, ClientMessage, Encoding


class Message(NamedTuple):
    """One message, or several in a row that the caller wanted joined.

    Attributes:
        type: a key of :data:`.GRAMMAR`; of the first message if they are several; :data:`UNKNOWN` once sight is lost.
        data: whole messages.
    """

    type: int
    data: bytes


#: Type of bytes that a scanner cannot cut any more.
UNKNOWN: Final = -1
_LEFT_OUT: Final = -2
_TWO_BYTE_TYPE: Final = 0xFF

#: PointerEvent where it may have seven bytes (rfbproto, "Extended Mouse Buttons"): those with six. The others, for rare
#: buttons, come one by one.
_SHORT_POINTER: Final = rb"\x05[\x00-\x7f].{4}"


def _one_of(kinds: Collection[int], *, long_pointer: bool) -> bytes:
    """Return what matches one whole message of any of these types: the table's sizes as a regular expression.

    It cuts a busy pointer at the speed of C; nothing but fixed sizes goes into it.
    """
    rows = dict(map(_whole, kinds))
    if long_pointer and ClientMessage.POINTER_EVENT in rows:
        rows[ClientMessage.POINTER_EVENT] = _SHORT_POINTER
    return b"(?s:" + b"|".join(rows.values()) + b")"


def _whole(kind: int) -> tuple[int, bytes]:
    """Return a type, and what matches a whole message of it by its size in the table."""
    prefix = kind.to_bytes(2 if kind > 0xFF else 1)
    return kind, re.escape(prefix) + b".{%d}" % (GRAMMAR[kind].size - len(prefix))


def _rows(joined: Collection[Collection[int]], *, long_pointer: bool) -> dict[int, re.Pattern[bytes]]:
    """Return for each type the pattern of the row that it begins."""
    rows: dict[int, re.Pattern[bytes]] = {}
    for kinds in joined:
        pattern = re.compile(_one_of(kinds, long_pointer=long_pointer) + b"++")
        rows.update((kind, pattern) for kind in kinds if kind not in rows)
    return rows


def _sieve(
    joined: Collection[Collection[int]], without: Collection[int], *, long_pointer: bool
) -> re.Pattern[bytes] | None:
    """Return what finds, one after the other, the rows that are left of a row; None where nothing is left out."""
    if not without:
        return None
    kept = {kind for kinds in joined for kind in kinds} - set(without)
    out, stay = (_one_of(kinds, long_pointer=long_pointer) for kinds in (without, kept))
    return re.compile(out + b"*+(" + stay + b"*+)")


class Scanner:
    """Cuts what a viewer sends into whole messages, from any split, in bounded memory.

    Args:
        strict: what only other viewers send is left out, and an unknown type is an error. Otherwise sight is lost
            at either: that byte and everything after it comes as :data:`UNKNOWN`.
        long_pointer: follow viewer and server when SetEncodings agrees on extended mouse buttons (-316). Whoever
            strips that encoding leaves this off, and every PointerEvent has six bytes.
        joined: sets of fixed-size types; messages in a row that are all of one set come as one piece. A type
            that is in several of them begins a row of the first.
        without: types that are left out of such a piece; each of them is in ``joined``.

    Attributes:
        lost: an unknown type has come; nothing is cut any more.
        joining: messages come joined as wanted; may be changed between two pieces.
        skipped: messages that were left out: clipboard text over the limit, and what only other viewers send.
    """

    def __init__(
        self,
        *,
        strict: bool = True,
        long_pointer: bool = True,
        joined: Collection[Collection[int]] = (),
        without: Collection[int] = (),
    ) -> None:
        self.lost = False
        self.joining = True
        self.skipped = 0
        self._strict = strict
        self._long_pointer = False
        self._may_be_long = long_pointer
        self._buffer = bytearray()
        self._skip = 0
        self._short_rows = _rows(joined, long_pointer=False)
        self._long_rows = _rows(joined, long_pointer=True) if long_pointer else self._short_rows
        self._rows = self._short_rows
        self._sieves = [_sieve(joined, without, long_pointer=longer) for longer in (False, long_pointer)]

    def feed(self, data: bytes) -> list[Message]:
        """Return the messages that these bytes complete.

        Raises:
            ViewerError: an unknown type (if strict), or a length that is out of range. The scanner is of no
                use afterwards.
        """
        self._buffer += data
        messages: list[Message] = []
        start = 0
        while start < len(self._buffer):
            if self._skip:
                start += self._leave_out(start)
                continue
            kind, size = self._measure(start)
            if kind == _LEFT_OUT:
                self._skip = size
                self.skipped += 1
            elif size == 0 or start + size > len(self._buffer):
                break
            else:
                messages.append(Message(kind, self._piece(kind, start, start + size)))
                start += size
                if kind == ClientMessage.SET_ENCODINGS:
                    self._follow(messages[-1].data)
        del self._buffer[:start]
        return messages

    def _piece(self, kind: int, start: int, end: int) -> bytes:
        """Return a message, or the part of a row that is kept."""
        sieve = self._sieves[self._long_pointer]
        if sieve is None or kind not in self._rows:
            return bytes(self._buffer[start:end])
        return b"".join(sieve.findall(self._buffer, start, end))

    def _measure(self, start: int) -> tuple[int, int]:
        """Return type and length of what starts here; length 0 while too little of it is there to tell."""
        buffer = self._buffer
        if self.lost:
            return UNKNOWN, len(buffer) - start
        kind = buffer[start]
        if kind == _TWO_BYTE_TYPE:
            if len(buffer) < start + 2:
                return UNKNOWN, 0
            kind = kind << 8 | buffer[start + 1]
        row = self._rows.get(kind) if self.joining else None
        if row and (match := row.match(buffer, start)):
            return kind, match.end() - start
        return self._measure_one(kind, start)

    def _measure_one(self, kind: int, start: int) -> tuple[int, int]:
        """Return type and length of one message, by the table."""
        rule = GRAMMAR.get(kind)
        if rule is None:
            return self._lose_sight(kind, start)
        if kind == ClientMessage.POINTER_EVENT and self._long_pointer:
            return kind, pointer_size(self._buffer, start)
        size = rule.measure(self._buffer, start) if rule.measure else rule.size
        if kind == ClientMessage.CLIENT_CUT_TEXT and size > 8 + MAX_CUT_TEXT:
            return _LEFT_OUT, size
        return kind, size

    def _lose_sight(self, kind: int, start: int) -> tuple[int, int]:
        """Deal with a type that our viewer does not send: go on behind it, if its end is known."""
        if not self._strict:
            # The server may cut it otherwise than we would, and a row that is cut wrongly might end somebody's work.
            self.lost = True
            return UNKNOWN, len(self._buffer) - start
        size = foreign_size(kind, self._buffer, start)
        if size is None:
            raise ViewerError("The viewer sent a message that is not permitted.", detail=message_name(kind))
        return (_LEFT_OUT, size) if size else (UNKNOWN, 0)

    def _leave_out(self, start: int) -> int:
        """Return how many of the bytes from here on belong to a message that is left out."""
        count = min(self._skip, len(self._buffer) - start)
        self._skip -= count
        return count

    def _follow(self, message: bytes) -> None:
        """Follow what SetEncodings says about the length of later pointer events."""
        self._long_pointer = self._may_be_long and Encoding.EXTENDED_MOUSE_BUTTONS in encodings(message)
        self._rows = self._long_rows if self._long_pointer else self._short_rows


def encodings(message: bytes) -> list[int]:
    """Return the encodings that a whole SetEncodings message lists, best first."""
    return [number for (number,) in S32.iter_unpack(message[4:])]
