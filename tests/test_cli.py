"""``jupyter vnc`` as an admin runs it: a process of its own, with a configuration file."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from contextlib import closing

import pytest

from jupyter_vnc import cli
from jupyter_vnc.cli import VNCCommand
from jupyter_vnc.notebook.server import NotebookError
from tests.fakes import vnc_server
from tests.processes import Answering

#: A container's uid without an entry in the password database, and without a variable that names it.
NAMELESS = (*("unshare", "-U", "--map-user=54321", "--map-group=54321"), *("env", "-u", "USER", "-u", "LOGNAME"))

PLUGIN = """
from jupyter_vnc.sources import Target, TargetSource, TCPAddress

class Rooms(TargetSource):
    async def targets(self, user):
        return [Target(name="lab-1", address=TCPAddress("rooms.example", 1), title="from the rooms")]

class Broken(TargetSource):
    async def targets(self, user):
        raise RuntimeError("no answer")
"""


#: Has imported everything; each command is a child of it, because a start costs a second each time.
PARENT = """
import json, os, sys
from jupyter_vnc.cli import main

for line in sys.stdin:
    words, environ, folder = json.loads(line)
    if not (child := os.fork()):
        os.chdir(folder)
        for number, name in enumerate((os.devnull, "said", "logged")):
            os.dup2(os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC), number)
        os.environ.clear()
        os.environ.update(environ)
        sys.path[:0] = environ["PYTHONPATH"].split(os.pathsep)
        sys.argv = ["jupyter-vnc", *words]
        sys.exit(main())
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture(scope="module")
def parent():
    with closing(Answering([sys.executable, "-c", PARENT])) as parent:
        yield parent


@pytest.fixture
def run(tmp_path, parent):
    """Run the command with a configuration; return its exit status, what it prints and what it logs."""

    def forked(words, environ):
        status = parent.ask([words, environ, str(tmp_path)])
        return status, *((tmp_path / name).read_text() for name in ("said", "logged"))

    def started(words, environ, under):
        argv = [*under, sys.executable, "-c", "from jupyter_vnc.cli import main; main()", *words]
        done = subprocess.run(argv, env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout, done.stderr

    def run(config, *words, under=()):
        (tmp_path / "jupyter_server_config.py").write_text(config)
        (tmp_path / "rooms.py").write_text(PLUGIN)
        folders = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
        environ = os.environ | {"JUPYTER_CONFIG_DIR": str(tmp_path), "PYTHONPATH": folders, "HOME": str(tmp_path)}
        status, said, logged = started(words, environ, under) if under else forked(words, environ)
        assert "Traceback" not in said + logged
        return status, said, logged

    return run


@pytest.fixture
def closed_port():
    """A port on which nobody listens, and nobody else can."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def test_each_mistake_is_named_and_the_others_are_tried(run, closed_port):
    status, said, logged = run(
        f"""
c.VNCBroker.targets = {{
    "typo": {{"hots": "127.0.0.1"}},
    "two": {{"host": "127.0.0.1", "socket": "/run/x.sock"}},
    "port": {{"host": "127.0.0.1", "port": 70000}},
    "pw": {{"host": "127.0.0.1", "password_file": "/no/such/file"}},
    "nobody": {{"host": "127.0.0.1", "port": {closed_port}}},
}}
""",
        "check",
    )
    assert status == 1
    assert said.splitlines()[-1].startswith("nobody: FAILED: ")
    assert "refused the connection" in said
    for sentence in (
        "target 'typo', key 'hots': unknown key, did you mean 'host'?",
        "target 'two', key 'host': needs exactly one of",
        "target 'port', key 'port': must be a whole number from 1 to 65535",
        "target 'pw', key 'password_file': cannot be read: No such file or directory",
    ):
        assert sentence in logged


def test_nothing_but_mistakes(run):
    status, said, logged = run('c.VNCBroker.targets = {"typo": {"hots": "127.0.0.1"}}', "check")
    assert (status, said) == (1, "There is no desktop. See above what is wrong.\n")
    assert "'hots'" in logged


async def test_a_server_that_lets_us_in(run):
    async with vnc_server.recorder() as server:
        config = f'c.VNCBroker.targets = {{"good": {{"host": "127.0.0.1", "port": {server.address.port}}}}}'
        status, said, _ = await asyncio.to_thread(run, config, "check")
    assert (status, said) == (0, "good: ok, logged in with None (1)\n")


def test_a_name_of_two_sources_is_the_first_ones_as_it_is_in_the_server(run):
    config = """
c.VNCBroker.targets = {"lab-1": {"host": "config.example", "port": 5901, "mode": "view"}}
c.VNCBroker.target_sources = ["config", "rooms.Rooms"]
"""
    assert run(config, "list")[:2] == (0, "lab-1\tview\tconfig.example:5901\n")


def test_a_source_that_fails_is_said_and_the_others_are_listed(run):
    config = """
c.VNCBroker.targets = {"lab-1": {"desktop": {}}}
c.VNCBroker.target_sources = ["rooms.Broken", "config"]
"""
    status, said, _ = run(config, "check")
    assert status == 1
    first, second = said.splitlines()
    assert first == "target source Broken: FAILED: RuntimeError('no answer')"
    assert second == "lab-1: managed desktop, starts when somebody opens it"


async def test_each_machine_of_a_pool_is_tried(run, closed_port):
    async with vnc_server.recorder() as server:
        config = f"""
c.VNCBroker.targets = {{"lab": {{"pool": {{"machines": {{
    "blue": {{"host": "127.0.0.1", "port": {server.address.port}}},
    "red": {{"host": "127.0.0.1", "port": {closed_port}}},
}}}}}}}}
"""
        status, said, _ = await asyncio.to_thread(run, config, "check")
        assert status == 1
        blue, red = said.splitlines()
        assert blue.startswith("lab/blue: ok, logged in with ")
        assert red.startswith("lab/red: FAILED: ")
        assert (await asyncio.to_thread(run, config, "list"))[1] == "lab\tcontrol\tpool of 2 machines\n"


async def test_a_password_of_a_variable_is_found_by_the_check(run, monkeypatch):
    monkeypatch.setenv("LAB_PASSWORD", "hunter2")
    async with vnc_server.vnc_auth("hunter2") as server:
        target = {"host": server.address.host, "port": server.address.port, "password_env": "LAB_PASSWORD"}
        status, said, _ = await asyncio.to_thread(run, f"c.VNCBroker.targets = {{'lab': {target!r}}}", "check")
    assert (status, said) == (0, "lab: ok, logged in with VNC (2)\n")


def test_a_uid_that_has_no_name(run, closed_port):
    target = f'{{"host": "127.0.0.1", "port": {closed_port}}}'
    status, said, _ = run(f'c.VNCBroker.targets = {{"a": {target}}}', "check", under=NAMELESS)
    assert status == 1
    assert said.startswith("a: FAILED: The desktop refused the connection.")


@pytest.mark.parametrize(
    "words",
    [
        ("check", "--config={}", "a"),
        ("check", "a", "--config={}"),
        ("--config={}", "check", "a"),
        ("check", "--config", "{}", "a"),
        ("check", "--json", "a", "--VNCCommand.config_file={}"),
        ("--json", "--debug", "check", "--config={}", "--", "a"),
    ],
)
def test_options_and_names_come_in_any_order(words, tmp_path):
    """In this process: each of them would take a second otherwise."""
    command = VNCCommand()
    command.parse_command_line([word.format(tmp_path / "other.py") for word in words])
    assert command.extra_args == ["check", "a"]
    assert command.config_file == str(tmp_path / "other.py")
    assert command.as_json is ("--json" in words)


def test_a_word_after_two_dashes_may_begin_with_one():
    command = VNCCommand()
    command.parse_command_line(["type", "desktop", "--json", "--", "-l --json"])
    assert command.extra_args == ["type", "desktop", "-l --json"]
    assert command.as_json


SESSION = {"id": "00" * 8, "target": "lab", "mode": "view", "user": "a\x1b[1m", "since": "now", "bytes_in": 1}


class Server:
    """A Jupyter server with one session; what it is asked beyond that fails."""

    def call(self, method, path, body=None):
        if (method, path) == ("GET", "api/sessions"):
            return [SESSION]
        raise NotebookError("There is no such session.")


@pytest.fixture
def use(monkeypatch, capsys):
    """Run the command in this process, in a terminal of that server; return its status and what it prints."""
    monkeypatch.setattr(cli, "find", Server)

    def use(*words):
        command = VNCCommand()
        command.parse_command_line([*words])
        status = command._use(cli.COMMANDS[command.extra_args[0]], command.extra_args[1:])
        return status, *capsys.readouterr()

    return use


def test_what_is_done_with_the_desktops_of_a_server_in_words_and_for_programs(use):
    assert use("sessions") == (0, "0000000000000000\tlab\tview\ta\\x1b[1m\tnow\n", "")
    status, said, logged = use("sessions", "--json")
    assert (status, json.loads(said), logged) == (0, [SESSION], "")


def test_what_is_not_possible_is_said_in_words_and_for_programs(use):
    assert use("end", "11" * 8) == (1, "", "There is no such session.\n")
    status, said, logged = use("end", "11" * 8, "--json")
    assert (status, json.loads(said), logged) == (
        1,
        {"error": "There is no such session."},
        "There is no such session.\n",
    )
    assert use("end") == (2, "", "Usage: jupyter vnc end ID ...\n")
    assert use("type", "lab", "a", "b")[0] == 2


def test_in_a_terminal_of_no_server(run):
    status, said, logged = run("", "sessions")
    assert (status, said) == (1, "")
    assert "This program was not started by a Jupyter server of yours" in logged


def test_one_target_of_a_file(run, tmp_path, closed_port):
    targets = {name: {"host": "127.0.0.1", "port": closed_port} for name in ("a", "b")}
    (tmp_path / "other.py").write_text(f"c.VNCBroker.targets = {targets!r}\n")
    status, said, _ = run("", "check", f"--config={tmp_path / 'other.py'}", "b", "--json", "c")
    assert status == 1
    missing, refused = json.loads(said)
    assert missing == {"target": "c", "machine": None, "ok": False, "message": "there is no such target"}
    assert (refused["target"], refused["machine"], refused["ok"]) == ("b", None, False)
    assert refused["message"].startswith("The desktop refused the connection.")


def test_the_doctor_says_what_this_machine_lacks_in_words_and_for_programs(run):
    status, said, _ = run("c.DesktopManager.xserver = '/nowhere/Xvnc'", "doctor")
    assert status == 1
    assert "MISSING  X server: No X server with VNC is installed" in said
    report = json.loads(run("c.DesktopManager.xserver = '/nowhere/Xvnc'", "doctor", "--json")[1])
    assert not report["usable"]
    (missing,) = (row for row in report["checks"] if row["name"] == "X server")
    assert (missing["ok"], missing["needed"]) == (False, True)
