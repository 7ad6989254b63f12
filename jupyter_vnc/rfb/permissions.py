"""What a viewer may do, as rights of the grammar, and which encodings it may announce with them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Final, Literal

from .grammar import Right
from .wire import Encoding

Mode = Literal["control", "view"]

#: What a viewer in view mode may ask a server for: pictures, the name, and flow control.
VIEW_ENCODINGS: Final[frozenset[int]] = frozenset(
    {
        Encoding.RAW,
        Encoding.COPY_RECT,
        Encoding.RRE,
        Encoding.CO_RRE,
        Encoding.HEXTILE,
        Encoding.ZLIB,
        Encoding.TIGHT,
        Encoding.ZLIB_HEX,
        Encoding.TRLE,
        Encoding.ZRLE,
        Encoding.ZYWRLE,
        Encoding.JPEG,
        Encoding.JRLE,
        Encoding.TIGHT_PNG,
        Encoding.DESKTOP_SIZE,
        Encoding.LAST_RECT,
        Encoding.DESKTOP_NAME,
        Encoding.FENCE,
        Encoding.CONTINUOUS_UPDATES,
        *range(-32, -22),  # JPEG quality levels
        *range(-256, -246),  # compression levels
        *range(-512, -411),  # fine-grained JPEG quality
        *range(-768, -762),  # JPEG subsampling
    }
)

#: Pseudo-encodings that announce a use of a right; without it they are not passed on.
ENCODING_RIGHTS: Final[dict[int, Right]] = {
    Encoding.QEMU_KEY: Right.KEYBOARD,
    Encoding.QEMU_LED_STATE: Right.KEYBOARD,
    Encoding.VMWARE_LED_STATE: Right.KEYBOARD,
    Encoding.QEMU_POINTER_MOTION: Right.POINTER,
    Encoding.EXTENDED_DESKTOP_SIZE: Right.RESIZE,
    Encoding.XVP: Right.POWER,
    Encoding.EXTENDED_CLIPBOARD: Right.CLIPBOARD_TO_DESKTOP | Right.CLIPBOARD_FROM_DESKTOP,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """What one viewer may do in control mode; in view mode it may only view, whatever is set here.

    Attributes:
        keyboard: press keys.
        pointer: move the mouse and click.
        clipboard_to_desktop: put text on the desktop's clipboard.
        clipboard_from_desktop: ask for the text of the desktop's clipboard.
        resize: change the size of the desktop.
        power: shut down, restart or reset the machine (xvp).
    """

    keyboard: bool = True
    pointer: bool = True
    clipboard_to_desktop: bool = True
    clipboard_from_desktop: bool = True
    resize: bool = True
    power: bool = True

    def rights(self, mode: Mode) -> Right:
        """Return the rights that these permissions come to in a mode."""
        if mode == "view":
            return Right.WATCH
        switches = {
            Right.KEYBOARD: self.keyboard,
            Right.POINTER: self.pointer,
            Right.CLIPBOARD_TO_DESKTOP: self.clipboard_to_desktop,
            Right.CLIPBOARD_FROM_DESKTOP: self.clipboard_from_desktop,
            Right.RESIZE: self.resize,
            Right.POWER: self.power,
        }
        return reduce(or_, (right for right, on in switches.items() if on), Right.WATCH | Right.CONTROL)
