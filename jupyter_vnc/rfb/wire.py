"""Numbers, layouts and limits of RFB on the wire.

It holds values only. Every limit is named here with its reason, so that no length which a peer has sent is
ever used as it stands. RFC 6143 is cited by section; "rfbproto" is the community's protocol document, which
registers what came after the RFC.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from struct import Struct
from typing import Final

# --- Layouts (network byte order, RFC 6143 section 7) ---------------------------------------------------

U16: Final = Struct(">H")
U32: Final = Struct(">I")
S32: Final = Struct(">i")

VERSION_LENGTH: Final = 12
VERSION_3_8: Final = b"RFB 003.008\n"


class SecurityType(IntEnum):
    """Security types that we support (RFC 6143 section 7.2, rfbproto); all others are plain numbers."""

    INVALID = 0
    NONE = 1
    VNC = 2
    RA2 = 5
    RA2NE = 6
    TIGHT = 16
    VENCRYPT = 19
    APPLE_DH = 30
    RA2_256 = 129
    RA2NE_256 = 130
    # VeNCrypt's sub-types share one number space with the types: rfbproto, "VeNCrypt".
    PLAIN = 256
    TLS_NONE = 257
    TLS_VNC = 258
    TLS_PLAIN = 259
    X509_NONE = 260
    X509_VNC = 261
    X509_PLAIN = 262


#: How people call the security types, ours and those that we only name when we have to refuse them.
SECURITY_NAMES: Final[dict[int, str]] = {
    SecurityType.NONE: "None",
    SecurityType.VNC: "VNC",
    SecurityType.RA2: "RA2",
    SecurityType.RA2NE: "RA2ne",
    13: "RealVNC RA2 in two steps",
    SecurityType.TIGHT: "Tight",
    17: "UltraVNC",
    18: "TLS",
    SecurityType.VENCRYPT: "VeNCrypt",
    20: "SASL",
    22: "XVP",
    SecurityType.APPLE_DH: "Apple DH",
    33: "Apple RSA",
    35: "Apple Kerberos",
    36: "Apple SRP",
    113: "MS-Logon II",
    SecurityType.RA2_256: "RA2_256",
    SecurityType.RA2NE_256: "RA2ne_256",
    133: "RealVNC RA2_256 in two steps",
    SecurityType.PLAIN: "Plain",
    SecurityType.TLS_NONE: "TLSNone",
    SecurityType.TLS_VNC: "TLSVnc",
    SecurityType.TLS_PLAIN: "TLSPlain",
    SecurityType.X509_NONE: "X509None",
    SecurityType.X509_VNC: "X509Vnc",
    SecurityType.X509_PLAIN: "X509Plain",
    263: "TLSSASL",
    264: "X509SASL",
}


def security_name(number: int) -> str:
    """Return a security type as a log or a sentence names it: ``"VNC (2)"``, ``"type 77"``."""
    name = SECURITY_NAMES.get(number)
    return f"{name} ({number})" if name else f"type {number}"


class SecurityResult(IntEnum):
    """Answers to a login (RFC 6143 section 7.1.3); 2 is from rfbproto's Tight."""

    OK = 0
    FAILED = 1
    TOO_MANY = 2


class ClientMessage(IntEnum):
    """Message types that a viewer sends (RFC 6143 section 7.5, rfbproto).

    QEMU's messages share the type byte 255 and differ in the next one; they count as types of two bytes.
    """

    SET_PIXEL_FORMAT = 0
    SET_ENCODINGS = 2
    FRAMEBUFFER_UPDATE_REQUEST = 3
    KEY_EVENT = 4
    POINTER_EVENT = 5
    CLIENT_CUT_TEXT = 6
    ENABLE_CONTINUOUS_UPDATES = 150
    CLIENT_FENCE = 248
    XVP = 250
    SET_DESKTOP_SIZE = 251
    QEMU_KEY = 0xFF00
    QEMU_AUDIO = 0xFF01


class ClipboardAction(IntFlag):
    """What an extended clipboard message is about (rfbproto, "Extended Clipboard Pseudo-Encoding")."""

    CAPS = 1 << 24
    REQUEST = 1 << 25
    PEEK = 1 << 26
    NOTIFY = 1 << 27
    PROVIDE = 1 << 28


class Encoding(IntEnum):
    """Encodings and pseudo-encodings that the guard knows by name (RFC 6143 section 7.7, rfbproto)."""

    RAW = 0
    COPY_RECT = 1
    RRE = 2
    CO_RRE = 4
    HEXTILE = 5
    ZLIB = 6
    TIGHT = 7
    ZLIB_HEX = 8
    TRLE = 15
    ZRLE = 16
    ZYWRLE = 17
    JPEG = 21
    JRLE = 22
    H264 = 50
    DESKTOP_SIZE = -223
    LAST_RECT = -224
    CURSOR = -239
    X_CURSOR = -240
    QEMU_POINTER_MOTION = -257
    QEMU_KEY = -258
    QEMU_AUDIO = -259
    TIGHT_PNG = -260
    QEMU_LED_STATE = -261
    GII = -305
    DESKTOP_NAME = -307
    EXTENDED_DESKTOP_SIZE = -308
    XVP = -309
    FENCE = -312
    CONTINUOUS_UPDATES = -313
    CURSOR_WITH_ALPHA = -314
    EXTENDED_MOUSE_BUTTONS = -316
    VMWARE_CURSOR = 0x574D5664
    VMWARE_LED_STATE = 0x574D5668
    EXTENDED_CLIPBOARD = 0xC0A1E5CE - (1 << 32)


# --- Limits ---------------------------------------------------------------------------------------------

#: Bytes that may wait unread while a handshake runs. Two of the largest websocket messages (128 KiB each):
#: a viewer may send its first messages along with ClientInit, and no honest peer sends more.
MAX_UNREAD: Final = 256 * 1024

#: Bytes of a desktop's name. RFB allows 4 GiB, and it has to fit on a title bar.
MAX_NAME: Final = 64 * 1024

#: Pixels of each side of a desktop that Python draws: what X servers take, and what our own geometry permits.
MAX_SIDE: Final = 16384

#: Pixels of such a desktop in all: twice an 8K screen. At 4 bytes each that is 256 MiB.
MAX_PIXELS: Final = 64 * 1024 * 1024

#: Bytes of a reason text that are read. RFB allows 4 GiB; servers send a line.
MAX_REASON: Final = 256

#: Tight lets a server list up to 2**32 capabilities; real ones list fewer than ten.
MAX_SUBTYPES: Final = 64

#: Bits of a server's RSA key (RA2): TigerVNC's own window. Larger ones only cost time.
MIN_RSA_BITS: Final = 1024
MAX_RSA_BITS: Final = 8192

#: Bytes of a Diffie-Hellman modulus (Apple): TigerVNC's own window again.
MIN_DH_LENGTH: Final = 128
MAX_DH_LENGTH: Final = 1024

#: Bits of our secret exponent. Twice the strength of the largest group; a full one costs two seconds there.
DH_PRIVATE_BITS: Final = 512

#: Bytes of content in one RA2 message that we send: what TigerVNC sends, so every server takes it.
RA2_MESSAGE: Final = 8192

#: Encodings in one SetEncodings. noVNC sends 25; RFB allows 65,535.
MAX_ENCODINGS: Final = 64

#: Screens in one SetDesktopSize.
MAX_SCREENS: Final = 16

#: Payload of a ClientFence (rfbproto: "the length of the payload … at most 64").
MAX_FENCE: Final = 64

#: Bytes of clipboard text towards a desktop. Above this, real servers skip, cut or close, each in its own way.
MAX_CUT_TEXT: Final = 256 * 1024

#: Bytes of a VNC password that count (RFC 6143 section 7.2.2); the rest is cut off by both sides.
VNC_PASSWORD_LENGTH: Final = 8
VNC_CHALLENGE_LENGTH: Final = 16
