"""A supervisor cleans up whatever it receives, and so does its owner."""

import asyncio
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest

from jupyter_vnc.desktops.desktop import Desktop
from jupyter_vnc.desktops.manager import DesktopManager
from jupyter_vnc.desktops.processes import supervisor as module
from jupyter_vnc.desktops.processes.isolated import isolated
from jupyter_vnc.desktops.processes.procfs import descendants, marked
from jupyter_vnc.desktops.processes.runtime_folder import Runtime
from jupyter_vnc.desktops.processes.supervisor import Supervisor
from jupyter_vnc.desktops.processes.tree import Tree
from jupyter_vnc.desktops.x11.display import Display
from tests.browser.conftest import wait_for
from tests.desktops import census

ROOT = Path(__file__).parents[3]
ENVIRON = {"PATH": "/usr/bin:/bin"}

#: A program that takes a while to end, and whose children detach.
STUBBORN = ["/bin/sh", "-c", "setsid sleep 301 & trap '' HUP; sleep 302 & wait"]


@pytest.fixture
def before():
    taken = census.take()
    yield taken
    assert census.wait_until_gone(taken).empty


@pytest.fixture
def runtime(tmp_path):
    made = Runtime([tmp_path / "jupyter-vnc"])
    yield made
    made.close()


@pytest.fixture
def folder(runtime):
    return runtime.desktop_folder("ann", "desktop")


def impatient(*arguments):
    """A supervisor that does not wait long for an owner that hangs up: this one does not end."""
    command = isolated("processes.supervisor", *arguments)
    at = command.index("-c") + 1
    early = "from jupyter_vnc.desktops.processes import supervisor; supervisor.OWNER_PATIENCE = 0.2; main("
    command[at] = command[at].replace("main(", early)
    assert early in command[at]
    return command


class Owner:
    """The other end of a supervisor's pipe, byte by byte."""

    def __init__(self, runtime, folder):
        self.folder = folder
        self.link, theirs = socket.socketpair()
        self.link.settimeout(60)
        command = impatient(str(folder), str(os.getpid()), str(folder), str(runtime.lock))
        with theirs, (folder / "supervisor.log").open("wb") as errors:
            end = theirs.fileno()
            self.process = subprocess.Popen(command, stdin=end, stdout=end, stderr=errors, pass_fds=(runtime.lock,))

    def run(self, name, *argv, **more):
        order = {"name": name, "argv": list(argv), "env": {**ENVIRON, "JUPYTER_VNC_DESKTOP": str(self.folder)}, **more}
        self.send(json.dumps({"run": order}).encode())

    def send(self, line):
        self.link.sendall(line + b"\n")

    def ends(self):
        """Wait for its end; return its exit status."""
        try:
            return self.process.wait(60)
        finally:
            self.process.kill()
            self.process.wait()
            self.link.close()


@pytest.fixture
def owner(before, runtime, folder):
    owner = Owner(runtime, folder)
    yield owner
    owner.ends()
    assert not folder.exists()
    assert set(marked(str(folder))) == set()


def test_an_owner_that_is_gone_and_has_not_read(owner):
    """The kernel says *connection reset* instead of *end* then."""
    owner.run("one", *STUBBORN)
    assert b"started" in owner.link.recv(1, socket.MSG_PEEK) + owner.link.recv(1000, socket.MSG_PEEK)
    owner.link.close()
    assert owner.ends() == 0


def test_an_owner_that_no_longer_listens(owner):
    owner.run("one", *STUBBORN)
    owner.link.shutdown(socket.SHUT_RD)
    owner.run("two", "/bin/true")
    owner.send(b'{"stop": 5}')
    assert owner.ends() == 0


def test_an_owner_that_does_not_read(owner):
    """Its pipe is full: a supervisor that waits for a reader would never learn that it has to stop."""
    owner.run("one", *STUBBORN)
    for number in range(100):
        owner.run(f"loud-{number}", "/bin/sh", "-c", "head -c 4096 /dev/zero")
    owner.send(b'{"stop": 5}')
    assert owner.ends() == 0


def test_what_an_owner_reads_late_is_whole(owner, tmp_path):
    """Events wait for it, in order and in one piece."""
    names = [f"loud-{number}" for number in range(30)]
    for name in names:
        owner.run(name, "/bin/sh", "-c", "head -c 4096 /dev/zero")
    owner.run("last", "/bin/sh", "-c", f"touch {tmp_path}/begun; exit 7")
    assert wait_for(lambda: (tmp_path / "begun").exists() and not descendants(owner.process.pid))  # all have ended
    heard = []
    with owner.link.makefile("rb") as events:
        while sum(event["event"] == "exited" for event in heard) < 31:
            heard.append(json.loads(events.readline()))
    assert [event["name"] for event in heard if event["event"] == "started"] == [*names, "last"]
    assert {event["name"]: len(event.get("tail", "")) for event in heard if event["event"] == "exited"} == {
        **dict.fromkeys(names, 4096),
        "last": 0,
    }
    owner.send(b'{"stop": 5}')
    owner.ends()


GARBAGE = {
    "bytes": b"\xff\x00\xfe{",
    "a list": b"[]",
    "a number": b"5",
    "no command": b"{}",
    "run without an order": b'{"run": 5}',
    "an order without a program": b'{"run": {"name": "x"}}',
    "a program with a zero in it": b'{"run": {"name": "x", "argv": ["a\\u0000b"], "env": {}}}',
    "a program that is no text": b'{"run": {"name": "x", "argv": [5, {}], "env": {}}}',
    "an environment that is none": b'{"run": {"name": "x", "argv": ["/bin/true"], "env": 7}}',
    "a log elsewhere": b'{"run": {"name": "no/such/folder", "argv": ["/bin/echo"], "env": {}}}',
    "a time that is none": b'{"stop": "soon"}',
    "nested": b"[" * 50000,
}


@pytest.mark.parametrize("end", [b'{"stop": 5}', b"", None], ids=["told", "cut off", "hung up"])
def test_invalid_commands_do_not_prevent_the_cleanup(owner, end):
    owner.run("one", *STUBBORN)
    for line in GARBAGE.values():
        owner.send(line)
    if end is None:
        owner.link.close()
    elif end:
        owner.send(end)
    else:
        owner.link.sendall(b'{"sto')
        owner.link.shutdown(socket.SHUT_WR)
    assert owner.ends() == 1  # so that its owner cleans up


def test_a_command_without_end(owner):
    owner.run("one", *STUBBORN)
    piece = b"x" * (1 << 20)
    with pytest.raises(OSError, match=r"Broken pipe|reset|timed out"):  # noqa: PT012 - it hangs up in between
        for _ in range(64):
            owner.link.sendall(piece)
    assert owner.ends() == 0


def test_a_step_that_fails_keeps_none_of_the_others_from_being_done(tmp_path, monkeypatch):
    """Nor does an error at the end."""
    done = []
    one = Supervisor(tmp_path, os.getppid(), "m", -1)
    monkeypatch.setattr(module, "prctl", lambda *_: 0)
    for step in ("_watch", "_stop_all", "_kill_all", "_clean_up", "_leave_orphans"):

        def fail(step=step):
            done.append(step)
            raise BrokenPipeError

        monkeypatch.setattr(one, step, fail)
    monkeypatch.setattr(sys, "stderr", None)
    one.run()
    assert done == ["_watch", "_stop_all", "_kill_all", "_clean_up", "_leave_orphans"]
    assert one.failed


#: A server as it is when it is killed: it has started programs, and reads none of its supervisor's events.
DEAF = textwrap.dedent(
    """
    import json, os, socket, subprocess, sys, time
    from pathlib import Path
    from jupyter_vnc.desktops.processes.isolated import isolated
    from jupyter_vnc.desktops.processes.runtime_folder import Runtime

    runtime = Runtime([Path(sys.argv[1])])
    folder = runtime.desktop_folder("ann", "desktop")
    ours, theirs = socket.socketpair()
    command = isolated("processes.supervisor", str(folder), str(os.getpid()), str(folder), str(runtime.lock))
    subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL, pass_fds=(runtime.lock,))
    theirs.close()
    for number in range(int(sys.argv[2])):
        order = {"name": f"p{number}", "argv": ["/bin/sh", "-c", "head -c 4096 /dev/zero; exec sleep 300"]}
        order["env"] = {"PATH": "/usr/bin:/bin", "JUPYTER_VNC_DESKTOP": str(folder)}
        ours.sendall(json.dumps({"run": order}).encode() + b"\\n")
    ours.recv(1, socket.MSG_PEEK)
    print(folder, flush=True)
    time.sleep(300)
    """
)


@pytest.mark.parametrize("programs", [1, 20])
def test_a_server_that_is_killed_before_it_has_read(before, tmp_path, programs):
    command = [sys.executable, "-c", DEAF, str(tmp_path / "jupyter-vnc"), str(programs)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True) as process:
        folder = Path(process.stdout.readline().strip())
        assert folder.is_dir()
        process.kill()
    assert census.wait_until_gone(before).empty
    assert not (tmp_path / "jupyter-vnc").exists()


# -- the owner's side ---------------------------------------------------------------------------------------------


async def test_an_invalid_event_does_not_end_the_listening(before, runtime, folder, caplog):
    tree = await Tree.start(folder, lock=runtime.lock, marker=str(folder))
    for line in GARBAGE.values():
        tree._hear(line)
    tree.on_exit = lambda name, how: 1 / 0
    await tree.run("one", ["/bin/sh", "-c", "exit 3"], ENVIRON)
    assert (await tree.exited("one")).status == 3
    await tree.run("two", ["/bin/sleep", "300"], ENVIRON)
    await tree.stop(5.0)
    assert tree.exited("two").result().status == -signal.SIGTERM
    assert not folder.exists()
    assert "The end of one could not be handled" in caplog.text


async def test_a_supervisor_that_hangs_is_killed_and_its_folder_removed(before, runtime, folder, monkeypatch):
    """Its pipe is full of what it does not read, and no stop reaches it."""
    monkeypatch.setattr("jupyter_vnc.desktops.processes.tree.LAST_GRACE", 0.1)
    monkeypatch.setattr("jupyter_vnc.desktops.processes.tree.KILL_PATIENCE", 0.1)
    tree = await Tree.start(folder, lock=runtime.lock, marker=str(folder))
    await tree.run("one", STUBBORN, ENVIRON)
    tree._process.send_signal(signal.SIGSTOP)
    more = asyncio.create_task(tree.run("two", ["/bin/true", "x" * (1 << 20)], ENVIRON))
    await asyncio.sleep(0)
    async with asyncio.timeout(20):
        await tree.stop(0.1)
    await asyncio.wait([more])
    assert more.exception() is not None
    assert not folder.exists()


async def test_what_a_failed_supervisor_left_is_cleaned_up(before, runtime, folder):
    """It says so by its exit status, and what it has left goes."""
    tree = await Tree.start(folder, lock=runtime.lock, marker=str(folder))
    await tree.run("one", STUBBORN, ENVIRON)
    tree._link[1].write(b"garbage\n")
    await tree.stop(5.0)
    assert tree._process.returncode == 1
    assert not folder.exists()


class _Entry:
    def __init__(self, error):
        self.error = error
        self.desktop = SimpleNamespace(display=Display("ann/desktop"))

    async def cancel_start(self):
        raise self.error


async def test_one_desktop_that_cannot_be_stopped_keeps_no_other_from_it(home, runtime_dir, caplog):
    manager = DesktopManager(log=logging.getLogger("m"))
    folder = manager._runtime.open()
    manager._entries = {("ann", name): _Entry(error) for name, error in (("a", OSError("one")), ("b", OSError("two")))}
    await manager.close()
    assert not folder.exists()
    assert [str(record.exc_info[1]) for record in caplog.records if record.name == "m"] == ["one", "two"]


async def test_a_start_that_fails_unexpectedly_leaves_nothing(runtime, monkeypatch, caplog):
    """A listener for the desktop's state may fail, too."""
    desktop = Desktop("ann", "desktop", runtime, logging.getLogger("d"))
    desktop.on_change = lambda desktop: 1 / 0

    async def start(*_):
        desktop._folder = runtime.desktop_folder("ann", "desktop")
        desktop._tree = await Tree.start(desktop._folder, lock=runtime.lock, marker=str(desktop._folder))
        await desktop._tree.run("server", STUBBORN, ENVIRON)
        raise RuntimeError("nobody expects this")

    monkeypatch.setattr(desktop, "_start", start)
    settings = SimpleNamespace(start_timeout=30.0)
    before = census.take()
    with pytest.raises(RuntimeError, match="nobody expects this"):
        await desktop.start(None, settings)
    assert not desktop._folder.exists()
    assert census.take().processes <= before.processes
    assert census.wait_until_gone(before).empty
    assert "and a listener for this failed" in caplog.text
