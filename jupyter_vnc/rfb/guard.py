"""The guard: of what a viewer sends, only what it may send reaches the desktop.

* **View mode** fails closed. Input is dropped, and so is what only other viewers send (file transfer, chat, gii);
  SetEncodings is rewritten to an allow-list; and an unknown type ends the session, because nobody can say how long
  such a message is.
* **Control mode** with every right observes: it counts activity and holds size limits, and where it meets an
  unknown type it stops observing and passes everything.
* **Control mode** with fewer rights enforces: a rule that one odd byte could switch off would be none, so what only
  other viewers send is dropped and an unknown type ends the session here too.

Whoever enforces has to size each message as the server does. The one message whose size depends on what the
*server* supports is PointerEvent (rfbproto, "Extended Mouse Buttons"): TigerVNC reads a seventh byte as soon as it
has seen the pseudo-encoding, QEMU never does. So an enforcing guard strips that pseudo-encoding, and every
PointerEvent that it passes has six bytes; back and forward buttons are what it costs. Where PointerEvents are dropped,
the viewer decides about their size, by what it has announced.

While somebody **holds** the input of a viewer in control mode, no key, no pointer, no clipboard text and no power
switch passes, and what was held down is released. As nothing may get round that, a viewer whose messages cannot be cut
for certain has to come again.

A viewer in view mode gets no pictures of the pointer: a server that may not send any draws the pointer into the
desktop's picture, where it is, and only so can somebody who watches see where the others point.

What a guard cannot do: text that the desktop puts on its clipboard comes in the other direction, which is never
parsed. A guard keeps a viewer from *asking* for it (extended clipboard); but every server sends it unasked, in the
plain form, to a viewer that has not agreed on the extended one. Only the server itself can keep it back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from jupyter_vnc.exceptions import ViewerError

from .grammar import GRAMMAR, Right
from .messages import UNKNOWN, Message, Scanner, encodings
from .permissions import ENCODING_RIGHTS, VIEW_ENCODINGS, Mode, Permissions
from .pressed import Pressed
from .wire import S32, U16, U32, ClientMessage, ClipboardAction, Encoding

_EVERY_RIGHT: Final = ~Right(0)
#: What nobody has while input is held.
_INPUT: Final = Right.KEYBOARD | Right.POINTER | Right.CLIPBOARD_TO_DESKTOP | Right.POWER

#: Extended clipboard: the right that an action requires.
_ACTION_RIGHTS: Final[dict[int, Right]] = {
    ClipboardAction.REQUEST: Right.CLIPBOARD_FROM_DESKTOP,
    ClipboardAction.PEEK: Right.CLIPBOARD_FROM_DESKTOP,
    ClipboardAction.NOTIFY: Right.CLIPBOARD_TO_DESKTOP,
    ClipboardAction.PROVIDE: Right.CLIPBOARD_TO_DESKTOP,
}
_FORMATS: Final = 0xFFFF

#: Messages that are a type, a flag and an area of the picture.
_AREAS: Final = (ClientMessage.FRAMEBUFFER_UPDATE_REQUEST, ClientMessage.ENABLE_CONTINUOUS_UPDATES)
#: The area at 0, 0 that is one pixel wide and high.
_ONE_PIXEL: Final = bytes((0, 0, 0, 0, 0, 1, 0, 1))


class Guard:
    """Passes on of a viewer's bytes what its permissions allow, in whole messages only.

    Args:
        permissions: what this viewer may do in control mode.
        mode: ``"control"`` or ``"view"``.
        may_resize: asked at each SetDesktopSize whether it passes; None where it always does.
        narrows: whether :attr:`narrow` is ever set.

    Attributes:
        enforcing: something is not permitted, so what cannot be understood cannot be passed.
        narrow: whatever area of the picture the viewer asks for, the desktop is asked for one pixel: the pictures come
            by another way. The caller sets it, and has the viewer ask again afterwards. Pointer, size and the like
            still come with the pixel.
        input_seen: a key, the pointer or clipboard text went to the desktop. The caller sets it back.
        held: no input passes.
    """

    def __init__(
        self,
        permissions: Permissions,
        mode: Mode = "control",
        may_resize: Callable[[], bool] | None = None,
        *,
        narrows: bool = False,
    ) -> None:
        self._rights = permissions.rights(mode)
        self._mode = mode
        self._may_resize = may_resize
        self.enforcing = self._rights != _EVERY_RIGHT or may_resize is not None
        self.input_seen = False
        self.narrow = False
        self.held = False
        self._all_rights = self._rights
        self._pressed, self._released = Pressed(), b""
        self._unsure = False
        refused = frozenset(kind for kind, rule in GRAMMAR.items() if rule.right not in self._rights)
        self._human = frozenset(kind for kind, rule in GRAMMAR.items() if rule.human) - refused
        self._edits: dict[int, Callable[[bytes], bytes]] = {
            UNKNOWN: self._unseen,
            ClientMessage.CLIENT_CUT_TEXT: self._clipboard,
            **(self._restrictions() if self.enforcing else {}),
            **(dict.fromkeys(_AREAS, self._narrowed) if narrows else {}),
        }
        joined, left_out = self._rows(refused)
        self._usually_dropped = self._dropped = refused - left_out
        self._refused = refused
        long_pointer = not self.enforcing or Right.POINTER not in self._rights
        self._scanner = Scanner(strict=self.enforcing, long_pointer=long_pointer, joined=joined, without=left_out)

    def feed(self, data: bytes) -> bytes:
        """Return what the desktop gets of these bytes, and of earlier ones that they complete.

        Raises:
            ViewerError: the viewer sent an unknown type, or a length out of range; end the session.
        """
        judged = [self._judge(message) for message in self._scanner.feed(data)]
        return b"".join([self.take_released(), *judged])

    def hold(self, held: bool) -> None:
        """Let no input pass from now on, or let it pass again.

        Raises:
            ViewerError: what the viewer has sent cannot be cut into messages for certain; nor can what comes.
        """
        if held == self.held:
            return
        if held and (self._scanner.lost or self._unsure):
            raise ViewerError("What the viewer has sent cannot be cut for certain.")
        self.held = held
        # One by one, so that each is looked at.
        self._scanner.joining = not held
        self._dropped = self._refused | _HELD_BACK if held else self._usually_dropped
        self._rights = self._all_rights & ~_INPUT if held else self._all_rights
        if held:
            self._released += self._pressed.release()

    def take_released(self) -> bytes:
        """Return what the desktop has to get before anything else, so that nothing stays pressed; once."""
        released, self._released = self._released, b""
        return released

    def _judge(self, message: Message) -> bytes:
        """Return what the desktop gets of one message, or of several of a row."""
        if message.type in self._dropped:
            return b""
        if message.type in self._human:
            self.input_seen = True
            self._follow(message)
        edit = self._edits.get(message.type)
        return edit(message.data) if edit else message.data

    def _follow(self, message: Message) -> None:
        """Note what is pressed; and whether the desktop may have cut a pointer event otherwise than was done here."""
        self._pressed.follow(message.data)
        self._unsure = self._unsure or (message.type, len(message.data)) == (ClientMessage.POINTER_EVENT, 7)

    def _rows(self, refused: frozenset[int]) -> tuple[list[frozenset[int]], frozenset[int]]:
        """Return the sets of types that need no look at each message, and which of them are left out on the way.

        Where no input passes, all are one set. Otherwise passed unseen, passed as input, and dropped are three, because
        the first type of a row has to tell whether input is in it.
        """
        plain = frozenset(kind for kind, rule in GRAMMAR.items() if rule.size and kind not in self._edits)
        if not plain & self._human:
            return [plain], plain & refused
        passed = plain - refused
        return [kinds for kinds in (passed - self._human, passed, plain & refused) if kinds], frozenset()

    def _unseen(self, data: bytes) -> bytes:
        """Bytes that cannot be cut count as input, because it is better to end a session late than too early.

        Raises:
            ViewerError: input is held, and might be in them.
        """
        if self.held:
            raise ViewerError("The viewer sent what is unknown while its input is held.")
        self.input_seen = True
        return data

    def _restrictions(self) -> dict[int, Callable[[bytes], bytes]]:
        """Return what an enforcing guard has to look into."""
        return {
            ClientMessage.SET_PIXEL_FORMAT: _checked_pixel_format,
            ClientMessage.SET_ENCODINGS: self._permitted_encodings,
            ClientMessage.SET_DESKTOP_SIZE: self._permitted_size,
        }

    def _narrowed(self, message: bytes) -> bytes:
        """FramebufferUpdateRequest or EnableContinuousUpdates: both end with an area."""
        return message[:2] + _ONE_PIXEL if self.narrow else message

    def _permitted_size(self, message: bytes) -> bytes:
        """SetDesktopSize, as long as whoever it concerns does not mind."""
        return message if self._may_resize is None or self._may_resize() else b""

    def _permitted_encodings(self, message: bytes) -> bytes:
        """SetEncodings without what this viewer may not use."""
        kept = [number for number in encodings(message) if self._may_announce(number)]
        return message[:2] + U16.pack(len(kept)) + b"".join(map(S32.pack, kept))

    def _may_announce(self, encoding: int) -> bool:
        """In view mode by allow-list; in control mode whatever is not tied to a right that is missing."""
        if self._mode == "view":
            return encoding in VIEW_ENCODINGS
        right = ENCODING_RIGHTS.get(encoding, Right.WATCH)
        return bool(right & self._all_rights) and encoding != Encoding.EXTENDED_MOUSE_BUTTONS

    def _clipboard(self, message: bytes) -> bytes:
        """ClientCutText, plain or extended (negative length), as far as the clipboard's two rights go."""
        (length,) = S32.unpack_from(message, 4)
        if length < 0:
            return self._extended_clipboard(message)
        if Right.CLIPBOARD_TO_DESKTOP not in self._rights:
            return b""
        self.input_seen = True
        return message

    def _extended_clipboard(self, message: bytes) -> bytes:
        """One action of the extended clipboard (rfbproto, "Extended Clipboard Pseudo-Encoding")."""
        (flags,) = U32.unpack_from(message, 8)
        if flags & ClipboardAction.CAPS:
            return self._clipboard_caps(message, flags)
        wanted = [right for action, right in _ACTION_RIGHTS.items() if flags & action]
        if (self.enforcing or self.held) and not (wanted and all(right in self._rights for right in wanted)):
            return b""
        # A viewer asks and answers by itself; only an announcement means that somebody copied something.
        self.input_seen = self.input_seen or bool(flags & ClipboardAction.NOTIFY)
        return message

    def _clipboard_caps(self, message: bytes, flags: int) -> bytes:
        """Capabilities: a size per format up to which the server sends text unasked; none without the right."""
        if Right.CLIPBOARD_FROM_DESKTOP in self._all_rights:
            return message
        if not self._all_rights & Right.CLIPBOARD_TO_DESKTOP or len(message) != 12 + 4 * (flags & _FORMATS).bit_count():
            return b""
        return message[:12] + bytes(len(message) - 12)


#: Messages that wait for nobody while input is held; clipboard messages are looked into.
_HELD_BACK: Final = frozenset(kind for kind, rule in GRAMMAR.items() if rule.right & _INPUT)


def _checked_pixel_format(message: bytes) -> bytes:
    """SetPixelFormat (RFC 6143 section 7.4), if it is one."""
    bits, depth = message[4], message[5]
    if bits not in (8, 16, 32) or depth > bits:
        raise ViewerError("The viewer asked for an impossible pixel format.", detail=f"{depth} of {bits} bits")
    return message
