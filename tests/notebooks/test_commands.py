"""The commands of a terminal, on a desktop that is made of bytes."""

import PIL.Image
import pytest

from jupyter_vnc.notebook import acting
from jupyter_vnc.notebook.commands import COMMANDS
from jupyter_vnc.notebook.server import NotebookError

from .screen import Screen, Server, plain, show_at

ROWS = [{"name": "lab", "title": "Lab"}, {"name": "desk top", "title": "Desktop"}]
SESSION = {"id": "0123456789abcdef", "target": "lab", "mode": "control", "user": "ann", "since": "today", "bytes_in": 5}


@pytest.fixture
def server():
    server = Server(targets=ROWS, sessions=[SESSION])
    server.path_of = lambda file: f"below/{file}"
    return server


@pytest.fixture
def done(server):
    """Run a command; return what it answers, and what the server was asked to do."""

    def done(name, *words):
        server.calls.clear()
        assert COMMANDS[name].takes(words)
        answer = COMMANDS[name].run(server, words)
        return answer, [call for call in server.calls if call[0] != "GET"]

    return done


def test_sessions_are_listed_and_ended(done):
    answer, _ = done("sessions")
    assert (answer.data, answer.lines) == ([SESSION], [["0123456789abcdef", "lab", "control", "ann", "today"]])
    answer, asked = done("end", "0123456789abcdef", "00" * 8)
    assert answer.data == {"ended": ["0123456789abcdef", "00" * 8]}
    assert asked == [("DELETE", f"api/sessions/{one}", None) for one in ("0123456789abcdef", "00" * 8)]


@pytest.mark.parametrize("ident", ["", "../desktops/lab", "0123456789ABCDEF", "0123456789abcdef0"])
def test_what_is_no_session_reaches_no_other_route(done, server, ident):
    with pytest.raises(NotebookError, match=r"is not the id of a session; jupyter vnc sessions"):
        done("end", ident)
    assert server.calls == []


def test_desktops_are_started_and_stopped(done):
    answer, asked = done("start", "lab", "desk top")
    assert answer.data == {"started": ["lab", "desk top"]}
    starts = [("POST", f"api/desktops/{name}", {"action": "start"}) for name in ("lab", "desk%20top")]
    assert asked == starts
    answer, asked = done("stop", "lab")
    assert (answer.data, asked) == ({"stopped": ["lab"]}, [("DELETE", "api/desktops/lab", None)])


def test_a_file_is_opened(done):
    answer, asked = done("open", "lab", "a.txt")
    assert answer.data == {"target": "lab", "file": "a.txt"}
    assert asked == [("POST", "api/desktops/lab/open", {"path": "below/a.txt"})]


def test_the_screen_is_saved_and_a_text_is_typed(done, monkeypatch, tmp_path):
    monkeypatch.setattr(acting, "_PAUSE", 0)
    monkeypatch.chdir(tmp_path)
    screen = Screen(plain("red"))
    show_at(monkeypatch, screen)
    answer, _ = done("screenshot", "lab")
    assert answer.data == {"target": "lab", "file": "lab.png", "width": 64, "height": 48}
    assert answer.lines == [["lab.png"]]
    done("screenshot", "lab", "picture.without-a-name-for-it")
    for name in ("lab.png", "picture.without-a-name-for-it"):
        with PIL.Image.open(tmp_path / name) as saved:
            assert (saved.format, saved.getpixel((1, 1))) == ("PNG", (255, 0, 0))
    answer, _ = done("type", "lab", "ab")
    assert answer.data == {"target": "lab", "typed": 2}
    assert [key for key, down in screen.keys if down] == [ord("a"), ord("b")]


@pytest.mark.parametrize("line", ["start x", "stop x", "screenshot x", "type x a", "open x a"])
def test_a_desktop_that_is_not_there_is_named_with_those_that_are(done, line):
    with pytest.raises(NotebookError, match=r"There is no desktop 'x'; there are: 'lab', 'desk top'"):
        done(*line.split())


@pytest.mark.parametrize("line", ["sessions x", "end", "start", "screenshot", "screenshot a b c", "type a", "open a"])
def test_too_few_words_or_too_many(line):
    name, *more = line.split()
    assert not COMMANDS[name].takes(more)
    assert COMMANDS[name].usage.startswith(name)
