"""What an X server says of changes, from its bytes alone: whole, and in pieces of every size."""

import contextlib
import struct

import pytest

from jupyter_vnc.desktops.video import damage
from jupyter_vnc.desktops.video.damage import Damage, follow
from jupyter_vnc.desktops.x11 import connection, requests
from jupyter_vnc.desktops.x11 import protocol as x11
from jupyter_vnc.desktops.x11.connection import Link
from tests.desktops.x11.test_protocol import greeting, reply

ROOT, FIXES, DAMAGE, DAMAGED = 0x519, 138, 143, 91


def extension(number, code, event=0):
    return reply(number, 0, struct.pack("<BBBB", 1, code, event, 0))


def configured(number, window, width, height):
    return struct.pack("<BxHIIIhhHHHB5x", x11.CONFIGURED, number, window, window, 0, 0, 0, width, height, 0, 0)


def damaged(number):
    return struct.pack("<BBHIII4H4H", DAMAGED, 3, number, ROOT, 1, 0, *[0] * 8)


def region(number, *areas):
    """The reply to FetchRegion: the smallest area with all in it, and each."""
    return reply(number, 0, struct.pack("<8H8x", *[0] * 8) + b"".join(struct.pack("<hhHH", *area) for area in areas))


#: To requests 1 to 8, of which 5 to 7 have no reply.
BEGIN = (
    greeting(),
    extension(1, FIXES),
    extension(2, DAMAGE, DAMAGED),
    reply(3, 0, struct.pack("<II", 5, 0)),
    reply(4, 0, struct.pack("<II", 1, 1)),
    configured(7, ROOT, 640, 480),  # of before the answer that follows
    reply(8, 24, struct.pack("<IhhHHHxx", ROOT, 0, 0, 640, 480, 0)),
)
#: Then each change is two requests, of which the second one has a reply.
CHANGES = (
    damaged(8),
    struct.pack("<BBHI24x", 34, 0, 8, 0),  # MappingNotify, which nobody can decline
    region(10, (0, 0, 64, 48), (100, 100, 32, 48), (300, 0, 32, 48)),
    configured(10, 7, 50, 50),  # a window's
    configured(10, ROOT, 320, 200),
    damaged(10),
    damaged(11),  # comes before the reply, and counts for the next time
    region(12, (0, 0, 320, 200), (0, 0, 9000, 9000)),  # nothing is larger than the screen
    region(14),
)
SAID = b"".join((*BEGIN, *CHANGES))
#: Shares, and the size at that time.
TOLD = [(1.0, (640, 480)), (0.02, (640, 480)), (0.0, (640, 480)), *[(1.0, (320, 200))] * 2, (0.0, (320, 200))]


class Connection:
    """The socket of an X server that says what a test wants, in its pieces."""

    def __init__(self, *pieces):
        self._pieces, self.sent, self.closed = list(pieces), [], False

    def settimeout(self, seconds):
        pass

    def sendall(self, data):
        self.sent.append(data)

    def recv(self, most):
        return self._pieces.pop(0) if self._pieces else b""

    def close(self):
        self.closed = True


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(damage, "COLLECTED", 0)


def told(*pieces):
    """What is told until the X server is gone, and the size at that time."""
    found, one = [], Damage(Link(Connection(*pieces), b"cookie"))
    with contextlib.suppress(ConnectionResetError):
        while True:
            found.append((one.next(), one.size))
    return found


def test_whole():
    assert told(SAID) == TOLD


def test_split_at_every_point():
    for at in range(1, len(SAID)):
        assert told(SAID[:at], SAID[at:]) == TOLD, at


@pytest.mark.parametrize("size", [1, 3, 32])
def test_in_pieces(size):
    assert told(*(SAID[at : at + size] for at in range(0, len(SAID), size))) == TOLD


def test_an_end_at_every_point_is_told_as_one():
    """Whatever was told before it, there is no other error."""
    start = sum(map(len, BEGIN))
    for at in range(start, len(SAID)):
        found = told(SAID[:at])
        assert found == TOLD[: len(found)]
    for at in range(1, start):
        with pytest.raises(ConnectionResetError):
            Damage(Link(Connection(SAID[:at]), b"cookie"))


def test_what_is_asked():
    server = Connection(SAID)
    link = Link(server, b"cookie")
    one = Damage(link)
    assert one.size == (640, 480)
    names = link.screen.base + 1, link.screen.base + 2
    assert server.sent[1:] == [
        requests.query_extension("XFIXES"),
        requests.query_extension("DAMAGE"),
        struct.pack("<BBHII", FIXES, 0, 3, 5, 0),
        struct.pack("<BBHII", DAMAGE, 0, 3, 1, 1),
        struct.pack("<BBHI", FIXES, 5, 2, names[1]),
        requests.select_events(ROOT, x11.STRUCTURE),
        struct.pack("<BBHIIBxxx", DAMAGE, 1, 4, names[0], ROOT, 3),
        requests.get_geometry(ROOT),
    ]
    del server.sent[:]
    assert [one.next(), one.next()] == [1.0, 0.02]
    assert server.sent == [
        struct.pack("<BBHIII", DAMAGE, 3, 4, names[0], 0, names[1]),
        struct.pack("<BBHI", FIXES, 19, 2, names[1]),
    ]
    one.close()
    assert server.closed


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ((BEGIN[0], reply(1, 0)), "no XFIXES"),
        ((*BEGIN[:2], reply(2, 0)), "no DAMAGE"),
        ((*BEGIN[:-1], struct.pack("<BBHI24x", 0, 9, 8, ROOT)), "no screen"),
    ],
)
def test_one_that_cannot_be_followed(said, why):
    with pytest.raises(x11.ProtocolError, match=why):
        Damage(Link(Connection(*said), b"cookie"))


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (struct.pack("<BBHI24x", 0, 140, 10, 1), "it has lost a region"),
        (struct.pack("<BBHI24x", 1, 0, 10, 1 << 29), "it sent a packet of 2147483680 bytes"),
    ],
)
def test_what_is_invalid_is_told_whoever_follows(answer, why):
    reasons = []
    follow(Damage(Link(Connection(*BEGIN, damaged(8), answer), b"")), lambda *_: None, reasons.append).join(20)
    assert reasons == [why]


def test_an_end_is_told_whoever_follows():
    changes, reasons = [], []
    follow(Damage(Link(Connection(SAID), b"")), lambda *what: changes.append(what), reasons.append).join(20)
    assert changes == [(share, *size) for share, size in TOLD]
    assert reasons == ["the X server closed the connection"]


def test_one_that_cannot_be_used_is_left(monkeypatch, tmp_path):
    server = Connection(BEGIN[0], reply(1, 0))
    (tmp_path / "authority").touch()
    monkeypatch.setattr(connection.peers, "connect_unix", lambda path: server)
    monkeypatch.setattr(connection.xauthority, "read", lambda path: b"cookie")
    with pytest.raises(x11.ProtocolError):
        Damage.open(77, tmp_path / "authority")
    assert server.closed
