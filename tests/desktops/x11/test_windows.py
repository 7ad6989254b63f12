"""The windows of a display, with and without a window manager: an X server as far as they are asked of it."""

import struct
from types import SimpleNamespace

import pytest

from jupyter_vnc.desktops import windows as asked
from jupyter_vnc.desktops.x11 import protocol as x11
from jupyter_vnc.desktops.x11.windows import MAX_WINDOWS, Windows
from jupyter_vnc.exceptions import DesktopFailed

ROOT = 1
ATOMS = ["_NET_CLIENT_LIST", "_NET_ACTIVE_WINDOW", "_NET_WM_NAME"]


def reply(data, body, more=b""):
    return struct.pack("<BBHI", 1, data, 0, len(more) // 4) + body.ljust(24, b"\0") + more


class XServer:
    """A link to it; what is sent without an answer is in ``sent``, by the code of the request.

    Args:
        windows: by their numbers: whether it shows, whether it is a menu, and its properties.
        managed: whether a window manager runs; it lists the windows.
        focused: which has the keys.
    """

    def __init__(self, windows, *, managed, focused=0):
        self.screen = SimpleNamespace(root=ROOT)
        self.sent = []
        self._windows, self._managed = windows, managed
        lists = {"_NET_CLIENT_LIST": struct.pack(f"<{len(windows)}I", *windows)} if managed else {}
        active = {"_NET_ACTIVE_WINDOW": struct.pack("<I", focused)} if managed else {}
        self._of_root = {name: (32, data) for name, data in (lists | active).items()}
        self._focused = focused

    def send(self, request):
        self.sent.append((request[0], request[4:]))

    def ask(self, request):
        (ident,) = struct.unpack_from("<I", request + bytes(4), 4)
        return ANSWERS[request[0]](self, ident, request)

    def _attributes(self, ident, _):
        if ident == ROOT:
            shows, menu, watched = True, False, x11.REDIRECT if self._managed else 0
        elif ident in self._windows:
            (shows, menu, _), watched = self._windows[ident], 0
        else:
            return None
        return reply(0, struct.pack("<4xH12xBB4xI", 1, 2 * shows, menu, watched))

    def _geometry(self, ident, _):
        return reply(24, struct.pack("<IhhHHH", ROOT, 0, 0, 300, 200, 1)) if ident in self._windows else None

    def _translate(self, ident, _):
        return reply(1, struct.pack("<Ihh", 0, -5, ident)) if ident in self._windows else None

    def _tree(self, *_):
        count = len(self._windows)
        return reply(0, struct.pack("<IIH", ROOT, 0, count), struct.pack(f"<{count}I", *self._windows))

    def _atom(self, _, request):
        (length,) = struct.unpack_from("<H", request, 4)
        return reply(0, struct.pack("<I", 100 + ATOMS.index(request[8 : 8 + length].decode())))

    def _property(self, ident, request):
        name = struct.unpack_from("<I", request, 8)[0]
        of = self._of_root if ident == ROOT else self._windows[ident][2]
        width, data = of.get(ATOMS[name - 100] if name >= 100 else name, (0, b""))
        return reply(width, struct.pack("<III", 4, 0, len(data) // (width // 8 or 1)), x11.padded(data))

    def _focus(self, *_):
        return reply(1, struct.pack("<I", self._focused))


#: By the code of a request.
WHAT = {3: "attributes", 14: "geometry", 15: "tree", 16: "atom", 20: "property", 40: "translate", 43: "focus"}
ANSWERS = {code: getattr(XServer, f"_{what}") for code, what in WHAT.items()}


def window(title="", *, shows=True, menu=False, old=False):
    name = x11.WM_NAME if old else "_NET_WM_NAME"
    return shows, menu, {name: (8, title.encode("latin-1" if old else "utf-8"))}


def seen(windows):
    return [(one.ident, one.title, one.shown, one.focused) for one in windows.list()]


def test_a_window_manager_lists_them_minimised_ones_too():
    there = {7: window("Grüße €"), 8: window("old é", old=True, shows=False), 9: window()}
    windows = Windows(XServer(there, managed=True, focused=8))
    assert seen(windows) == [(7, "Grüße €", True, False), (8, "old é", False, True), (9, "", True, False)]
    place = {"x": -5, "y": 7, "width": 300, "height": 200}
    assert windows.list()[0].public() == {"id": 7, "title": "Grüße €", **place, "shown": True, "focused": False}


def test_without_one_they_are_those_that_show_and_are_no_menus():
    windows = {7: window("xclock"), 8: window("menu", menu=True), 9: window("hidden", shows=False)}
    assert seen(Windows(XServer(windows, managed=False, focused=7))) == [(7, "xclock", True, True)]


@pytest.mark.parametrize("managed", [True, False])
def test_one_that_is_gone_meanwhile_is_left_out(managed, monkeypatch):
    server = XServer({7: window("a"), 8: window("b")}, managed=managed)
    asked = server.ask

    def ask(request):
        gone = request[0] == 40 and struct.unpack_from("<I", request, 4)[0] == 7
        return None if gone else asked(request)

    monkeypatch.setattr(server, "ask", ask)
    assert [title for _, title, *_ in seen(Windows(server))] == ["b"]


def test_no_more_than_that():
    many = {ident: window() for ident in range(2, MAX_WINDOWS + 10)}
    for managed in (True, False):
        assert len(Windows(XServer(many, managed=managed)).list()) == MAX_WINDOWS


def test_a_window_manager_is_asked_as_by_a_panel():
    server = XServer({7: window("a")}, managed=True)
    assert Windows(server).focus(7)
    ((code, body),) = server.sent
    assert (code, struct.unpack_from("<II", body)) == (25, (ROOT, 3 << 19))
    assert struct.unpack_from("<BBxxIII", body, 8) == (33, 32, 7, 100 + ATOMS.index("_NET_ACTIVE_WINDOW"), 2)


def test_without_one_it_is_raised_and_has_the_keys():
    server = XServer({7: window("a")}, managed=False)
    assert Windows(server).focus(7)
    assert [(code, struct.unpack_from("<I", body)[0]) for code, body in server.sent] == [(12, 7), (42, 7)]


@pytest.mark.parametrize("managed", [True, False])
def test_what_is_no_window_of_a_program_gets_no_keys(managed):
    server = XServer({7: window("a")}, managed=managed)
    for ident in (ROOT, 8):
        assert not Windows(server).focus(ident)
    assert server.sent == []


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({}, "The desktop does not run."),
        ({"DISPLAY": ":99999", "XAUTHORITY": "/none"}, "The desktop does not say which windows it has."),
    ],
)
async def test_a_desktop_that_cannot_be_asked(environ, sentence):
    with pytest.raises(DesktopFailed) as error:
        await asked.ask(environ, Windows.list)
    assert str(error.value) == sentence
