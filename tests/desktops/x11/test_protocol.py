"""The X11 codec: packets whole and in pieces, and what cannot be understood."""

import socket
import struct

import pytest

from jupyter_vnc.desktops.x11 import connection as xlink
from jupyter_vnc.desktops.x11 import protocol as x11
from jupyter_vnc.desktops.x11 import requests, xauthority
from jupyter_vnc.desktops.x11 import window_fitter as fullscreen
from jupyter_vnc.desktops.x11.protocol import Attributes, Event, Geometry, ProtocolError, Screen
from jupyter_vnc.desktops.x11.window_fitter import Window, place, sizes

WINDOW = 0x0020000A


def greeting(vendor=b"The Makers", screens=1, formats=2, accepted=1):
    """What an X server says first: a screen of 640x480 whose root window is 0x519."""
    screen = struct.pack("<5IHH16x", 0x519, 1, 2, 3, 0, 640, 480)
    padded = vendor + bytes(-len(vendor) % 4)
    body = struct.pack(
        "<4IHH8B4x", 12, 0x200000, 0xFFFFF, 256, len(vendor), 65535, screens, formats, 0, 0, 32, 32, 8, 255
    )
    body += padded + bytes(8 * formats) + screen
    return struct.pack("<BxHHH", accepted, 11, 0, len(body) // 4) + body


def refusal(reason):
    padded = reason + bytes(-len(reason) % 4)
    return struct.pack("<BBHHH", 0, len(reason), 11, 0, len(padded) // 4) + padded


def reply(number, data, body=b"", *, more=0):
    head = struct.pack("<BBHI", 1, data, number, more or max(0, len(body) - 24) // 4)
    return (head + body).ljust(32, b"\0")


CONFIGURED = struct.pack("<BxHIIIhhHHHB5x", 22, 7, 0x519, WINDOW, 0, -5, 6, 300, 200, 1, 0)
PRESSED = struct.pack("<BBHIH22x", 35, 131, 9, 3, 15) + bytes(12)
TREE = reply(8, 0, struct.pack("<IIH14x3I", 0x519, 0, 3, 1, 2, 3))


def decode(data, size):
    decoder, found = x11.Decoder(), []
    for start in range(0, len(data), size):
        decoder.feed(data[start : start + size])
        while (packet := decoder.packet()) is not None:
            found.append(packet)
    return found


@pytest.mark.parametrize("size", [1, 2, 7, 8, 31, 33, 100, 10_000])
def test_packets_whole_and_in_pieces(size):
    packets = [greeting(), TREE, CONFIGURED, PRESSED, struct.pack("<BBHI24x", 0, 3, 9, WINDOW), CONFIGURED]
    assert decode(b"".join(packets), size) == packets
    assert decode(b"".join(packets)[:-1], size) == packets[:-1]


def test_a_packet_that_is_too_long():
    decoder = x11.Decoder()
    decoder.feed(greeting() + struct.pack("<BBHI24x", 1, 0, 1, 1 << 30))
    assert decoder.packet() is not None
    with pytest.raises(ProtocolError, match="a packet of 4294967328 bytes"):
        decoder.packet()


@pytest.mark.parametrize("vendor", [b"", b"x", b"The X.Org Foundation"])
def test_a_greeting(vendor):
    assert x11.screen(greeting(vendor)) == Screen(0x519, 640, 480, 0x200000)


@pytest.mark.parametrize(
    ("packet", "why"),
    [
        (refusal(b"Authorization required, but no authorization protocol specified\n"), "specified$"),
        (refusal(b""), "it refused the connection"),
        (greeting(accepted=2), "it refused the connection"),
        (greeting(screens=0), "it has no screen"),
        (greeting()[:60], "too short"),
        (greeting()[:20], "too short"),
    ],
)
def test_a_greeting_that_will_not_do(packet, why):
    with pytest.raises(ProtocolError, match=why):
        x11.screen(packet)


def test_replies():
    what = struct.pack("<IHBBIIBBBBIIIH", 33, 1, 0, 1, 0, 0, 0, 1, 2, 0, 32, 1 << 20, 5, 0)
    assert x11.attributes(reply(3, 0, what)) == Attributes(True, False, False, 1 << 20)
    what = struct.pack("<IHBBIIBBBBIIIH", 33, 2, 0, 1, 0, 0, 0, 1, 1, 1, 32, 0, 5, 0)
    assert x11.attributes(reply(3, 0, what)) == Attributes(False, True, True, 0)
    assert x11.geometry(reply(4, 24, struct.pack("<IhhHHH", 0x519, -1, 2, 300, 200, 1))) == Geometry(-1, 2, 300, 200, 1)
    assert x11.children(TREE) == (1, 2, 3)
    assert x11.words(reply(5, 32, struct.pack("<III12x2i", 4, 0, 2, 7, -7))) == (7, -7)
    assert x11.words(reply(5, 8, struct.pack("<III12x4s", 4, 0, 4, b"name"))) == ()
    assert x11.words(reply(5, 0)) == ()
    assert x11.text(reply(5, 8, struct.pack("<III12x4s", 4, 0, 4, b"name"))) == b"name"
    assert x11.text(reply(5, 8, struct.pack("<III12x4s", 4, 0, 2, b"na"))) == b"na"
    assert x11.text(reply(5, 32, struct.pack("<III12x2i", 4, 0, 2, 7, -7))) == b""
    assert x11.text(reply(5, 0)) == b""
    assert x11.point(reply(6, 1, struct.pack("<Ihh", 0, -3, 400))) == (-3, 400)
    assert x11.number(reply(6, 0, struct.pack("<I", 301))) == 301
    assert (x11.opcode(reply(7, 0, b"\1\x83")), x11.opcode(reply(7, 0, b"\0\x83"))) == (131, 0)
    assert x11.child(reply(8, 1, struct.pack("<II", 0x519, WINDOW))) == WINDOW


def test_events():
    three = struct.Struct("<BxHIIIB15x")
    assert x11.event(CONFIGURED) == Event(22, 7, WINDOW, geometry=Geometry(-5, 6, 300, 200, 1))
    assert x11.event(PRESSED) == Event(35, 9)
    assert x11.event(three.pack(19, 7, 0x519, WINDOW, 1, 0)) == Event(19, 7, WINDOW, override=True)
    assert x11.event(three.pack(16, 7, 0x519, WINDOW, 0, 0)) == Event(16, 7, WINDOW, parent=0x519)
    assert x11.event(three.pack(21, 7, 0x519, WINDOW, 5, 0)) == Event(21, 7, WINDOW, parent=5)
    assert x11.event(three.pack(17, 7, 0x519, WINDOW, 0, 0)) == Event(17, 7, WINDOW)
    assert x11.event(three.pack(18 | 0x80, 7, 0x519, WINDOW, 0, 0)) is None
    assert x11.event(three.pack(34, 7, 0, 0, 0, 0)) is None
    assert x11.event(struct.pack("<BBHIH22x", 35, 131, 9, 0, 14)) is None


# -- places -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fills", "least", "most", "screen", "expected"),
    [
        (True, (1, 1), (32767, 32767), (640, 480), (0, 0, 640, 480, 0)),
        (True, (300, 200), (300, 200), (640, 480), (170, 140, 300, 200, 0)),
        (True, (1, 1), (32767, 200), (640, 480), (0, 140, 640, 200, 0)),
        (True, (800, 100), (32767, 32767), (640, 480), (0, 0, 800, 480, 0)),
        (False, (1, 1), (300, 200), (640, 480), (168, 138, 300, 200, 2)),
        (False, (1, 1), (700, 200), (640, 480), (0, 138, 636, 200, 2)),
    ],
)
def test_places(fills, least, most, screen, expected):
    was = Geometry(20, 20, 300, 200, 2)
    assert place(Window(1, 0, fills, least, most, was, was), *screen) == Geometry(*expected)


def test_sizes_that_windows_can_have():
    anything = ((1, 1), (32767, 32767))
    assert sizes(()) == anything
    assert sizes((0, 0, 0, 0, 0, 10, 20, 30, 40)) == anything
    assert sizes((0x30, 0, 0, 0, 0, 10, 20, 30, 40)) == ((10, 20), (30, 40))
    assert sizes((0x30, 0, 0, 0, 0, 0, -20, 1 << 30, 0)) == ((1, 1), (32767, 1))
    assert sizes((0x30, 0, 0, 0, 0, 10)) == anything


# -- a connection -----------------------------------------------------------------------------------------------------


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_a_link_sorts_replies_errors_and_events(ends):
    ours, theirs = ends
    theirs.sendall(greeting() + CONFIGURED + struct.pack("<BBHI24x", 0, 3, 1, WINDOW))
    theirs.sendall(reply(1, 0, struct.pack("<I", 300))[:-1])
    theirs.sendall(b"\0" + struct.pack("<BBHI24x", 0, 3, 3, WINDOW))
    link = xlink.Link(ours, bytes(16))
    assert theirs.recv(48) == requests.setup(xauthority.PROTOCOL, bytes(16))
    assert link.ask(requests.get_geometry(1)) is None
    assert link.send(requests.focus(1)) == 2
    assert link.ask(requests.get_geometry(1)) is None
    assert link.event() == Event(22, 7 - 65536, WINDOW, geometry=Geometry(-5, 6, 300, 200, 1))
    assert len(theirs.recv(1000)) == 8 + 12 + 8
    theirs.close()
    with pytest.raises(ConnectionResetError, match="closed the connection"):
        link.event()


def test_numbers_of_requests_go_on_after_65535(ends):
    ours, theirs = ends
    theirs.sendall(greeting())
    link = xlink.Link(ours, bytes(16))
    link._sent = 0x2_0008
    theirs.sendall(reply(9, 0))
    assert link.ask(requests.get_geometry(1)) == reply(9, 0)
    theirs.sendall(CONFIGURED)
    assert link.event().sequence == 0x2_0007


def test_whatever_goes_wrong_is_one_line(tmp_path, monkeypatch):
    with pytest.raises(
        SystemExit, match=r"^Windows are not fitted to the screen any more: .*No such file or directory$"
    ):
        fullscreen.main("99999", str(tmp_path / "none"))
