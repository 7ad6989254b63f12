"""Every reader of a file, with everything that may stand in the file's place: an answer at once, or a named error."""

import asyncio
import json
import logging
import os
import socket
import ssl
import threading
import tracemalloc
from types import SimpleNamespace

import pytest

from jupyter_vnc.config.checks import file as file_check
from jupyter_vnc.config.checks import private_file
from jupyter_vnc.connect import security as secure
from jupyter_vnc.connect.passwords import load_password
from jupyter_vnc.desktops.processes import listeners as sockets
from jupyter_vnc.desktops.x11 import xauthority
from jupyter_vnc.exceptions import ConfigError, TargetRefused
from jupyter_vnc.hub import files as hub_files
from jupyter_vnc.model.credentials import Credentials
from jupyter_vnc.model.users import User
from jupyter_vnc.notebook import server
from jupyter_vnc.pools.manager import PoolManager
from jupyter_vnc.sources.directory import DirectoryTargets
from jupyter_vnc.sources.websockify import WebsockifyTargets
from jupyter_vnc.stores.database import urls
from jupyter_vnc.system import files
from jupyter_vnc.system.files import FileTooLargeError, NoRegularFileError, read_regular_file, read_tail

ANN = User("ann")
#: Seconds that a reader may take; none of them waits for anything.
AT_ONCE = 20
HUGE = 2 << 30


def regular(content):
    def make(path):
        path.write_bytes(content)

    return make


def sparse(path):
    path.touch()
    os.truncate(path, HUGE)


def bind(path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.fspath(path))


#: Things that are not files.
OTHERS = {
    "FIFO": os.mkfifo,
    "folder": os.mkdir,
    "socket": bind,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "dangling link": lambda path: path.symlink_to(path.with_name("nowhere")),
    "link to itself": lambda path: path.symlink_to(path),
}
#: Files with unexpected content. The lease file's own shape is in it, as far as JSON goes.
CONTENTS = {
    "empty": regular(b""),
    "2 GB": sparse,
    "not UTF-8": regular(b"\xff\xfe\x80 \xc3("),
    "NUL": regular(bytes(1000)),
    "nested lists": regular(b"[" * 10_000 + b"]" * 10_000),
    "nested objects": regular(b'{"a":' * 10_000 + b"1" + b"}" * 10_000),
    "5,000 digits": regular(b'{"host": "h", "port": ' + b"9" * 5000 + b"}"),
    "400 digits": regular(b'{"host": "h", "port": ' + b"9" * 400 + b"}"),
    "1e400": regular(b'{"host": "h", "port": 1e400, "url": 1e400}'),
    "NaN": regular(b'{"host": "h", "connect_timeout": NaN}'),
    "a list": regular(b"[1, 2, 3]"),
    "a number": regular(b"17"),
    "null": regular(b"null"),
}
PLACES = {**OTHERS, **CONTENTS}


class Said(logging.Handler):
    """Keeps lines."""

    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        self.lines.append(record.getMessage())


@pytest.fixture
def said():
    return Said()


@pytest.fixture
def log(said):
    log = logging.Logger("test-of-files")
    log.addHandler(said)
    return log


def in_time(call, path):
    """Run a call in a thread that may hang; raise what it raises, return what it returns."""
    outcome = []

    def work():
        try:
            outcome.append((call(), None))
        except BaseException as error:  # noqa: BLE001 - handed on
            outcome.append((None, error))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(AT_ONCE)
    if thread.is_alive():
        os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))  # a FIFO's reader goes on
        pytest.fail("it hangs")
    result, error = outcome[0]
    if error is not None:
        raise error
    return result


def password(path, log):
    asyncio.run(load_password(Credentials("", "password_file", str(path))))


def url(path, log):
    urls.load("", str(path))


def secret(path, log):
    assert len(hub_files.cookie_secret(path)) >= hub_files.MIN_SECRET


def authorities(path, log):
    request = SimpleNamespace(anonymous=False, pinned=False)
    secure._context(request, SimpleNamespace(tls=SimpleNamespace(ca_file=str(path), check_hostname=True)), "h")


def cookie(path, log):
    assert len(xauthority.read(path)) <= xauthority.COOKIE_BYTES


def description(path, log):
    server._read(server._load(path, os.getpid()), {"JUPYTERHUB_API_TOKEN": "t"})


def table(path, log):
    list(sockets.rows(path))


def tail(path, log):
    assert len(read_tail(path, 1000)) <= 1000


#: Readers that answer with what is there, or one of these errors.
READERS = [
    (password, (TargetRefused,)),
    (url, (ConfigError,)),
    (secret, (ConfigError,)),
    (authorities, (OSError, ssl.SSLError)),
    (cookie, (OSError,)),
    (description, (OSError, ValueError)),
    (table, (OSError,)),
    (tail, (OSError,)),
    (lambda path, log: private_file(str(path)), (ValueError,)),
    (lambda path, log: file_check(str(path)), (ValueError,)),
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("reader", "errors"), READERS, ids=[getattr(row[0], "__name__", "") + str(at) for at, row in enumerate(READERS)]
)
def test_a_reader_answers_at_once_or_says_what_is_wrong(reader, errors, place, tmp_path, log):
    path = tmp_path / "file"
    PLACES[place](path)
    if not path.is_symlink():
        path.chmod(0o700 if path.is_dir() else 0o600)
    refused = None
    try:
        in_time(lambda: reader(path, log), path)
    except errors as error:
        refused = str(error)
    assert refused != ""
    # A machine without IPv6 has no table of it.
    assert refused or place not in OTHERS or (reader is table and place == "dangling link")


async def start(manager):
    async with asyncio.timeout(AT_ONCE):
        await manager.start()


@pytest.mark.parametrize("place", OTHERS)
def test_leases_are_kept_in_regular_files_only(place, tmp_path, log):
    path = tmp_path / "leases.json"
    OTHERS[place](path)
    manager = PoolManager(state_file=str(path), log=log)
    with pytest.raises(ConfigError) as caught:
        in_time(lambda: asyncio.run(start(manager)), path)
    assert str(path) in str(caught.value)
    assert "leases cannot be kept there" in str(caught.value)
    assert [entry.name for entry in tmp_path.iterdir()] == ["leases.json"]


def state(**changes):
    """A lease file in which one thing is changed."""
    lease = {"user": "ann", "key": "h:1", "name": "m1", "since": 1.0, "last_use": 1.0, "last_input": None}
    pool = {"leases": [{**lease, "used": True, "failures": 0}], "queue": [], "set_aside": {}, "freed": {}}
    for key, value in changes.items():
        if key in pool:
            pool[key] = value
        else:
            pool["leases"][0][key] = value
    text = json.dumps({"version": 1, "pools": {"lab": pool}})
    return regular(text.replace('"HUGE"', "9" * 5000).replace('"LARGE"', "9" * 400).replace('"E400"', "1e400").encode())


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


BROKEN = {
    **CONTENTS,
    **{
        f"{key}: {value}": state(**{key: value})
        for key in ("since", "last_use", "last_input", "failures")
        for value in ("HUGE", "LARGE", "E400", -1, float("nan"), "soon", [], True)
    },
    "a name": state(user=""),
    "deep": state(since=nested(500)),
    "leases": state(leases=5),
    "a lease": state(leases=[5]),
    "a queue": state(queue=[{"user": "bob", "since": "LARGE"}]),
    "set aside": state(set_aside={"h:1": {"failures": "LARGE", "until": 1}}),
    "until": state(set_aside={"h:1": {"failures": 1, "until": "LARGE"}}),
    "freed": state(freed={"h:1": "LARGE"}),
    "version": regular(b'{"version": true, "pools": {}}'),
    "version of digits": regular(b'{"version": ' + b"9" * 4000 + b', "pools": {}}'),
    "pools": regular(b'{"version": 1, "pools": {"lab": [[]]}}'),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_lease_file_is_set_apart_with_a_sentence_that_names_both(name, tmp_path, log, said):
    path = tmp_path / "leases.json"
    BROKEN[name](path)
    size = path.stat().st_size
    manager = PoolManager(state_file=str(path), log=log)

    async def once():
        await start(manager)
        await manager.close()

    in_time(lambda: asyncio.run(once()), path)
    (line,) = said.lines
    assert str(path) in line
    assert "leases.json.broken" in line
    assert len(line) < 1000
    assert (tmp_path / "leases.json.broken").stat().st_size == size
    assert json.loads(path.read_bytes()) == {"version": 1, "pools": {}}


def test_a_good_lease_file_is_none_of_them(tmp_path, log, said):
    path = tmp_path / "leases.json"
    state()(path)
    asyncio.run(start(PoolManager(state_file=str(path), log=log)))
    assert said.lines == []
    assert json.loads(path.read_bytes())["pools"]["lab"]["leases"][0]["user"] == "ann"


@pytest.mark.parametrize("suffix", [".json", ".toml"])
@pytest.mark.parametrize("place", PLACES)
def test_one_bad_file_of_a_folder_is_named_and_the_others_stay(place, suffix, tmp_path, log, said):
    (tmp_path / "good.json").write_text('{"host": "h"}')
    bad = tmp_path / f"bad{suffix}"
    PLACES[place](bad)
    source = DirectoryTargets(path=str(tmp_path), log=log)
    found = in_time(lambda: asyncio.run(source.targets(ANN)), bad)
    assert [target.name for target in found] == ["good"]
    if place in CONTENTS:
        (line,) = said.lines
        assert line.startswith(f"DirectoryTargets: {bad}: ")
    else:
        assert all(str(bad) in line for line in said.lines)


@pytest.mark.parametrize("place", PLACES)
def test_a_token_file_is_read_or_named(place, tmp_path, log, said):
    path = tmp_path / "token.conf"
    PLACES[place](path)
    source = WebsockifyTargets(source=str(path), log=log)
    assert in_time(lambda: asyncio.run(source.targets(ANN)), path) == ()
    if place not in {"empty", "folder"}:
        assert said.lines
        assert all(str(path) in line and len(line) < 1000 for line in said.lines)


# -- the reader itself ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 99, 100])
def test_a_file_within_the_limit_comes_whole(size, tmp_path):
    regular(b"x" * size)(tmp_path / "file")
    assert read_regular_file(tmp_path / "file", 100) == b"x" * size


def test_a_file_over_it_is_refused_and_not_kept(tmp_path):
    sparse(tmp_path / "file")
    tracemalloc.start()
    try:
        with pytest.raises(FileTooLargeError, match="more than 100 bytes"):
            read_regular_file(tmp_path / "file", 100)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def test_a_file_whose_size_the_kernel_does_not_tell_is_bounded_too():
    assert read_regular_file("/proc/self/status", 1 << 20).startswith(b"Name:")
    with pytest.raises(FileTooLargeError):
        read_regular_file("/proc/self/status", 10)


def test_a_fifo_that_comes_into_the_place_of_a_file_is_refused(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "file")
    monkeypatch.setattr(files, "check_regular", lambda path: None)  # it was one when it was looked at
    with pytest.raises(NoRegularFileError, match="is a FIFO, not a file"):
        in_time(lambda: read_regular_file(tmp_path / "file", 100), tmp_path / "file")


def test_the_end_of_a_large_file(tmp_path):
    sparse(tmp_path / "file")
    with (tmp_path / "file").open("ab") as file:
        file.write(b"the end")
    assert read_tail(tmp_path / "file", 10) == b"\0\0\0the end"
