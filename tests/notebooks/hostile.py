"""A viewer of a notebook against a server that announces too much, in a process of its own: what it costs it.

Run as ``python -m tests.notebooks.hostile``: for each name and patience that it reads, it prints the error's sentence,
by how many KiB the memory grew, and the seconds of processor time, all as JSON. It has imported all once, and forks for
each.
"""

import json
import os
import resource
import struct
import sys
import time
from collections.abc import Iterator
from itertools import chain, repeat

from PIL import Image
from websocket import ABNF

from jupyter_vnc.notebook import viewer
from jupyter_vnc.notebook.server import NotebookError
from tests.fakes.vnc_server import PIXEL_FORMAT

#: What the proxy says by itself: version, security types, SecurityResult.
GREETING = b"RFB 003.008\n\1\1" + bytes(4)
MORE = bytes(65536)


def init(width: int, height: int, length: int = 1) -> bytes:
    """ServerInit with a name of one byte, whatever length it announces."""
    return struct.pack(">HH", width, height) + PIXEL_FORMAT + struct.pack(">I", length) + b"d"


def rectangle(width: int, height: int, encoding: int) -> bytes:
    """An update with one rectangle, without its pixels."""
    return struct.pack(">BxHHHHHi", 0, 1, 0, 0, width, height, encoding)


#: What each of them says, and then for ever.
SERVERS: dict[str, tuple[bytes, bytes]] = {
    "size": (GREETING + init(65535, 65535), b""),
    "area": (GREETING + init(16384, 16384), b""),
    "name": (GREETING + init(64, 48, 0xFFFFFFFF), MORE),
    "types": (b"RFB 003.008\n\0\xff\xff\xff\xff", MORE),
    "refused": (b"RFB 003.008\n\1\1\0\0\0\1\0\0\0\4no!\n", b""),
    "not RFB": (b"HTTP/1.1 200 OK\r\n", MORE),
    "resize": (GREETING + init(64, 48) + rectangle(65535, 65535, -223), b""),
    "resizes": (GREETING + init(64, 48), rectangle(4000, 2000, -223) + rectangle(64, 48, -223)),
    "pixels": (GREETING + init(64, 48) + rectangle(65535, 65535, 0), MORE),
    "cursor": (GREETING + init(64, 48) + rectangle(65535, 65535, -239), MORE),
    "text": (GREETING + init(64, 48) + b"\3\0\0\0\x7f\xff\xff\xff", MORE),
    "clipboard": (GREETING + init(64, 48) + b"\3\0\0\0\x80\0\0\0", MORE),
    "colours": (GREETING + init(64, 48), b"\1\0\0\0\xff\xff" + bytes(6 * 65535)),
    "bells": (GREETING + init(64, 48), b"\2" * 65536),
    "nothing": (GREETING + init(64, 48), b"\0\0\0\0"),
}


class Socket:
    """A websocket that gives what a server says, a message at a time, and takes everything."""

    def __init__(self, said: bytes, forever: bytes) -> None:
        self._messages: Iterator[bytes] = chain([said], repeat(forever) if forever else [])

    def recv_data(self) -> tuple[int, bytes]:
        try:
            return ABNF.OPCODE_BINARY, next(self._messages)
        except StopIteration:
            raise ConnectionResetError("no more") from None

    def send_binary(self, data: bytes) -> None: ...
    def settimeout(self, seconds: float) -> None: ...
    def close(self) -> None: ...
    def shutdown(self) -> None: ...


class Server:
    """The REST interface, as far as a viewer needs it."""

    def call(self, method: str, path: str, body: object) -> dict[str, str]:
        return {"mode": "control", "token": "token"}


def look_at(name: str, patience: float) -> tuple[str, int, float]:
    """Look for a picture of one for so many seconds; return what is said, KiB, and seconds of the processor."""
    viewer._connect = lambda server, token: Socket(*SERVERS[name])  # type: ignore[assignment,return-value]
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    try:
        one = viewer.Viewer(Server(), "lab")  # type: ignore[arg-type]
        viewer.TIMEOUT = patience  # type: ignore[misc]
        one.image()
        said = "a picture"
    except NotebookError as error:
        said = str(error)
    return said, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, time.process_time() - began


def main() -> None:
    """Look at each in a process of its own, one after the other."""
    Image.new("RGB", (64, 48)).copy()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                sys.stdout.write(json.dumps(look_at(*json.loads(line))) + "\n")
                sys.stdout.flush()
                status = 0
            finally:
                os._exit(status)
        if os.waitpid(child, 0)[1]:
            sys.exit(f"{line.strip()}: the viewer failed")


if __name__ == "__main__":
    main()
