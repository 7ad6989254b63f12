"""A site's token files and plug-ins as targets: real files, a real JWT, a lookup that hangs."""

import asyncio
import logging
import socket
import threading
import time
from contextlib import closing

import pytest
from jwcrypto import jwk, jwt

from jupyter_vnc.exceptions import ConfigError
from jupyter_vnc.model.addresses import TCPAddress, UnixAddress
from jupyter_vnc.model.targets import Mode
from jupyter_vnc.model.users import User
from jupyter_vnc.sources import threads as quiet_threads
from jupyter_vnc.sources import websockify
from jupyter_vnc.sources.files import MAX_COMPLAINTS, MAX_FILE
from jupyter_vnc.sources.websockify import WebsockifyTargets

ANN = User("ann")

THREE = """\
# a comment

lab-1: lab-1.example.org:5901
  lab-2:\t[::1]:5902
lab-3: unix_socket:/run/vnc/lab-3.sock
"""


@pytest.fixture
def warnings():
    """What a source logs, one string for each record."""
    log = logging.Logger("test")
    handler = logging.Handler()
    log.lines = []
    handler.emit = lambda record: log.lines.append(record.getMessage())
    log.addHandler(handler)
    return log


def build(log, source, **traits):
    return WebsockifyTargets(log=log, source=str(source), **traits)


async def names(source):
    return [target.name for target in await source.targets(ANN)]


async def test_a_token_file_is_listed(tmp_path, warnings):
    file = tmp_path / "token.conf"
    file.write_text(THREE)
    source = build(warnings, file)
    assert {target.name: target.address for target in await source.targets(ANN)} == {
        "lab-1": TCPAddress("lab-1.example.org", 5901),
        "lab-2": TCPAddress("::1", 5902),
        "lab-3": UnixAddress("/run/vnc/lab-3.sock"),
    }
    assert (await source.target(ANN, "lab-2")).address == TCPAddress("::1", 5902)
    assert await source.target(ANN, "lab-9") is None
    assert warnings.lines == []


async def test_a_change_is_seen_without_a_restart(tmp_path, warnings):
    file = tmp_path / "token.conf"
    file.write_text(THREE)
    source = build(warnings, file)
    assert await names(source) == ["lab-1", "lab-2", "lab-3"]
    with file.open("a") as opened:
        opened.write("lab-4: 127.0.0.1:5904\n")
    assert await names(source) == ["lab-1", "lab-2", "lab-3", "lab-4"]
    other = tmp_path / "new"
    other.write_text("only: 127.0.0.1:5900\n")
    other.replace(file)
    assert await names(source) == ["only"]


async def test_an_unchanged_file_is_not_read_again(tmp_path, warnings):
    file = tmp_path / "token.conf"
    file.write_text(THREE)
    source = build(warnings, file)
    first = await source.targets(ANN)
    second = await source.targets(ANN)
    assert all(one is other for one, other in zip(first, second, strict=True))


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("lab-2:127.0.0.1:5902", "must be 'name: host:port'"),
        ("lab-2: 127.0.0.1", "must be 'name: host:port'"),
        ("lab-2: a: b: c", "must be 'name: host:port'"),
        ("lab-2: 127.0.0.1:vnc", "must be 'name: host:port'"),
        ("lab-2: 127.0.0.1:70000", "port must be a whole number"),
        ("lab-2: :5902", "host must be a host name"),
        ("lab-2: unix_socket:relative.sock", "socket must be an absolute path"),
        ("-private-token: 127.0.0.1:5902", "a name is 1 to 64"),
        ("tok/en: 127.0.0.1:5902", "a name is 1 to 64"),
        ("lab-1: 127.0.0.1:5902", "the name is used twice"),
    ],
)
async def test_a_bad_line_is_logged_once_with_its_place(line, complaint, tmp_path, warnings):
    file = tmp_path / "token.conf"
    file.write_text(f"lab-1: 127.0.0.1:5901\n{line}\nlab-3: 127.0.0.1:5903\n")
    source = build(warnings, file)
    for _ in range(3):
        assert await names(source) == ["lab-1", "lab-3"]
    assert len(warnings.lines) == 1
    assert warnings.lines[0].startswith(f"WebsockifyTargets: {file}, line 2: {complaint}")
    assert "private-token" not in warnings.lines[0]
    file.write_text(f"{line}  \n")
    await names(source)
    assert "the name is used" in complaint or f"{file}, line 1: {complaint}" in warnings.lines[1]


async def test_many_bad_lines_are_counted_not_listed(tmp_path, warnings):
    file = tmp_path / "token.conf"
    file.write_text("rubbish\n" * (MAX_COMPLAINTS + 7) + "good: 127.0.0.1:5901\n")
    assert await names(build(warnings, file)) == ["good"]
    assert len(warnings.lines) == MAX_COMPLAINTS + 1
    assert warnings.lines[-1].endswith("7 more mistakes of this kind")


async def test_a_missing_file_is_logged_once_and_read_when_it_comes(tmp_path, warnings):
    file = tmp_path / "token.conf"
    source = build(warnings, file)
    assert await names(source) == []
    assert await source.target(ANN, "lab-1") is None
    assert warnings.lines == [f"WebsockifyTargets: {file}: No such file or directory"]
    file.write_text(THREE)
    assert len(await names(source)) == 3
    file.unlink()
    assert await names(source) == []
    assert len(warnings.lines) == 2


async def test_a_folder_is_all_its_files(tmp_path, warnings):
    (tmp_path / "a").write_text("lab-1: 127.0.0.1:5901\n")
    (tmp_path / "b").write_text("broken\nlab-2: 127.0.0.1:5902\n")
    (tmp_path / ".b.swp").write_bytes(b"\0\xff: no\n")
    (tmp_path / "folder").mkdir()
    source = build(warnings, tmp_path, plugin="ReadOnlyTokenFile")
    assert await names(source) == ["lab-1", "lab-2"]
    assert len(warnings.lines) == 1
    assert f"{tmp_path / 'b'}, line 1:" in warnings.lines[0]
    (tmp_path / "c").write_text("lab-3: 127.0.0.1:5903\n")
    assert await names(source) == ["lab-1", "lab-2", "lab-3"]
    (tmp_path / "a").unlink()
    assert await names(source) == ["lab-2", "lab-3"]


async def test_a_folder_of_sockets_is_listed(tmp_path, warnings):
    source = build(warnings, tmp_path, plugin="UnixDomainSocketDirectory")
    (tmp_path / "plain-file").touch()
    assert await names(source) == []
    with closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(str(tmp_path / "ann"))
        (target,) = await source.targets(ANN)
    assert target.address == UnixAddress(str(tmp_path / "ann"))
    assert warnings.lines == []


@pytest.mark.parametrize("line", ["lab-2:127.0.0.1:1", "lab-2 127.0.0.1:1", "lab-2: 127.0.0.1:99999", "lab-2: [::1]"])
async def test_a_line_with_a_mistake_leaves_its_last_good_version(line, tmp_path, warnings):
    file = tmp_path / "token.conf"
    file.write_text(THREE)
    source = build(warnings, file)
    before = await source.targets(ANN)
    file.write_text(f"lab-1: lab-1.example.org:5901\n{line}\n# nothing\nlab-3: unix_socket:/run/vnc/lab-3.sock\n")
    for _ in range(2):
        assert await source.targets(ANN) == before
    assert len(warnings.lines) == len(source.problems) == 1
    assert warnings.lines[0].endswith(" (its last version without a mistake stays in use)")
    file.write_text(f"{line}\n")
    assert await names(source) == ["lab-2"]  # the lines of the others are gone
    file.write_text("lab-2: 127.0.0.1:5912\n")
    assert (await source.target(ANN, "lab-2")).address == TCPAddress("127.0.0.1", 5912)
    assert source.problems == ()
    file.write_text("# nothing\n")
    assert await names(source) == []


async def test_a_file_of_a_folder_that_cannot_be_read_keeps_its_targets(tmp_path, warnings):
    (tmp_path / "a").write_text("lab-1: 127.0.0.1:5901\nlab-2: 127.0.0.1:5902\n")
    (tmp_path / "b").write_text("lab-3: 127.0.0.1:5903\n")
    source = build(warnings, tmp_path)
    assert await names(source) == ["lab-1", "lab-2", "lab-3"]
    with (tmp_path / "a").open("wb") as opened:
        opened.truncate(MAX_FILE + 1)
    assert await names(source) == ["lab-1", "lab-2", "lab-3"]
    assert len(warnings.lines) == 1
    (tmp_path / "b").unlink()
    assert await names(source) == ["lab-1", "lab-2"]
    (tmp_path / "a").unlink()
    assert await names(source) == []


async def test_a_plugin_that_fails_for_a_while_has_its_last_answer(warnings, monkeypatch):
    source = build(warnings, "x", plugin=f"{__name__}.Failing")
    known = await source.target(ANN, "token")
    assert known.address == TCPAddress("127.0.0.1", 5901)
    Failing.answers = False
    try:
        assert await source.target(ANN, "token") is known
        assert await source.target(ANN, "other") is None
        monkeypatch.setattr(websockify, "MEMORY", 0.0)
        assert await source.target(ANN, "token") is None
        monkeypatch.undo()
        Failing.answers = None
        assert await source.target(ANN, "token") is None
        Failing.answers = False
        assert await source.target(ANN, "token") is None  # it was taken back
    finally:
        Failing.answers = True


class Failing:
    """Answers, has no answer, or fails."""

    answers = True

    def __init__(self, source):
        self.source = source

    def lookup(self, token):
        if self.answers is False:
            raise ConnectionError("no answer")
        return ("127.0.0.1", 5901) if self.answers else None


async def test_defaults_reach_each_target(tmp_path, warnings):
    file = tmp_path / "token.conf"
    file.write_text(THREE)
    source = build(warnings, file, defaults={"mode": "view", "allow_users": ["ann"]})
    targets = await source.targets(ANN)
    assert [target.name for target in targets] == ["lab-1", "lab-2", "lab-3"]
    for target in targets:
        assert target.mode is Mode.VIEW
        assert target.admits(ANN)
        assert not target.admits(User("bob"))


@pytest.mark.parametrize(
    ("traits", "key"),
    [
        ({"source": ""}, "WebsockifyTargets.source"),
        ({"defaults": {"mode": "look"}}, "WebsockifyTargets.defaults.mode"),
        ({"defaults": {"modus": "view"}}, "WebsockifyTargets.defaults.modus"),
        ({"defaults": {"host": "localhost"}}, "WebsockifyTargets.defaults.host"),
        ({"plugin": "NoSuchPlugin"}, "WebsockifyTargets.plugin"),
        ({"plugin": "no.such.Plugin"}, "WebsockifyTargets.plugin"),
        ({"plugin": "collections.OrderedDict"}, "WebsockifyTargets.plugin"),
        ({"plugin": "TokenFileName", "source": "/nowhere"}, "WebsockifyTargets.source"),
    ],
)
def test_mistakes_are_found_at_start(traits, key, warnings):
    with pytest.raises(ConfigError) as caught:
        build(warnings, **{"source": "/etc/token.conf", **traits})
    assert caught.value.key == key


def test_a_redis_password_is_in_no_error_and_no_log(warnings, caplog):
    with caplog.at_level(logging.DEBUG), pytest.raises(ConfigError) as caught:
        build(warnings, "host:port:db:hunter2", plugin="TokenRedis")
    assert "hunter2" not in str(caught.value) + caplog.text
    assert caught.value.__suppress_context__


@pytest.fixture
def key(tmp_path):
    key = jwk.JWK.generate(kty="RSA", size=2048)
    (tmp_path / "key.pem").write_bytes(key.export_to_pem())
    return key


def signed(key, **claims):
    token = jwt.JWT(header={"alg": "RS256"}, claims=claims)
    token.make_signed_token(key)
    return token.serialize()


async def test_a_signed_token_is_a_target(tmp_path, key, warnings, caplog, capfd):
    source = build(warnings, tmp_path / "key.pem", plugin="JWTTokenApi", defaults={"mode": "view"})
    token = signed(key, host="10.0.0.7", port=5901, exp=time.time() + 60)
    with caplog.at_level(logging.DEBUG):
        target = await source.target(ANN, token)
        assert target.address == TCPAddress("10.0.0.7", 5901)
        assert target.mode is Mode.VIEW
        assert target.title == "Desktop"
        assert await source.targets(ANN) == ()
        assert await source.target(ANN, token[:-8] + "AAAAAAAA") is None
        assert await source.target(ANN, signed(key, host="10.0.0.7", port=5901, exp=1)) is None
        assert await source.target(ANN, "rubbish") is None
    said = caplog.text + "".join(capfd.readouterr()) + "".join(warnings.lines)
    assert "websockify" not in said
    assert token[:20] not in said


ANSWERS = {
    "bytes": ("lab.example.org", b"5901"),
    "socket": ["unix_socket", "/run/vnc/a.sock"],
    "three": ("a", "b", "c"),
    "word": ("host", "port"),
    "none": None,
    "endless": ("host", float("inf")),
    "number": 5,
    "bad": ("not a host!", 5901),
}


class Scripted:
    """A plug-in of a site's own: the token says what comes back."""

    def __init__(self, source):
        self.source = source

    def lookup(self, token):
        if token in ANSWERS:
            return ANSWERS[token]
        if token == "exits":
            raise SystemExit
        raise RuntimeError(token)


HERE = f"{__name__}.Scripted"


@pytest.mark.parametrize(
    ("token", "address"),
    [
        ("bytes", TCPAddress("lab.example.org", 5901)),
        ("socket", UnixAddress("/run/vnc/a.sock")),
    ],
)
async def test_what_a_plugin_answers_is_a_target(token, address, warnings):
    target = await build(warnings, "x", plugin=HERE).target(ANN, token)
    assert target.address == address
    assert warnings.lines == []


@pytest.mark.parametrize(
    ("token", "complaint"),
    [
        ("three", "something other than a host and a port"),
        ("word", "something other than a host and a port"),
        ("number", "something other than a host and a port"),
        ("endless", "something other than a host and a port"),
        ("bad", "bad address: host must be"),
        ("exits", "failed with SystemExit"),
        ("secret-token", "failed with RuntimeError"),
    ],
)
async def test_what_is_no_answer_is_no_target(token, complaint, warnings):
    source = build(warnings, "x", plugin=HERE)
    assert await source.target(ANN, token) is None
    assert await source.target(ANN, "none") is None
    assert len(warnings.lines) == 1
    assert complaint in warnings.lines[0]
    assert "secret-token" not in warnings.lines[0]


class Stuck:
    """Answers when it is let go."""

    go = threading.Event()

    def __init__(self, source):
        self.source = source

    def lookup(self, token):
        self.go.wait(30)
        return ("127.0.0.1", 5901)


async def test_a_slow_lookup_holds_nobody_up(warnings, monkeypatch):
    monkeypatch.setattr(quiet_threads, "CALL_TIMEOUT", 0.1)
    Stuck.go.clear()
    source = build(warnings, "x", plugin=f"{__name__}.Stuck")
    before = threading.active_count()
    many = 4 * quiet_threads.MAX_THREADS
    assert await asyncio.gather(*(source.target(ANN, f"t{n}") for n in range(many))) == [None] * many
    assert threading.active_count() - before <= quiet_threads.MAX_THREADS
    assert "did not answer" in warnings.lines[0]
    Stuck.go.set()
    monkeypatch.setattr(quiet_threads, "CALL_TIMEOUT", 10)
    assert (await source.target(ANN, "t")).address == TCPAddress("127.0.0.1", 5901)


@pytest.mark.parametrize("left", ["", "\n", "\0" * 512])
async def test_a_file_that_was_emptied_keeps_its_targets(left, tmp_path, warnings):
    """It is about to be written, or was while the disk was full, or when the power went."""
    file = tmp_path / "token.conf"
    file.write_text(left)
    source = build(warnings, file)
    assert await names(source) == []
    file.write_text(THREE)
    before = await source.targets(ANN)
    warnings.lines.clear()
    file.write_text(left)
    for _ in range(2):
        assert await source.targets(ANN) == before
    what = "holds zeros only" if "\0" in left else "is empty"
    assert warnings.lines == [f"WebsockifyTargets: {file}: {what} (what was read before stays in use)"]
    file.write_text("# nothing\n")
    assert await names(source) == []
    assert source.problems == ()


async def test_the_time_for_many_bad_lines_grows_with_their_number(tmp_path, warnings):
    """Somebody else's file, such as a log that grows, must not take longer with each look."""
    file = tmp_path / "token.conf"
    file.write_text("lab: 127.0.0.1:5900\n" + "".join(f"{number} a line\n" for number in range(20_000)))
    source = build(warnings, file)
    spent = []
    for _ in range(2):
        start = time.process_time()
        assert await names(source) == ["lab"]
        spent.append(time.process_time() - start)
        with file.open("a") as opened:
            opened.write("another line\n")
    assert spent[1] < 3 * spent[0] + 0.2
