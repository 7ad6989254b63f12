"""A desktop made of bytes: it shows a program one picture after the other, and notes what it is told."""

import struct
from collections import deque

import PIL.Image
from websocket import ABNF, WebSocketTimeoutException

from jupyter_vnc.notebook import viewer
from jupyter_vnc.rfb.picture import PREFERENCES
from tests.fakes.vnc_server import PIXEL_FORMAT

GREETING = b"RFB 003.008\n\1\1" + bytes(4)
SIZE = (64, 48)


def plain(colour, size=SIZE):
    return PIL.Image.new("RGB", size, colour)


def update(image):
    """FramebufferUpdate with all of a picture, as it is asked for."""
    return rectangle(image.size, 0) + image.tobytes("raw", "BGRX")


def rectangle(size, encoding):
    """FramebufferUpdate with one rectangle, as far as its head; -223 is the desktop's new size."""
    return struct.pack(">BxHHHHHi", 0, 1, 0, 0, *size, encoding)


class Screen:
    """A websocket behind which there is a desktop; each question for news brings the next of its pictures.

    Attributes:
        keys: each key that came: its keysym, and whether it went down.
        pointer: where the pointer was each time, and the buttons that were down.
        opened, closed: how often somebody connected, and left.
    """

    def __init__(self, *pictures):
        self.pictures = deque(pictures or [plain("white")])
        self.keys, self.pointer = [], []
        self.opened = self.closed = 0
        self._said, self._size = deque(), None

    def open(self):
        self.opened += 1
        self._size = width, height = self.pictures[0].size
        self._said = deque([GREETING, struct.pack(">HH", width, height) + PIXEL_FORMAT + b"\0\0\0\1d"])
        return self

    # -- as the viewer knows its websocket ------------------------------------------------------------------------

    def recv_data(self):
        if not self._said:
            raise WebSocketTimeoutException
        return ABNF.OPCODE_BINARY, self._said.popleft()

    def send_binary(self, data):
        if data[0] == 3:
            self._asked(incremental=bool(data[1]))
        elif data[0] == 4 and len(data) == 8:
            self.keys.append((struct.unpack(">I", data[4:])[0], data[1]))
        elif data[0] == 5 and len(data) == 6:
            self.pointer.append(struct.unpack(">xBHH", data))
        else:
            assert data in {b"RFB 003.008\n\1", b"RFB 003.008\n", b"\1", PREFERENCES}, data

    def _asked(self, *, incremental):
        if incremental and len(self.pictures) == 1:
            return  # nothing has changed
        if incremental:
            self.pictures.popleft()
        if self._size != (size := self.pictures[0].size):
            self._said.append(rectangle(size, -223))
            self._size = size
        self._said.append(update(self.pictures[0]))

    def settimeout(self, seconds): ...

    def close(self):
        self.closed += 1

    def shutdown(self): ...


class Server:
    """The REST interface, as far as a desktop needs it; ``calls`` is what it was asked, ``answers`` what it says."""

    def __init__(self, mode="control", **answers):
        self.mode, self.answers, self.calls = mode, answers, []

    def call(self, method, path, body=None):
        if path == "api/tokens":
            return {"mode": self.mode, "token": "token"}
        self.calls.append((method, path, body))
        return self.answers.get(path.rpartition("/")[2])


def show_at(monkeypatch, screen):
    """Let every viewer see a screen."""
    monkeypatch.setattr(viewer, "_connect", lambda server, token: screen.open())
