"""Client messages as bytes, written from RFC 6143 section 7.5 and rfbproto."""

import struct


def pixel_format(bits: int = 32, depth: int = 24) -> bytes:
    return struct.pack(">B3xBBBBHHHBBB3x", 0, bits, depth, 0, 1, 255, 255, 255, 16, 8, 0)


def encodings(*numbers: int) -> bytes:
    return struct.pack(f">BxH{len(numbers)}i", 2, len(numbers), *numbers)


def update_request(incremental: bool = True) -> bytes:
    return struct.pack(">BBHHHH", 3, incremental, 0, 0, 1024, 768)


def key(keysym: int = 0x61, down: bool = True) -> bytes:
    return struct.pack(">BBxxI", 4, down, keysym)


def pointer(mask: int = 1, x: int = 0x0404, y: int = 0x0606, more: bytes = b"") -> bytes:
    """PointerEvent; ``more`` is the seventh byte of extended mouse buttons."""
    return struct.pack(">BBHH", 5, mask, x, y) + more


def cut_text(text: bytes = b"hello", length: int | None = None) -> bytes:
    return struct.pack(">B3xi", 6, len(text) if length is None else length) + text


def extended_clipboard(flags: int, payload: bytes = b"") -> bytes:
    return cut_text(struct.pack(">I", flags) + payload, -(4 + len(payload)))


def continuous_updates(enable: bool = True) -> bytes:
    return struct.pack(">BBHHHH", 150, enable, 0, 0, 1024, 768)


def fence(payload: bytes = b"") -> bytes:
    return struct.pack(">B3xIB", 248, 3, len(payload)) + payload


def xvp(action: int = 2) -> bytes:
    return struct.pack(">BxBB", 250, 1, action)


def desktop_size(*screens: tuple[int, int]) -> bytes:
    body = b"".join(struct.pack(">IHHHHI", number, 0, 0, *size, 0) for number, size in enumerate(screens))
    return struct.pack(">BxHHBx", 251, 1280, 1024, len(screens)) + body


def qemu_key(keysym: int = 0x61, scancode: int = 0x1E, down: bool = True) -> bytes:
    return struct.pack(">BBHII", 255, 0, down, keysym, scancode)


def qemu_audio(operation: int = 0) -> bytes:
    return struct.pack(">BBH", 255, 1, operation) + (struct.pack(">BBI", 3, 2, 44100) if operation == 2 else b"")


def file_transfer(data: bytes = b"", content: int = 1, param: int = 0) -> bytes:
    """UltraVNC's; content 1 asks for a directory, 2 for a file, 4 offers one."""
    return struct.pack(">BBBxII", 7, content, param, 0, len(data)) + data


def gii(data: bytes = bytes(4), *, big_endian: bool = True) -> bytes:
    return struct.pack(">BBH" if big_endian else "<BBH", 253, 0x81 if big_endian else 0x01, len(data)) + data


def text_chat(text: bytes) -> bytes:
    return struct.pack(">B3xI", 11, len(text)) + text


#: What other viewers send, by type; the lengths are those of the programs' own header files.
FOREIGN = [
    (7, file_transfer()),
    (7, file_transfer(b"/etc\0")),
    (8, b"\x08\x02\0\0"),
    (9, b"\x09\x01\0\0"),
    (10, b"\x0a\0\0\1\0\1"),
    (11, text_chat(b"hello")),
    (11, struct.pack(">B3xI", 11, 0xFFFFFFFE)),
    (13, b"\x0d"),
    (15, b"\x0f\x02\0\0"),
    (20, b"\x14"),
    (21, b"\x15\x01"),
    (80, b"\x50\0\0\0"),
    (130, struct.pack(">BBH", 130, 0, 4) + b"/tmp"),
    (131, struct.pack(">BBHI", 131, 0, 4, 7) + b"/tmp"),
    (132, struct.pack(">BBHI", 132, 0, 4, 7) + b"/tmp"),
    (133, struct.pack(">BBHH", 133, 0, 9, 5) + b"bytes"),
    (133, struct.pack(">BBHHI", 133, 0, 0, 0, 1234567890)),
    (134, struct.pack(">BBH", 134, 0, 3) + b"why"),
    (135, struct.pack(">BBH", 135, 0, 0)),
    (136, struct.pack(">BBH", 136, 0, 4) + b"/tmp"),
    (253, gii()),
    (253, gii(b"123", big_endian=False)),
]

#: One of each, with the type that the table knows it by.
EACH = [
    (0, pixel_format()),
    (2, encodings()),
    (2, encodings(7, 16, 0, -223, -239)),
    (3, update_request()),
    (4, key()),
    (5, pointer()),
    (6, cut_text(b"")),
    (6, cut_text()),
    (6, extended_clipboard(1 << 24 | 1, bytes(4))),
    (150, continuous_updates()),
    (248, fence()),
    (248, fence(b"x" * 64)),
    (250, xvp()),
    (251, desktop_size()),
    (251, desktop_size((1280, 1024), (640, 480))),
    (0xFF00, qemu_key()),
    (0xFF01, qemu_audio(0)),
    (0xFF01, qemu_audio(2)),
]
