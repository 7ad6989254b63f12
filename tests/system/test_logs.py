"""What others chose stays within its line: in the log, in errors, in notes, in REST, on the terminal."""

import ast
import io
import json
import logging
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from traitlets.config import LoggingConfigurable

import jupyter_vnc
from jupyter_vnc import cli
from jupyter_vnc.broker.access.direct import DirectAccess
from jupyter_vnc.broker.audit import Audit
from jupyter_vnc.broker.catalogue import Catalogue
from jupyter_vnc.broker.live_sessions import LiveSessions
from jupyter_vnc.broker.managed_desktops import ManagedDesktops
from jupyter_vnc.close_codes import CloseCode
from jupyter_vnc.escaping import printable
from jupyter_vnc.exceptions import ConfigError, TargetRefused, TargetUnreachable, VNCError
from jupyter_vnc.hub import commands
from jupyter_vnc.hub.web_settings import request_log
from jupyter_vnc.model.addresses import TCPAddress
from jupyter_vnc.model.credentials import Credentials
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Mode, State, Target
from jupyter_vnc.model.users import User
from jupyter_vnc.pools.manager import PoolManager
from jupyter_vnc.sources.base import TargetSource
from jupyter_vnc.sources.directory import DirectoryTargets
from jupyter_vnc.sources.websockify import WebsockifyTargets
from jupyter_vnc.system.logs import MAX_LINE, Configurable, LineLimiter, OneLineLog, Outage, get_logger, one_line

ROOT = Path(jupyter_vnc.__file__).parent
FORGED = "[I 2026-01-01 00:00:00.000 VNCExtension] Session 1: root opens all (control)"
CANARIES = {
    "line feed": "\n",
    "carriage return": "\r",
    "both": "\r\n",
    "vertical tab": "\v",
    "form feed": "\f",
    "escape": "\x1b[2J\x1b[1;1H",
    "C1 escape": "\x9b2J",
    "next line": "\x85",
    "line separator": "\u2028",
    "paragraph separator": "\u2029",
    "override": "\u202e",
    "isolate": "\u2067",
    "mark": "\u200f",
    "backspace": "\b\b\b",
    "NUL": "\0",
    "surrogate": "\udc80",
}
NAMES = [
    "ann",
    "Jürgen Müller",
    "田中　太郎",
    "Ольга",
    "محمد",
    "می‌خواهم",
    "👩‍👩‍👧 Müller",
    "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    "o'neill@example.org",
    "100 %s %d",
]


@pytest.fixture
def log():
    """A log and what is written; ``lines()`` gives them."""
    stream = io.StringIO()
    log = logging.Logger("VNCExtension")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("[%(levelname).1s %(name)s] %(message)s"))
    log.addHandler(handler)
    log.lines = lambda: stream.getvalue().split("\n")[:-1]
    return log


def check(lines, canary, count=1):
    """Each line is ours: none was begun, ended or reordered by what is in it."""
    assert len(lines) == count, lines
    for line in lines:
        assert line.startswith("[")
        assert printable(line) == line
        assert canary not in line
    "".join(lines).encode()


@pytest.fixture(params=CANARIES)
def canary(request):
    return CANARIES[request.param]


@pytest.fixture
def name(canary):
    return f"ann{canary}{FORGED}"


# -- the escape ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("whole", NAMES)
def test_names_stay_whole(whole, log):
    assert printable(whole) == whole
    one_line(log).warning("%s opens %s", whole, "lab")
    assert log.lines() == [f"[W VNCExtension] {whole} opens lab"]


@settings(deadline=None)
@given(st.text(alphabet=st.characters(codec=None)))
def test_whatever_it_is_it_is_one_line_and_can_be_written(text):
    clean = printable(text)
    assert len(clean.splitlines()) <= 1
    clean.encode()
    assert printable(clean) == clean


@pytest.mark.parametrize("limit", [1, 5, 6, 7])
def test_a_long_text_is_cut(limit):
    cut = printable("\n" * 3, limit)
    assert cut == (r"\n\n\n" if limit > 5 else r"\n\n\n"[: limit - 1] + "…")


def test_what_is_wanted_is_kept():
    assert printable("one\n\ttwo\x1b[2J\n", keep="\n\t") == "one\n\ttwo\\x1b[2J\n"


# -- the log ------------------------------------------------------------------------------------------------------


class Shown:
    """Says of itself what it likes."""

    def __init__(self, text):
        self.text = text

    def __str__(self):
        return self.text

    __repr__ = __str__


@pytest.mark.parametrize("say", ["debug", "info", "warning", "error", "critical", "exception"])
def test_a_line_is_a_line_whatever_is_in_it(say, name, canary, log):
    log.setLevel(logging.DEBUG)
    adapter = one_line(log)
    getattr(adapter, say)("%s, %r, %s, %d", name, Shown(name), ValueError(name), 5)
    getattr(adapter, say)(f"{name} 100 %")
    check(log.lines(), canary, 2)
    assert "100 %" in log.lines()[1]


def test_a_line_below_the_level_is_not_formatted(log):
    log.setLevel(logging.INFO)
    one_line(log).debug("%s", Shown(None))
    assert log.lines() == []


def test_a_long_line_is_cut(log):
    one_line(log).warning("%s", "x" * 10 * MAX_LINE)
    assert len(log.lines()[0]) < MAX_LINE + 100


@pytest.mark.parametrize("how", ["exception", "exc_info", "error"])
def test_an_exception_is_below_its_line_and_no_line_of_it_begins_one(how, name, canary, log):
    records = []
    log.addFilter(lambda record: records.append(record) or True)
    try:
        int(f"{name}\n{FORGED}")
    except ValueError as error:
        error.add_note(f"{name}\n{FORGED}")
        if how == "exception":
            one_line(log).exception("It %s", name)
        else:
            one_line(log).error("It %s", name, exc_info=True if how == "exc_info" else error)
    first, *others = log.lines()
    check([first], canary)
    assert any("ValueError" in line for line in others)
    assert all(line.startswith("    ") and printable(line) == line for line in others)
    assert records[0].exc_info[0] is ValueError


def test_a_line_is_its_callers_and_a_wrong_format_is_complained_about(log, capsys):
    records = []
    log.addFilter(lambda record: records.append(record) or True)
    one_line(log).info("here", extra={"more": 1})
    one_line(log).log(logging.INFO, "here")
    assert {(record.filename, record.funcName) for record in records} == {
        (Path(__file__).name, "test_a_line_is_its_callers_and_a_wrong_format_is_complained_about")
    }
    assert records[0].more == 1
    one_line(log).info("%d", "no number")
    assert "Logging error" in capsys.readouterr().err


def test_an_adapter_of_the_host_is_seen_through(log):
    adapter = one_line(logging.LoggerAdapter(log, {}))
    assert adapter.logger is log
    assert one_line(adapter) is adapter
    assert get_logger("jupyter_vnc.some").logger is logging.getLogger("jupyter_vnc.some")


@pytest.mark.parametrize("given_log", [True, False])
def test_configurable_parts_have_such_a_log_whoever_gave_it(given_log, log):
    part = Configurable(log=log) if given_log else Configurable(parent=LoggingConfigurable(log=log))
    assert isinstance(part.log, OneLineLog)
    assert part.log.logger is log
    assert isinstance(Configurable(parent=part).log, OneLineLog)
    assert isinstance(Configurable().log, OneLineLog)


# -- no way around it ---------------------------------------------------------------------------------------------

#: Calls and bases that would, and the one module that may have them.
PAST = {"getLogger": {"logs.py"}, "LoggingConfigurable": {"logs.py"}, "print": {"cli.py", "commands.py"}}


def names_used(tree):
    """Yield what is called, and what classes inherit."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node.func, node
        elif isinstance(node, ast.ClassDef):
            yield from ((base, node) for base in node.bases)


def test_there_is_no_other_way_into_the_log_or_to_the_terminal():
    found = []
    for path in sorted(ROOT.rglob("*.py")):
        for used, node in names_used(ast.parse(path.read_text("utf-8"))):
            name = getattr(used, "id", getattr(used, "attr", ""))
            # The host's own loggers are looked up to filter them, or to adopt ours.
            ours = path.name not in {"audit.py", "threads.py"} or name != "getLogger"
            if name in PAST and path.name not in PAST[name] and ours:
                found.append(f"{path.name}:{node.lineno}: {name}")
    assert found == []


# -- each place ---------------------------------------------------------------------------------------------------


def session(name, target="lab", **keys):
    return Session(User(name), Target(name=target, address=TCPAddress("h", 1), **keys), Mode.CONTROL)


def test_the_lines_of_a_session(name, canary, log):
    audit = Audit(log)
    one = session(name)
    one.replaced = [session(name)]
    audit.opened(one)
    audit.closed(one, CloseCode.NORMAL, name)
    check(log.lines(), canary, 3)


async def test_a_source_that_fails(name, canary, log):
    class Broken(TargetSource):
        async def targets(self, user):
            raise RuntimeError(name)

    assert await Catalogue([Broken()], log).known(User("ann")) == []
    check(log.lines()[:1], canary)
    assert all(line.startswith("    ") for line in log.lines()[1:])


async def test_the_names_of_files(name, canary, log, tmp_path):
    if canary in "\0\udc80":
        name = "ann\udc80"
    name = name.replace("/", "-")[:200]
    (tmp_path / f"{name}.json").write_text('{"host": "h"}')
    (tmp_path / "token.conf").write_text(f"a: h:1\n{canary.replace(chr(0), 'x')}b no address\n", errors="replace")
    assert await DirectoryTargets(path=str(tmp_path), log=log).targets(User("ann")) == ()
    check(log.lines(), canary)
    await WebsockifyTargets(source=str(tmp_path / "token.conf"), log=log).targets(User("ann"))
    check(log.lines(), canary, len(log.lines()))


async def test_a_lease_file(name, canary, log, tmp_path):
    path = tmp_path / "leases.json"
    path.write_text(json.dumps({"version": name, "pools": {}}))
    manager = PoolManager(state_file=str(path), log=log)
    await manager.start()
    await manager.close()
    check(log.lines(), canary)


@pytest.mark.parametrize("kind", [VNCError, TargetUnreachable, TargetRefused])
def test_the_sentence_of_an_error(kind, name, canary):
    error = kind(name, detail=name)
    for text in (str(error), error.message, error.detail, error.log_line):
        assert printable(text) == text
        assert canary not in text


def test_the_sentence_of_a_wrong_configuration(name, canary):
    text = str(ConfigError(name, target=name, key=name))
    assert printable(text) == text
    assert canary not in text


def test_titles_in_rest(name, canary):
    row = session("ann", title=name, description=name).target.public(mode=Mode.VIEW, state=State.UP)
    for key in ("title", "description"):
        assert row[key] == printable(name)
    assert canary not in row["title"]


def test_the_sender_of_a_message(name, canary, log):
    notes = []
    one = session("bob")
    one.tell = notes.append
    live = LiveSessions(SimpleNamespace(find=lambda *_: one), None, None, one_line(log))
    live.send_message(SimpleNamespace(user=User(name)), one.id, "first line\nsecond line")
    assert notes[0]["sender"] == printable(name)
    assert notes[0]["text"] == "first line\nsecond line"
    check(log.lines(), canary)


async def test_the_log_of_a_desktop(name, canary):
    visitor = SimpleNamespace(home=User("ann"), user=User("ann"))

    async def find(*_):
        return session("ann").target, Mode.CONTROL

    said = f"one\n\ttwo {name}\n"
    manager = SimpleNamespace(log_text=lambda user, desktop: said, on_exit=None, on_change=None)
    others = dict.fromkeys(("catalogue", "tokens", "audit", "log", "check_running"))
    desktops = ManagedDesktops(manager, **others)
    desktops._managed = find
    text = await desktops.log(visitor, "lab")
    assert text.startswith("one\n\ttwo ann")
    assert canary == "\n" or canary not in text
    assert printable(text, keep="\n\t") == text


def test_the_requests_that_the_hubs_service_logs(name, canary, log):
    class Request:
        method, path, remote_ip = "GET", f"/{name}", "10.0.0.1"

    class Handler:
        request = Request

        def get_status(self):
            return 404

    request_log(log)(Handler())
    check(log.lines(), canary)


async def test_what_the_command_line_prints(name, canary, capsys, monkeypatch):
    async def refused(*_):
        raise TargetUnreachable(name, detail=name)

    monkeypatch.setattr(cli.Connector, "connect", refused)
    lab = Target(name="lab", address=TCPAddress(name, 1), credentials=Credentials())
    command = cli.VNCCommand()
    command._list({"lab": lab})
    kinds = SimpleNamespace(of=lambda target: DirectAccess(None))
    await command._check({"lab": lab}, ["lab", name], kinds, User("ann"))
    lines = capsys.readouterr().out.split("\n")[:-1]
    assert len(lines) == 3
    assert lines[0].split("\t")[:2] == ["lab", "control"]
    for line in lines:
        assert canary not in line
        assert printable(line, keep="\t") == line


def test_what_the_commands_of_the_hub_print(name, canary, capsys):
    commands.say("lab", name)
    (line, end) = capsys.readouterr().out.split("\n")
    assert canary not in line
    assert (printable(line, keep="\t"), end) == (line, "")


def test_what_hundreds_cause_is_one_line_with_a_count_of_the_others():
    now = [0.0]
    seldom = LineLimiter(pause=10.0, clock=lambda: now[0])
    assert [seldom.due("full") for _ in range(600)] == ["", *[None] * 599]
    assert seldom.due("other") == "", "kinds do not count together"
    now[0] = 10.0
    assert seldom.due("full") == " (599 more like this since the last line)"
    now[0] = 30.0
    assert seldom.due("full") == ""


def test_kinds_of_lines_that_others_choose_take_no_memory():
    seldom = LineLimiter()
    for number in range(10_000):
        seldom.due(str(number))
    assert len(seldom._kinds) <= 256


def test_an_outage_is_two_lines_however_often_it_is_asked(log):
    outage = Outage(log, "The hub does not answer", "The hub answers again")
    outage.succeeded()
    assert (outage.lasts, log.lines()) == (False, [])
    for row in (1, 2):
        for why in (f"refused {row}", "timed out", "timed out"):
            outage.failed(why)
            assert outage.lasts
        for _ in range(3):
            outage.succeeded()
            assert not outage.lasts
    assert log.lines() == [
        "[W VNCExtension] The hub does not answer: refused 1",
        "[I VNCExtension] The hub answers again",
        "[W VNCExtension] The hub does not answer: refused 2",
        "[I VNCExtension] The hub answers again",
    ]
