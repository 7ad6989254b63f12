"""A desktop's processes as a tree: nothing that it starts gets away, whatever dies first."""

import asyncio
import logging
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from jupyter_vnc.desktops.launch import start_bus
from jupyter_vnc.desktops.processes.procfs import descendants, marked
from jupyter_vnc.desktops.processes.program import LOG_KEPT, LOG_LIMIT
from jupyter_vnc.desktops.processes.runtime_folder import Runtime
from jupyter_vnc.desktops.processes.tree import Tree
from jupyter_vnc.exceptions import DesktopFailed
from tests.desktops import census

ENVIRON = {"PATH": "/usr/bin:/bin"}
GET_ID = ("--dest=org.freedesktop.DBus", "/", "org.freedesktop.DBus.GetId")

#: Detaches as a daemon does: own session, parent gone, empty environment.
DAEMON = """
import os, signal, sys
if os.fork(): os._exit(0)
os.setsid()
if os.fork(): os._exit(0)
if "deaf" in sys.argv: signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(os.getpid(), flush=True)
os.execve("/bin/sleep", ["sleep", "300"], {})
"""


@pytest.fixture
def before():
    taken = census.take()
    yield taken
    assert census.wait_until_gone(taken).empty


@pytest.fixture
def folder(tmp_path):
    runtime = Runtime([tmp_path / "jupyter-vnc"])
    yield runtime.desktop_folder("ann", "desktop")
    runtime.close()


async def start(folder):
    lock = os.open(folder.parent / "lock", os.O_RDWR | os.O_APPEND)
    try:
        return await Tree.start(folder, lock=lock, marker=str(folder))
    finally:
        os.close(lock)


async def eventually(condition):
    async with asyncio.timeout(60):
        while not (value := condition()):
            await asyncio.sleep(0.01)
        return value


def alive(pid):
    """Whether a process lives; nobody has to bury our orphans while the tests run."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


async def test_run_log_exit_and_stop(before, folder):
    tree = await start(folder)
    pid = await tree.run("hello", ["/bin/sh", "-c", "echo $GREETING; echo last >&2; exit 3"], {"GREETING": "hi"})
    assert pid > 0
    how = await tree.exited("hello")
    assert (how.status, how.tail, how.last_line) == (3, "hi\nlast\n", "last")
    assert tree.log("hello") == "hi\nlast\n"
    await tree.stop(1.0)
    assert not folder.exists()
    assert folder.parent.exists()


@pytest.mark.parametrize("odd", ["a b", "a,b;c=d:e", "a%2fb", "a~", "ü", "a\nb", os.fsdecode(b"\xff\xfe")])
async def test_a_folder_of_any_name(before, tmp_path, odd):
    """Its path is the marker by which programs are found, and is in the address of the session's bus."""
    runtime = Runtime([tmp_path / odd / "jupyter-vnc"])
    folder = runtime.desktop_folder("ann", "desktop")
    tree, environ = await start(folder), dict(ENVIRON)
    await start_bus(tree, environ, folder, "/", logging.getLogger())
    asked = subprocess.run(["dbus-send", "--session", "--print-reply", *GET_ID], env=environ, check=False)
    asleep = await tree.run("asleep", ["/bin/sleep", "300"], ENVIRON)
    assert asleep in set(marked(str(folder)))
    await tree.stop(1.0)
    runtime.close()
    assert asked.returncode == 0
    assert tree.log("supervisor") == ""
    assert list((tmp_path / odd).iterdir()) == []


async def test_a_program_that_cannot_be_started(before, folder):
    tree = await start(folder)
    with pytest.raises(DesktopFailed, match="cannot be started: No such file or directory"):
        await tree.run("nothing", ["/no/such/program"], ENVIRON)
    await tree.stop(1.0)


async def test_programs_get_a_clean_process(before, folder):
    """Also if our own ignores signals, as one does that a script has started in the background."""
    previous = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGQUIT, signal.SIGUSR1)}
    try:
        tree = await start(folder)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    script = "ls /proc/self/fd | tr '\\n' ' '; pwd; grep -E 'SigBlk|SigIgn|NSsid' /proc/self/status; env"
    pid = await tree.run("look", ["/bin/sh", "-c", script], {**ENVIRON, "A": "1"}, folder="/usr")
    said = (await tree.exited("look")).tail
    await tree.stop(1.0)
    assert said.startswith("0 1 2 3 /usr\n")  # 3 is the listing itself
    assert f"NSsid:\t{pid}\n" in said
    masks = dict(line.split(":\t") for line in said.splitlines() if line.startswith("Sig"))
    assert int(masks["SigBlk"], 16) == 0
    # 32 and 33 are glibc's own; make's children have them ignored, and nobody can set them.
    assert int(masks["SigIgn"], 16) & ~(1 << 31 | 1 << 32) == 0
    assert {"A=1", f"JUPYTER_VNC_DESKTOP={folder}"} < set(said.splitlines())


async def test_stop_reaches_daemons_and_those_who_ignore_sigterm(before, folder):
    tree = await start(folder)
    await tree.run("daemon", [sys.executable, "-S", "-c", DAEMON, "deaf"], ENVIRON)
    stubborn = "trap '' TERM; echo ready; while :; do sleep 0.1; done"
    await tree.run("stubborn", ["/bin/sh", "-c", stubborn], ENVIRON)
    daemon = int(await eventually(lambda: tree.log("daemon").strip()))
    await eventually(lambda: "ready" in tree.log("stubborn"))
    assert alive(daemon)
    await tree.stop(0.3)
    assert not alive(daemon)
    assert tree.exited("stubborn").result().status == -signal.SIGKILL


async def test_stop_wakes_what_is_suspended_and_lets_it_end_by_itself(before, folder):
    tree = await start(folder)
    script = "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done"
    pid = await tree.run("polite", ["/bin/sh", "-c", script], ENVIRON)
    await eventually(lambda: "ready" in tree.log("polite"))
    os.kill(pid, signal.SIGSTOP)
    await tree.stop(10.0)
    how = tree.exited("polite").result()
    assert (how.status, how.last_line) == (0, "bye")


async def test_the_last_program_outlives_the_others(before, folder):
    """What stops last still runs while the others put their things away."""
    tree = await start(folder)
    gone = folder.parent / "order"
    server = f"trap 'echo server >> {gone}; exit' TERM; echo ready; while :; do sleep 0.02; done"
    client = f"trap 'sleep 0.3; echo client >> {gone}; exit' TERM; echo ready; while :; do sleep 0.02; done"
    await tree.run("server", ["/bin/sh", "-c", server], ENVIRON, last=True)
    await tree.run("client", ["/bin/sh", "-c", client], ENVIRON)
    await eventually(lambda: all("ready" in tree.log(name) for name in ("server", "client")))
    await tree.stop(5.0)
    assert gone.read_text().split() == ["client", "server"]


async def test_logs_are_bounded(before, folder):
    tree = await start(folder)
    script = f"import sys\nfor n in range({4 * LOG_LIMIT // 64}): sys.stdout.write('%063d\\n' % n)"
    await tree.run("chatty", [sys.executable, "-S", "-c", script], ENVIRON)
    how = await tree.exited("chatty")
    assert how.last_line == f"{4 * LOG_LIMIT // 64 - 1:063d}"
    assert (folder / "chatty.log").stat().st_size <= LOG_LIMIT
    assert len(tree.log("chatty")) == LOG_KEPT
    await tree.stop(1.0)


async def test_the_tail_survives_a_full_disk(before, folder):
    (folder / "p.log").symlink_to("/dev/full")
    tree = await start(folder)
    await tree.run("p", ["/bin/echo", "something went wrong"], ENVIRON)
    assert (await tree.exited("p")).last_line == "something went wrong"
    await tree.stop(1.0)


async def test_a_supervisor_that_is_killed_takes_its_programs_along(before, folder):
    tree = await start(folder)
    ended = []
    tree.on_exit = lambda name, how: ended.append((name, how.status))
    await tree.run("one", ["/bin/sh", "-c", "sleep 300 & sleep 301"], ENVIRON)
    supervisor = tree._process.pid
    children = await eventually(lambda: (found := descendants(supervisor)) and len(found) == 3 and found)
    os.kill(supervisor, signal.SIGKILL)
    how = await tree.exited("one")
    assert ended == [("one", how.status)]
    await eventually(lambda: not any(map(alive, children)))
    await tree.stop(1.0)
    assert not folder.exists()
    with pytest.raises(DesktopFailed, match="watches the desktop is gone"):
        await tree.run("two", ["/bin/true"], ENVIRON)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_to_the_supervisor_is_a_clean_stop(before, folder, number):
    tree = await start(folder)
    await tree.run("one", ["/bin/sleep", "300"], ENVIRON)
    os.kill(tree._process.pid, number)
    assert (await tree.exited("one")).status == -signal.SIGTERM
    await tree.stop(1.0)
    assert not folder.exists()


OWNER = textwrap.dedent(
    """
    import asyncio, os, sys, time
    from pathlib import Path
    from jupyter_vnc.desktops.processes.tree import Tree

    async def main():
        folder = Path(sys.argv[1])
        lock = os.open(folder.parent / "lock", os.O_RDWR | os.O_APPEND)
        tree = await Tree.start(folder, lock=lock, marker=str(folder))
        await tree.run("daemon", [sys.executable, "-S", "-c", sys.argv[2]], {})
        await tree.run("plain", ["/bin/sleep", "302"], {})
        await tree.exited("daemon")
        child = os.fork() if "fork" in sys.argv else 0  # a child that keeps the pipe to the supervisor open
        if child == 0 and "fork" in sys.argv:
            time.sleep(100)
            os._exit(0)
        print(child, flush=True)
        await asyncio.sleep(300)

    asyncio.run(main())
    """
)


@pytest.mark.parametrize("arguments", [[], ["fork"]])
def test_an_owner_that_is_killed_leaves_nothing(before, folder, arguments):
    command = [sys.executable, "-c", OWNER, str(folder), DAEMON, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]) as owner:
        assert owner.stdout is not None
        child = int(owner.stdout.readline())
        mine = set(marked(str(folder)))
        owner.kill()
        deadline = time.monotonic() + 60
        while folder.parent.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        if child:
            os.kill(child, signal.SIGKILL)
    assert mine
    assert not folder.parent.exists(), list(folder.parent.rglob("*"))
    assert not any(map(alive, mine))
