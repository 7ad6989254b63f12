"""The windows of a desktop as a program finds them, and how it waits for one."""

import pytest

from jupyter_vnc import desktop
from jupyter_vnc.notebook import acting
from jupyter_vnc.notebook import desktop as desktops
from jupyter_vnc.notebook.desktop import Desktop
from jupyter_vnc.notebook.windows import Window, titled

from .screen import Screen, Server, show_at


def row(ident, title, *, focused=False):
    return {"id": ident, "title": title, "x": 1, "y": 2, "width": 30, "height": 40, "shown": True, "focused": focused}


class Windows(Server):
    """Each look at the windows shows the next of these lists, and the last one from then on."""

    def __init__(self, *lists):
        super().__init__()
        self._lists = [*lists]

    def call(self, method, path, body=None):
        if not path.endswith("/windows"):
            return super().call(method, path, body)
        return self._lists.pop(0) if len(self._lists) > 1 else self._lists[0]


@pytest.fixture
def having(monkeypatch):
    """A desktop with these windows at its looks, and its server."""
    monkeypatch.setattr(acting, "_PAUSE", 0)
    monkeypatch.setattr(desktops, "_PAUSE", 0)
    show_at(monkeypatch, Screen())

    def having(*lists):
        server = Windows(*lists)
        return Desktop(server, "lab"), server

    return having


def test_the_windows(having):
    one, _ = having([row(7, "xterm"), row(8, "", focused=True)])
    assert one.windows() == (
        Window("xterm", desktop.Area(1, 2, 30, 40), True, False, 7),
        Window("", desktop.Area(1, 2, 30, 40), True, True, 8),
    )
    assert one.windows()[0].area.centre == (16, 22)


@pytest.mark.parametrize(
    ("title", "found"),
    [("Editor", 2), ("editor", 4), ("TERM", 5), ("xterm", 1), ("file", 4), ("nothing", None), ("", 3)],
)
def test_the_title_itself_comes_before_a_part_of_it_and_the_newest_first(title, found):
    titles = {1: "xterm", 2: "Editor", 5: "Terminal", 4: "file - Editor", 3: ""}
    window = titled([Window.of(row(*one)) for one in titles.items()], title)
    assert (window and window.ident) == found


def test_a_window_is_waited_for_and_asked_for_until_it_has_the_keys(having, monkeypatch):
    monkeypatch.setattr(desktops, "_AGAIN", 3600)
    other, xterm = row(8, "other", focused=True), row(7, "xterm")
    one, server = having([other], [other, xterm], [other, xterm], [row(8, "other"), row(7, "xterm", focused=True)])
    assert one.focus("term").ident == 7
    assert server.calls == [("POST", "api/desktops/lab/focus", {"window": 7})]


def test_a_window_manager_that_did_not_hear_is_asked_again(having, monkeypatch):
    monkeypatch.setattr(desktops, "_AGAIN", 0)
    one, server = having([row(7, "xterm")], [row(7, "xterm")], [row(7, "xterm", focused=True)])
    assert one.focus("xterm").focused
    assert server.calls == 2 * [("POST", "api/desktops/lab/focus", {"window": 7})]


def test_one_that_has_the_keys_need_not_ask_for_them(having):
    one, server = having([row(7, "xterm", focused=True)])
    assert one.focus("xterm").title == "xterm"
    assert server.calls == []


@pytest.mark.parametrize(
    ("windows", "sentence"),
    [
        ([], r"^No window is called 'term' on 'lab' within 0 seconds; the windows are: none\.$"),
        ([row(7, "a\x1b[1m"), row(8, "b")], r"the windows are: 'a.*\[1m', 'b'\.$"),
        ([row(7, "term")], "^'term' did not get the keys on 'lab' within 0 seconds"),
    ],
)
def test_what_does_not_come_is_named_with_the_windows_that_are_there(having, windows, sentence):
    one, _ = having(windows)
    with pytest.raises(desktop.NotSeen, match=sentence) as error:
        one.focus("term", timeout=0)
    assert "\x1b" not in str(error.value)
    assert error.value.screen.size == (64, 48)


def test_without_a_name_they_are_the_first_desktops(having, monkeypatch):
    one, _ = having([row(7, "xterm", focused=True)])
    monkeypatch.setattr(desktop, "get", {None: one}.__getitem__)
    assert [window.title for window in desktop.windows()] == ["xterm"]
    assert desktop.focus("xterm").ident == 7
