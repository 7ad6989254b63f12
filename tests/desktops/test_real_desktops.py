"""Desktops with the real TigerVNC: started, used, stopped, crashed, killed; and the machine as it was before."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from jupyter_vnc.desktops import desktop, housekeeping, readiness, record, session, session_end, session_run
from jupyter_vnc.desktops import manager as manager_module
from jupyter_vnc.desktops.kernel_display import KernelDisplay
from jupyter_vnc.desktops.manager import DesktopManager
from jupyter_vnc.desktops.processes import listeners as sockets
from jupyter_vnc.desktops.processes.procfs import descendants, display_holder, lock_file, x_socket
from jupyter_vnc.desktops.processes.runtime_folder import Runtime
from jupyter_vnc.desktops.x11 import xvnc
from jupyter_vnc.desktops.x11.display import Display
from jupyter_vnc.exceptions import DesktopFailed, LimitExceeded, ServerStopping
from jupyter_vnc.model.addresses import DesktopSpec
from jupyter_vnc.model.targets import State
from tests.desktops import census, stranger
from tests.needs import require, require_root

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("nothing_left")]

#: What differs from another case in the cause only.
ENTIRE = pytest.mark.endurance

CLOCK = DesktopSpec(command=("xclock",), geometry="640x480")
NOBODY = 65534


@contextlib.asynccontextmanager
async def managing(**traits):
    """A manager that is closed at the end."""
    manager = DesktopManager(**traits)
    try:
        yield manager
    finally:
        await manager.close()


def greeting(path):
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(60)
        link.connect(path)
        return link.recv(12)


def x_client(environment, *command):
    environ = {"PATH": os.environ["PATH"], **environment}
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)


def pid_of(manager, program, name="desktop", user="ann"):
    """The process id of a program of a running desktop."""
    tree = manager._entries[user, name].desktop._tree
    return tree._started[program].result()


async def begun(manager, stage, name="desktop"):
    """Begin a start; return its task, and what it says, at the moment when it comes to a stage ('': at once)."""
    task, said = asyncio.create_task(manager.ensure("ann", name, CLOCK)), []
    async with asyncio.timeout(60):
        while stage not in said:
            await asyncio.sleep(0)  # at each turn of the loop: a stage may be short
            said += [
                row["message"] for row in manager.list("ann") if row["name"] == name and row["message"] not in said
            ]
    return task, said


async def eventually(condition, seconds=60):
    async with asyncio.timeout(seconds):
        while not (value := condition()):
            await asyncio.sleep(0.02)
        return value


def programs_of(manager, program):
    """The names of a desktop's program and of all below it, by process id."""
    root = pid_of(manager, program)
    return {pid: _name(pid) for pid in descendants(root) | {root}}


@pytest.fixture
def judged_in_time(monkeypatch):
    """A session that ends at once has ended at once, however long its shell takes to start on a busy machine."""
    monkeypatch.setattr(session_run, "SESSION_GRACE", 60)


@pytest.fixture
def displays_of_our_own(monkeypatch):
    """Numbers that no other tests take, which run at the same time."""
    first = 1000 + 10 * (os.getpid() % 5000)
    monkeypatch.setattr(readiness, "DISPLAYS", range(first, first + 10))


def fake_xserver(tmp_path, script):
    """A program that says it is TigerVNC, and then is not."""
    path = tmp_path / "Xfake"
    path.write_text(f'#!/bin/sh\n[ "$1" = -version ] && echo "Xvnc TigerVNC 1.13.0" && exit\n{script}\n')
    path.chmod(0o755)
    return str(path)


# -- start and stop -----------------------------------------------------------------------------------------------


async def test_start_use_and_stop(runtime_dir):
    ended = []
    async with managing() as manager:
        manager.on_exit = lambda user, name: ended.append((user, name))
        assert manager.available
        assert manager.advice == ""
        assert manager.state("ann", "desktop") is State.STOPPED
        assert manager.list("ann") == []
        assert manager.environment("ann", "desktop") == {}
        starting, said = await begun(manager, "starting session")
        assert said == ["", "starting X", "starting session"]
        assert [row["state"] for row in manager.list("ann")] == ["starting"]
        address = await starting
        assert manager.state("ann", "desktop") is State.UP
        assert greeting(address.path) == b"RFB 003.008\n"
        (row,) = manager.list("ann")
        assert (row["name"], row["state"], row["message"]) == ("desktop", "up", "")
        assert manager.list("bob") == []
        seen = x_client(manager.environment("ann", "desktop"), "xdpyinfo")
        assert "640x480 pixels" in seen.stdout
        assert "96x96 dots per inch" in seen.stdout
        assert await manager.ensure("ann", "desktop", CLOCK) == address
        await eventually(lambda: "vncext" in manager.log_text("ann", "desktop"))  # its supervisor writes it down
        await manager.stop("ann", "desktop")
        assert manager.state("ann", "desktop") is State.STOPPED
        assert manager.environment("ann", "desktop") == {}
        assert "vncext" in manager.log_text("ann", "desktop")
        assert ended == [("ann", "desktop")]
        assert not Path(address.path).parent.exists()
        await manager.stop("ann", "desktop")
        await manager.stop("ann", "never started")
    assert list(runtime_dir.iterdir()) == []


async def test_the_first_session_installed_has_a_terminal():
    async with managing() as manager:
        await manager.ensure("ann", "desktop", DesktopSpec())
        await eventually(lambda: {"openbox", "xterm"} <= {*programs_of(manager, "session").values()})


def colours(environment):
    """How many colours the root window has, of which no other covers all."""
    dump = subprocess.run(["xwd", "-root", "-silent"], env=os.environ | environment, capture_output=True, check=True)
    header = struct.unpack_from(">25I", dump.stdout)  # XWDFile.h: 0 is its size, 19 how many colours follow
    pixels = dump.stdout[header[0] + 12 * header[19] :]
    return len({pixels[place : place + 3] for place in range(0, len(pixels) - 3, 4)})


async def test_a_bare_window_manager_has_a_background_and_a_menu_of_what_is_installed(home, monkeypatch):
    require("xwd")
    bare = next(kind for kind in session.SESSIONS if kind.name == "Openbox")
    monkeypatch.setattr(session, "SESSIONS", (bare,))
    folder = home / ".local" / "share" / "applications"
    folder.mkdir(parents=True)
    (folder / "clock.desktop").write_text("[Desktop Entry]\nType=Application\nName=A Clock\nExec=xclock\n")
    async with managing() as manager:
        address = await manager.ensure("ann", "desktop", DesktopSpec())
        environment = manager.environment("ann", "desktop")
        await eventually(lambda: colours(environment) > 50)
        menu = Path(address.path).parent / "xdg" / "openbox" / "menu.xml"
        assert "A Clock" in menu.read_text()
        # Openbox reads the first menu.xml of these folders.
        names = await eventually(
            lambda: "openbox" in (found := programs_of(manager, "session")).values() and found,
        )
        for pid in (pid for pid, name in names.items() if name == "openbox"):
            environ = Path(f"/proc/{pid}/environ").read_text().split("\0")
            assert f"XDG_CONFIG_DIRS={menu.parent.parent}:/etc/xdg" in environ


async def test_a_terminal_alone_is_a_session_too(monkeypatch):
    monkeypatch.setattr(session, "SESSIONS", ())
    async with managing() as manager:
        await manager.ensure("ann", "desktop", DesktopSpec())
        await eventually(lambda: "xterm" in programs_of(manager, "session").values())


def _name(pid):
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


@pytest.mark.parametrize("cycles", [6, pytest.param(100, marks=[pytest.mark.endurance, pytest.mark.timeout(600)])])
async def test_cycles(nothing_left, runtime_dir, cycles):
    """Start and stop many times: the machine is the same after each, and no file descriptor is lost."""
    async with managing() as manager:
        await manager.ensure("ann", "desktop", CLOCK)
        await manager.stop("ann", "desktop")
        open_files = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
        servers = set()
        for _ in range(cycles):
            address = await manager.ensure("ann", "desktop", CLOCK)
            display = int(manager.environment("ann", "desktop")["DISPLAY"].removeprefix(":"))
            servers.add(pid_of(manager, "server"))
            where = [Path(address.path).parent, lock_file(display), x_socket(display)]
            assert all(path.exists() for path in where)
            await manager.stop("ann", "desktop")
            assert census.take().processes <= nothing_left.processes
            assert not any(path.exists() for path in where)
            assert census.wait_until_gone(nothing_left).empty
        assert len(os.listdir("/proc/self/fd")) <= open_files  # noqa: PTH208
        assert len(servers) == cycles


async def test_calls_at_the_same_time_share_one_start():
    async with managing() as manager:
        addresses = await asyncio.gather(*(manager.ensure("ann", "desktop", CLOCK) for _ in range(20)))
        assert len(set(addresses)) == 1
        assert len(descendants(os.getpid()) & _pids_called("Xtigervnc")) == 1


def _pids_called(name):
    return {int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and _name(entry.name) == name}


async def test_a_caller_that_leaves_does_not_stop_the_start():
    async with managing() as manager:
        impatient, _ = await begun(manager, "starting X")
        assert manager.state("ann", "desktop") is State.STARTING
        impatient.cancel()
        address = await manager.ensure("ann", "desktop", CLOCK)
        assert greeting(address.path) == b"RFB 003.008\n"


@pytest.mark.parametrize("stage", ["", "starting X", "starting session"])
async def test_stop_while_it_starts(stage, runtime_dir):
    """At any moment of a start: nothing is left that would be in the way of the next, or take it along."""
    async with managing() as manager:
        waiter, _ = await begun(manager, stage)
        await asyncio.gather(manager.stop("ann", "desktop"), manager.stop("ann", "desktop"))
        with pytest.raises(DesktopFailed, match="stopped while it started"):
            await waiter
        assert manager.state("ann", "desktop") is State.STOPPED
        assert [*runtime_dir.glob("*/*/*/")] == []
        address = await manager.ensure("ann", "desktop", CLOCK)
        assert greeting(address.path) == b"RFB 003.008\n"


async def test_close_waits_for_a_stop_that_was_interrupted(home):
    """As when a manager is closed while an idle desktop is being stopped."""
    end = "while [ ! -e $HOME/go ]; do sleep 0.05; done; exit 0"
    slow = DesktopSpec(("/bin/sh", "-c", f"trap '{end}' TERM; touch $HOME/ready; while :; do sleep 0.05; done"))
    async with managing() as manager:
        address = await manager.ensure("ann", "desktop", slow)
        await eventually((home / "ready").exists)
        server = pid_of(manager, "server")
        stopping = asyncio.create_task(manager.stop("ann", "desktop"))
        await eventually(lambda: manager.state("ann", "desktop") is State.STOPPED)
        stopping.cancel()
        await asyncio.wait([stopping])
        assert _name(server) == "Xtigervnc"
        (home / "go").touch()
    assert _name(server) == ""
    assert not Path(address.path).exists()


async def test_restart_is_another_desktop_at_the_same_place():
    async with managing() as manager:
        address = await manager.ensure("ann", "desktop", CLOCK)
        before = manager.environment("ann", "desktop")
        server = pid_of(manager, "server")
        assert await manager.restart("ann", "desktop", CLOCK) == address
        assert manager.environment("ann", "desktop") == before  # kernels that know it still can use it
        assert pid_of(manager, "server") != server


async def test_a_reserved_display_is_taken_though_a_better_one_is_free_again(displays_of_our_own):
    """Kernels know it already."""
    async with managing() as manager:
        first = (await manager.reserve("ann", "desktop"))["DISPLAY"]
    async with managing() as manager:
        lock = Path(f"/tmp/.X{first[1:]}-lock")
        with lock.open("x") as file:  # nobody else's
            file.write(f"{os.getpid():>10}\n")
        reserved = await manager.reserve("ann", "desktop")
        lock.unlink()
        assert reserved["DISPLAY"] != first
        await manager.ensure("ann", "desktop", CLOCK)
        assert manager.environment("ann", "desktop") == reserved
        assert await manager.reserve("ann", "desktop") == {}
        await manager.stop("ann", "desktop")
        assert await manager.reserve("ann", "desktop") == reserved


async def test_a_desktop_that_does_not_start_keeps_no_window_waiting(judged_in_time):
    """Not even when it has failed too often to be tried again."""
    environ = {}
    async with managing() as manager:
        kernels = KernelDisplay(manager, ("ann", "desktop", DesktopSpec(("/bin/false",))), environ.update)
        manager.on_change = kernels.changed
        await kernels.open(rings=True)
        for _ in range(manager.crash_limit + 2):
            await eventually(lambda: display_holder(int(environ["DISPLAY"][1:])) == os.getpid())
            assert (await asyncio.to_thread(x_client, environ, "xdpyinfo")).returncode != 0
        assert manager.state("ann", "desktop") is State.DOWN
        assert "failed 3 times" in await refused(manager.ensure("ann", "desktop", CLOCK))
        await kernels.close()


async def refused(work):
    with pytest.raises(DesktopFailed) as caught:
        await work
    return str(caught.value)


async def test_several_desktops_of_several_users():
    async with managing(max_desktops=2) as manager:
        specs = [("ann", "one"), ("ann", "two"), ("bob", "one")]
        addresses = await asyncio.gather(*(manager.ensure(user, name, CLOCK) for user, name in specs))
        assert len({address.path for address in addresses}) == 3
        displays = {manager.environment(user, name)["DISPLAY"] for user, name in specs}
        assert len(displays) == 3
        with pytest.raises(LimitExceeded, match="2 running desktops"):
            await manager.ensure("ann", "three", CLOCK)
        await manager.stop("ann", "one")
        await manager.ensure("ann", "three", CLOCK)
        assert {row["name"]: row["state"] for row in manager.list("ann")} == {
            "one": "stopped",
            "two": "up",
            "three": "up",
        }


async def test_after_close_nothing_starts():
    async with managing() as manager:
        await manager.ensure("ann", "desktop", CLOCK)
        starting, _ = await begun(manager, "starting X", "other")
        await manager.close()
        with pytest.raises(DesktopFailed):
            await starting
        with pytest.raises(ServerStopping):
            await manager.ensure("ann", "desktop", CLOCK)


# -- safety -------------------------------------------------------------------------------------------------------


def _doors(pid):
    """What a process listens on; nothing, if it is gone: a session has programs that end at once."""
    try:
        return sockets.open_doors(pid)
    except OSError:
        return []


async def test_nobody_else_can_reach_it(nothing_left):
    async with managing() as manager:
        address = await manager.ensure("ann", "desktop", DesktopSpec())
        path = Path(address.path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE((path.parent / "Xauthority").stat().st_mode) == 0o600
        assert [stat.S_IMODE(folder.stat().st_mode) for folder in path.parents[:2]] == [0o700, 0o700]
        root = manager._entries["ann", "desktop"].desktop._tree._process.pid
        await eventually(lambda: len(descendants(root)) >= 4)  # X server, bus, window manager, terminal
        assert {pid: doors for pid in descendants(root) if (doors := _doors(pid))} == {}
        display = manager.environment("ann", "desktop")["DISPLAY"].removeprefix(":")
        ours = {address.path, str(path.parent / "bus"), f"/tmp/.X11-unix/X{display}"}
        sound = str(path.parent / "sound")
        # What others on the machine have for a moment may be among it.
        await eventually(lambda: census.take().new_since(nothing_left).sockets - {sound} == ours)


async def test_another_user_is_refused(runtime_dir):
    """Even where the folders above are open to all, ours are not."""
    require_root()
    for folder in [runtime_dir, *runtime_dir.parents][:-2]:
        if folder.stat().st_uid == 0 and folder != Path("/tmp"):
            folder.chmod(0o755)
    async with managing() as manager:
        address = await manager.ensure("ann", "desktop", CLOCK)
        environment = manager.environment("ann", "desktop")
        places = address.path, environment["DISPLAY"], environment["XAUTHORITY"]
        assert await asyncio.to_thread(stranger.attempts, NOBODY, *places) == stranger.OTHER
        assert x_client(environment, "xdpyinfo").returncode == 0


@pytest.mark.parametrize("door", ["-rfbport 15999", "-listen tcp", "-listen local"])
async def test_an_x_server_that_opens_a_door_is_stopped(monkeypatch, displays_of_our_own, door):
    real = xvnc.arguments

    def arguments(*args, **kwargs):
        removed = {"-rfbport": 2} if "rfbport" in door else {}
        kept = real(*args, **kwargs)
        for option, count in removed.items():
            at = kept.index(option)
            del kept[at : at + count]
        return [*kept, *door.split()]

    monkeypatch.setattr(xvnc, "arguments", arguments)
    monkeypatch.setattr(Display, "_claim", lambda self, number: True)  # else it could not have the abstract socket
    async with managing() as manager:
        with pytest.raises(DesktopFailed, match="opened a way in for others") as caught:
            await manager.ensure("ann", "desktop", CLOCK)
        assert "port" in caught.value.detail or "abstract" in caught.value.detail
        assert manager.state("ann", "desktop") is State.DOWN


async def test_a_display_that_somebody_takes_at_the_same_moment(monkeypatch, tmp_path, displays_of_our_own):
    """Another X server wins the number between our look and our start: we take the next, and leave its files alone."""
    async with managing() as manager:
        await manager.ensure("ann", "desktop", CLOCK)
        taken = int(manager.environment("ann", "desktop")["DISPLAY"].removeprefix(":"))
        await manager.stop("ann", "desktop")
        other = subprocess.Popen(
            ["Xtigervnc", f":{taken}", "-rfbport", "-1", "-rfbunixpath", tmp_path / "other.sock", "-nolisten", "tcp"],
            stderr=subprocess.DEVNULL,
        )
        try:
            await eventually(lambda: display_holder(taken) == other.pid)
            looks = []

            def holder(display):  # at our first look, the other server was not there yet
                looks.append(display)
                return 0 if looks == [taken] else display_holder(display)

            monkeypatch.setattr(readiness, "display_holder", holder)
            await manager.ensure("ann", "desktop", CLOCK)
            assert looks[0] == taken
            assert manager.environment("ann", "desktop")["DISPLAY"] == f":{looks[-1]}" != f":{taken}"
            await manager.stop("ann", "desktop")
            assert display_holder(taken) == other.pid
            assert Path(f"/tmp/.X11-unix/X{taken}").exists()
        finally:
            other.terminate()
            other.wait(60)


# -- crashes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("program", "number", "state", "message"),
    [
        ("server", signal.SIGKILL, State.DOWN, "The desktop's X server crashed"),
        ("server", signal.SIGSEGV, State.DOWN, "The desktop's X server crashed"),
        ("session", signal.SIGKILL, State.DOWN, "The desktop's session crashed"),
    ],
)
async def test_a_crash_is_noticed_cleared_away_and_started_again(program, number, state, message, monkeypatch):
    ended = []
    if program == "server":  # the end of a session that lost it may be told long before its own
        monkeypatch.setattr(desktop, "JUDGEMENT_DELAY", 60)
    async with managing() as manager:
        manager.on_exit = lambda *who: ended.append(who)
        address = await manager.ensure("ann", "desktop", DesktopSpec())
        os.kill(pid_of(manager, program), number)
        await eventually(lambda: manager.state("ann", "desktop") is not State.UP)
        assert manager.state("ann", "desktop") is state
        assert manager.list("ann")[0]["message"].startswith(message)
        assert ended == [("ann", "desktop")]
        assert await manager.ensure("ann", "desktop", DesktopSpec()) == address
        assert greeting(address.path) == b"RFB 003.008\n"


async def test_a_supervisor_that_is_killed_is_a_crash():
    async with managing() as manager:
        await manager.ensure("ann", "desktop", DesktopSpec())
        os.kill(manager._entries["ann", "desktop"].desktop._tree._process.pid, signal.SIGKILL)
        await eventually(lambda: manager.state("ann", "desktop") is State.DOWN)
        await manager.ensure("ann", "desktop", DesktopSpec())


async def test_logging_out_stops_the_desktop():
    """A window that a person has left open does not keep a desktop environment that they have left."""
    ended = []
    async with managing() as manager:
        manager.on_exit = lambda *who: ended.append(who)
        await manager.ensure("ann", "desktop", DesktopSpec())
        environ = manager.environment("ann", "desktop")

        def names_a_window(what):
            return "window id # 0x" in x_client(environ, "xprop", "-root", what).stdout

        # Openbox manages what comes while it runs; it forgets what it is told before it has the windows, and on a busy
        # machine it may have said that it is there before it looks for any: a person would open another window then.
        await eventually(lambda: names_a_window("_NET_SUPPORTING_WM_CHECK"))
        for _ in range(5):
            assert await manager._entries["ann", "desktop"].desktop.run(["xclock"], "/", 0.0) is None
            with contextlib.suppress(TimeoutError):
                await eventually(lambda: names_a_window("_NET_CLIENT_LIST"), 15)
                break
        assert names_a_window("_NET_CLIENT_LIST")
        left = _pids_called("xclock") & descendants(os.getpid())
        assert x_client(environ, "openbox", "--exit").returncode == 0  # as its menu does
        await eventually(lambda: manager.state("ann", "desktop") is State.STOPPED)
        assert manager.list("ann")[0]["message"] == "The desktop's session ended."
        assert ended == [("ann", "desktop")]
        assert left
        await eventually(lambda: not left & _pids_called("xclock"))


#: Waits in a shell until a test lets it end.
UNTIL_GO = "while [ ! -e $HOME/go ]; do sleep 0.05; done; exit 0"


@pytest.fixture
def looks(monkeypatch):
    """Each look at what a session has left."""
    seen, really = [], session_end._is_left
    monkeypatch.setattr(session_end, "LOOK", 0.2)
    monkeypatch.setattr(session_end, "_is_left", lambda *about: seen.append(about) or really(*about))
    return seen


#: Waits in a shell until the clock's window is on the screen.
SHOWN = "until xwininfo -name xclock 2>&1 | grep -q IsViewable; do sleep 0.1; done"


@pytest.mark.parametrize(
    "script",
    [
        "setsid xclock & exit 0",
        "(sleep 1.5; exec xclock) & exit 0",  # a program that takes its time before its window is there
        f"xclock & {SHOWN}; exit 0",
        f"xclock & {SHOWN}; exit 3",  # a launcher's last line need not succeed
        "setsid sh -c 'setsid xclock & exit 0' & exit 0",
    ],
)
async def test_a_command_that_forks_and_returns_keeps_the_desktop_as_long_as_its_window(script, looks):
    async with managing() as manager:
        await manager.ensure("ann", "desktop", DesktopSpec(("/bin/sh", "-c", script)))
        tree = manager._entries["ann", "desktop"].desktop._tree
        environ = manager.environment("ann", "desktop")
        await asyncio.wait([tree.exited("session")], timeout=60)
        await eventually(lambda: x_client(environ, "xwininfo", "-name", "xclock").returncode == 0)
        await eventually(lambda: len(looks) > 2 or manager.state("ann", "desktop") is not State.UP)
        assert manager.state("ann", "desktop") is State.UP
        clocks = _pids_called("xclock") & descendants(os.getpid())
        assert clocks
        for pid in clocks:
            os.kill(pid, signal.SIGTERM)
        await eventually(lambda: manager.state("ann", "desktop") is not State.UP)
        assert manager.list("ann")[0]["message"] == "The desktop's session ended."


async def test_a_window_that_another_program_has_opened_for_the_command_keeps_the_desktop(home, looks):
    """As a terminal's server does, which the session's bus starts: it is no child of the command."""
    async with managing() as manager:
        await manager.ensure("ann", "desktop", DesktopSpec(("/bin/sh", "-c", UNTIL_GO)))
        environ = {"PATH": os.environ["PATH"], **manager.environment("ann", "desktop")}
        with subprocess.Popen(["xclock"], env=environ) as clock:
            await eventually(lambda: x_client(environ, "xwininfo", "-name", "xclock").returncode == 0)
            (home / "go").touch()
            tree = manager._entries["ann", "desktop"].desktop._tree
            await asyncio.wait([tree.exited("session")], timeout=60)
            await eventually(lambda: len(looks) > 2 or manager.state("ann", "desktop") is not State.UP)
            assert manager.state("ann", "desktop") is State.UP
            clock.terminate()
        await eventually(lambda: manager.state("ann", "desktop") is State.STOPPED)


@pytest.mark.parametrize("script", ["exit 0", "echo hello; exit 0"])
async def test_a_command_that_leaves_nothing_says_what_to_do(script, judged_in_time):
    async with managing() as manager:
        said = await refused(manager.ensure("ann", "desktop", DesktopSpec(("/bin/sh", "-c", script))))
        assert "has to run as long as the desktop" in said
        assert len(said) <= 123, "the rest does not fit into a close frame"


async def test_an_agent_that_a_command_leaves_behind_does_not_keep_the_desktop(home):
    (home / "ssh-agent").symlink_to("/bin/sleep")
    async with managing() as manager:
        script = f'"$HOME/ssh-agent" 300 & {UNTIL_GO}'
        await manager.ensure("ann", "desktop", DesktopSpec(("/bin/sh", "-c", script)))
        await eventually(lambda: _pids_called("ssh-agent") & descendants(os.getpid()))
        (home / "go").touch()
        await eventually(lambda: manager.state("ann", "desktop") is State.STOPPED)


async def test_a_command_that_hands_over_to_another_desktop_says_what_to_do(home, monkeypatch):
    """It ends a moment later, and nobody has seen a window."""
    monkeypatch.setattr(session_end, "SOON", 60)
    async with managing() as manager:
        await manager.ensure("ann", "desktop", DesktopSpec(("/bin/sh", "-c", UNTIL_GO)))
        (home / "go").touch()
        await eventually(lambda: manager.state("ann", "desktop") is State.STOPPED)
        assert "has to run as long as the desktop" in manager.list("ann")[0]["message"]


async def test_a_desktop_that_keeps_crashing_waits_for_a_person(judged_in_time):
    broken = DesktopSpec(("/bin/sh", "-c", "echo no such theme >&2; exit 1"))
    async with managing(crash_limit=2) as manager:
        for _ in range(2):
            with pytest.raises(DesktopFailed, match="session ended at once: no such theme"):
                await manager.ensure("ann", "desktop", broken)
        with pytest.raises(DesktopFailed, match=r"failed 2 times\. Start it again by hand\. .*no such theme"):
            await manager.ensure("ann", "desktop", broken)
        await manager.restart("ann", "desktop", CLOCK)
        assert manager.state("ann", "desktop") is State.UP


#: A server that starts a desktop, says where, and waits to be killed.
SERVER = """
import asyncio, sys
from jupyter_vnc.desktops.manager import DesktopManager
from jupyter_vnc.model.addresses import DesktopSpec

async def main():
    manager = DesktopManager()
    for name in ("one", "two"):
        print((await manager.ensure("ann", name, DesktopSpec())).path, flush=True)
    if "leave" not in sys.argv:
        await asyncio.sleep(300)

asyncio.run(main())
"""


@contextlib.contextmanager
def server(*arguments):
    command = [sys.executable, "-c", SERVER, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
        try:
            yield process
        except BaseException:
            process.kill()  # nobody else ends it, and its end is waited for
            raise


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, pytest.param(signal.SIGSEGV, marks=ENTIRE)])
def test_a_server_that_is_killed_takes_its_desktops_along(nothing_left, runtime_dir, number):
    """Not even at the next start: at once, and to the last file."""
    with server() as process:
        paths = [process.stdout.readline().strip() for _ in range(2)]
        assert all(greeting(path) == b"RFB 003.008\n" for path in paths)
        process.send_signal(number)
    assert census.wait_until_gone(nothing_left, runtime_dir).empty
    assert list(runtime_dir.iterdir()) == []


def test_a_server_that_forgets_to_close(nothing_left, runtime_dir):
    with server("leave") as process:
        process.communicate()
    assert census.wait_until_gone(nothing_left, runtime_dir).empty


async def test_the_next_server_sweeps_what_two_kills_left(nothing_left, runtime_dir):
    """Server and supervisors killed at the same moment: what the kernel did not kill, the next server does."""
    with server() as process:
        paths = [process.stdout.readline().strip() for _ in range(2)]
        supervisors = [pid for pid in descendants(process.pid) if _parent(pid) == process.pid]
        assert len(supervisors) == 2
        for pid in (*supervisors, process.pid):
            os.kill(pid, signal.SIGSTOP)
        servers = [pid for pid in descendants(process.pid) if _name(pid) == "Xtigervnc"]
        for pid in (*supervisors, process.pid):
            os.kill(pid, signal.SIGKILL)
    await eventually(lambda: not any(map(_is_alive, servers)))  # the kernel's doing
    assert Path(paths[0]).parents[1].is_dir()
    async with managing() as manager:
        await manager.ensure("ann", "one", CLOCK)
        assert not Path(paths[0]).parents[1].exists()
        assert await manager.sweep() == 0


def _is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def _parent(pid):
    """The parent of a process, 0 if it is gone: a session has programs that end at once."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


# -- starts that fail: a clear sentence each -----------------------------------------------------------------------


async def test_no_x_server_is_installed(monkeypatch):
    monkeypatch.setattr(xvnc, "CANDIDATES", ("/missing/Xvnc",))
    async with managing() as manager:
        assert not manager.available
        assert "apt-get install tigervnc-standalone-server" in manager.advice
        with pytest.raises(DesktopFailed, match="No X server with VNC is installed: run `apt-get install"):
            await manager.ensure("ann", "desktop", CLOCK)
        assert manager.state("ann", "desktop") is State.DOWN


async def test_the_configured_x_server_is_none():
    async with managing(xserver="/bin/true") as manager:
        assert manager.advice == "DesktopManager.xserver names '/bin/true', which is not a usable TigerVNC or TurboVNC."


async def test_no_session_is_installed(monkeypatch):
    monkeypatch.setattr(session, "SESSIONS", (session.SessionKind("Fvwm", ("no-such-window-manager",)),))
    monkeypatch.setattr(session, "TERMINALS", ())
    async with managing() as manager:
        with pytest.raises(DesktopFailed, match="No desktop session is installed: install one of Fvwm"):
            await manager.ensure("ann", "desktop", DesktopSpec())


@pytest.mark.parametrize(
    ("script", "patience", "sentence"),
    [
        ("echo bad; echo 'cannot load fonts' >&2; exit 1", 60.0, "The X server did not start: cannot load fonts"),
        ("exec sleep 300", 2.0, "The X server did not answer within 2 seconds."),
        ("kill -SEGV $$", 60.0, "The X server did not start."),
    ],
)
async def test_an_x_server_that_does_not_start(tmp_path, script, patience, sentence):
    async with managing(xserver=fake_xserver(tmp_path, script), start_timeout=patience) as manager:
        with pytest.raises(DesktopFailed) as caught:
            await manager.ensure("ann", "desktop", CLOCK)
        assert str(caught.value) == sentence
        assert manager.list("ann")[0] | {"since": ""} == {
            "name": "desktop",
            "state": "down",
            "since": "",
            "message": sentence,
        }


MUTE = """
exec python3 -c '
import socket, sys, time
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[sys.argv.index("-rfbunixpath") + 1])
listener.listen()
time.sleep(300)
' "$@"
"""


async def test_an_x_server_that_listens_but_says_nothing(tmp_path):
    async with managing(xserver=fake_xserver(tmp_path, MUTE), start_timeout=2.0) as manager:
        with pytest.raises(DesktopFailed, match="X server did not answer within 2 seconds"):
            await manager.ensure("ann", "desktop", CLOCK)


async def test_the_last_line_of_a_log_is_escaped_and_cut(judged_in_time):
    shout = DesktopSpec(("/bin/sh", "-c", "printf '<b>\\033[31m%0300d\\n' 7; exit 1"))
    async with managing() as manager:
        with pytest.raises(DesktopFailed) as caught:
            await manager.ensure("ann", "desktop", shout)
        assert "\x1b" not in str(caught.value)
        assert len(str(caught.value)) < 250


async def test_a_home_that_cannot_be_written(home):
    """A home that is gone: for root, too, nothing can be written there."""
    home.rmdir()
    async with managing() as manager:
        with pytest.raises(DesktopFailed, match=r"The home folder cannot be written \(No such file or directory\)"):
            await manager.ensure("ann", "desktop", CLOCK)


@contextlib.contextmanager
def mounted(folder, *options):
    """A small file system of its own."""
    require_root()
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join(["size=64k", *options]), "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(folder):
    """Write until nothing more can be written."""
    with (folder / "filler").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))


async def test_a_home_on_a_disk_that_is_read_only(home):
    with mounted(home, "ro"):
        async with managing() as manager:
            said = await refused(manager.ensure("ann", "desktop", CLOCK))
            assert said == (
                "The home folder cannot be written (Read-only file system), and a desktop keeps its settings there."
            )


async def test_a_full_disk_in_the_runtime_folder(runtime_dir):
    """It fills up after the folder was made; when there is room again, the desktop starts."""
    with mounted(runtime_dir):
        async with managing() as manager:
            await manager.ensure("ann", "other", CLOCK)
            fill(runtime_dir)
            said = await refused(manager.ensure("ann", "desktop", CLOCK))
            assert said == "The desktop's runtime folder cannot be written: No space left on device."
            assert manager.state("ann", "other") is State.UP
            assert len([*runtime_dir.glob("*/*/*/")]) == 1
            (runtime_dir / "filler").unlink()
            await manager.ensure("ann", "desktop", CLOCK)
        assert [*runtime_dir.iterdir()] == []


async def test_full_disks_wherever_a_runtime_folder_could_be(runtime_dir, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(runtime_dir))
    with mounted(runtime_dir):
        fill(runtime_dir)
        async with managing() as manager:
            said = await refused(manager.ensure("ann", "desktop", CLOCK))
            assert said.startswith("The server cannot make a private folder for the desktop's socket")
        assert [entry.name for entry in runtime_dir.iterdir()] == ["filler"]


async def test_an_x_server_that_hangs_while_it_runs_can_be_started_again():
    async with managing(stop_timeout=1.0) as manager:
        await manager.ensure("ann", "desktop", CLOCK)
        hung = pid_of(manager, "server")
        os.kill(hung, signal.SIGSTOP)
        address = await manager.restart("ann", "desktop", CLOCK)
        assert not _is_alive(hung)
        assert greeting(address.path) == b"RFB 003.008\n"


async def test_a_session_bus_that_does_not_start(monkeypatch, caplog):
    monkeypatch.setattr(session, "bus_command", lambda address: ("/bin/sh", "-c", "echo no config >&2; exit 1"))
    async with managing() as manager:
        await manager.ensure("ann", "desktop", CLOCK)
    assert "no D-Bus session bus: no config" in caplog.text


# -- use ----------------------------------------------------------------------------------------------------------


async def test_each_desktop_has_its_size_and_resolution():
    specs = {"small": ("400x300", 96), "sharp": ("1600x1200", 192)}
    async with managing() as manager:
        for name, (geometry, dpi) in specs.items():
            await manager.ensure("ann", name, DesktopSpec(("xclock",), geometry, dpi))
        for name, (geometry, dpi) in specs.items():
            said = x_client(manager.environment("ann", name), "xdpyinfo").stdout
            assert f"{geometry} pixels" in said
            assert f"{dpi}x{dpi} dots per inch" in said


async def test_the_users_own_xstartup_is_honoured(home):
    """If the admin says so: with what it starts beside itself, and with what it exports."""
    (home / ".vnc").mkdir()
    script = home / ".vnc" / "xstartup"
    script.write_text('#!/bin/sh\nunset SESSION_MANAGER\nexport MINE=1\nxclock &\nenv > "$HOME/env"\nexec openbox\n')
    spec = DesktopSpec(("~/.vnc/xstartup",))
    async with managing() as manager:
        script.chmod(0o644)
        said = await refused(manager.ensure("ann", "desktop", spec))
        assert said == "The program of this desktop, xstartup, is not installed, or may not be run."
        script.chmod(0o755)
        await manager.ensure("ann", "desktop", spec)
        await eventually(lambda: {"openbox", "xclock"} <= {*programs_of(manager, "session").values()})
        assert "MINE=1" in (home / "env").read_text().splitlines()


#: What TurboVNC would do, with the command line that it takes: it has none of TigerVNC's own options.
TURBO = """
for word; do case "$word" in
  -version) echo "TurboVNC Server (Xvnc) 64-bit v3.1.2 (build 20240722)"; exit 0 ;;
  -rfbport|-SecurityTypes|-UseBlacklist|-AlwaysShared|-SendPrimary*) echo "Unrecognized option: $word" >&2; exit 1 ;;
esac; done
for word; do
  shift
  case "$word" in -noprimarysync) set -- "$@" -rfbport -1 ;; *) set -- "$@" "$word" ;; esac
done
exec Xtigervnc "$@"
"""


async def test_turbovnc_is_recognized_by_its_output_and_gets_its_own_options(tmp_path):
    binary = tmp_path / "Xvnc"
    binary.write_text(f"#!/bin/sh\n{TURBO}")
    binary.chmod(0o755)
    async with managing(xserver=str(binary)) as manager:
        assert manager.server.flavour is xvnc.TURBOVNC
        address = await manager.ensure("ann", "desktop", CLOCK)
        assert greeting(address.path) == b"RFB 003.008\n"


async def test_sessions_have_a_bus_a_runtime_dir_and_no_locker(home):
    look = 'env > "$HOME/env"; dbus-send --session --print-reply --dest=org.freedesktop.DBus / '
    look += 'org.freedesktop.DBus.ListNames > "$HOME/bus"; exec sleep 300'
    async with managing(variables={"COLOUR": "blue"}) as manager:
        address = await manager.ensure("ann", "desktop", DesktopSpec(("/bin/sh", "-c", look)))
        folder = Path(address.path).parent
        await eventually(
            lambda: "org.freedesktop.DBus" in (((home / "bus").exists() and (home / "bus").read_text()) or "")
        )
        environ = dict(line.split("=", 1) for line in (home / "env").read_text().splitlines() if "=" in line)
        assert environ["DBUS_SESSION_BUS_ADDRESS"] == f"unix:path={folder}/bus"
        assert environ["XDG_RUNTIME_DIR"] == f"{folder}/run"
        assert environ["XDG_CONFIG_DIRS"] == f"{folder}/xdg:/etc/xdg"
        assert environ["COLOUR"] == "blue"
        assert environ["PWD"] == str(home)
        assert environ.items() >= manager.environment("ann", "desktop").items()


async def test_a_session_ends_while_its_display_is_there(home):
    """Programs can save what they have: the X server stops last."""
    script = 'trap "xdpyinfo > $HOME/seen; exit 0" TERM; touch $HOME/ready; while :; do sleep 0.05; done'
    async with managing() as manager:
        await manager.ensure("ann", "desktop", DesktopSpec(("/bin/sh", "-c", script)))
        await eventually((home / "ready").exists)
        await manager.stop("ann", "desktop")
    assert "dimensions:" in (home / "seen").read_text()


async def test_screen_lockers_may_be_allowed():
    async with managing(screen_lock=True) as manager:
        address = await manager.ensure("ann", "desktop", CLOCK)
        assert not (Path(address.path).parent / "xdg").exists()


async def test_an_idle_desktop_is_stopped_and_one_in_use_is_not(monkeypatch):
    """After an hour by the clock of the manager's records, which is the test's."""
    now = [0.0]
    real = record.Entry
    monkeypatch.setattr(manager_module, "Entry", lambda one: real(one, clock=lambda: now[0]))
    monkeypatch.setattr(housekeeping, "ROUND", 0.02)
    rounds = []
    begin = Runtime.touch
    monkeypatch.setattr(Runtime, "touch", lambda runtime: rounds.append(begin(runtime)))

    async def a_round():
        """A whole one, from now on: the next one has to begin, and another one after it."""
        before = len(rounds)
        await eventually(lambda: len(rounds) >= before + 2)

    async with managing(cull_idle_timeout=3600.0) as manager:
        await asyncio.gather(*(manager.ensure("ann", name, CLOCK) for name in ("seen", "used", "idle")))
        manager.attach("ann", "seen")
        for note in (manager.attach, manager.detach, manager.touch):
            note("ann", "unknown")
        now[0] = 3600.0
        manager.touch("ann", "used")
        await eventually(lambda: manager.state("ann", "idle") is State.STOPPED)
        await a_round()
        assert {row["name"]: row["message"] for row in manager.list("ann")} == {
            "seen": "",
            "used": "",
            "idle": "The desktop was idle without a viewer, so it was stopped.",
        }
        manager.detach("ann", "seen")
        now[0] = 7100.0
        manager.touch("ann", "used")
        await a_round()
        assert manager.state("ann", "seen") is State.UP
        now[0] = 7200.0
        await eventually(lambda: manager.state("ann", "seen") is State.STOPPED)
        await a_round()
        assert manager.state("ann", "used") is State.UP


def test_the_server_finds_its_programs_before_conda(monkeypatch, tmp_path):
    """A broken xkbcomp and dbus-daemon first on PATH, as an environment manager may have them, change nothing."""
    for name in ("xkbcomp", "dbus-daemon"):
        (tmp_path / name).write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    async def start():
        async with managing() as manager:
            await manager.ensure("ann", "desktop", CLOCK)
            assert _name(pid_of(manager, "bus")) == "dbus-daemon"
            assert "xkb" not in manager.log_text("ann", "desktop").lower()

    asyncio.run(start())


def test_fixtures_can_fail(nothing_left):
    """The census sees a process and a file that stay."""
    with contextlib.ExitStack() as stack:
        process = subprocess.Popen(["sleep", "60"])
        stack.callback(process.wait)
        stack.callback(process.kill)
        folder = Path(f"/tmp/jupyter-vnc-census-{time.time_ns()}")
        folder.mkdir()
        stack.callback(shutil.rmtree, folder)
        new = census.take().new_since(nothing_left)
        assert len(new.processes) == 1
        assert str(folder) in new.files  # others' may come and go


#: Somebody else's desktop, as far as the census sees it: a locked runtime folder, and sockets of both kinds.
STRANGER = """
import socket, sys
from pathlib import Path
folder, name = Path(sys.argv[1]), sys.argv[2]
folder.mkdir()
lock = (folder / "lock").open("w")
sockets = [socket.create_server(path, family=socket.AF_UNIX) for path in (f"/tmp/dbus-{name}", chr(0) + name)]
print(flush=True)
sys.stdin.read()
"""


def test_the_census_leaves_out_what_others_do(nothing_left):
    """A process that is not ours, and what it has; once it is gone, what it left counts."""
    name = f"census-{time.time_ns()}"
    folder, bus = Path(f"/tmp/jupyter-vnc-{name}"), Path(f"/tmp/dbus-{name}")
    census.adopt_orphans(False)
    # A shell that ends at once leaves its child to init.
    command = ["sh", "-c", 'exec 3<&0; "$@" <&3 & exit', "sh", sys.executable, "-c", STRANGER, str(folder), name]
    try:
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as shell:
            assert shell.stdout.readline() == b"\n"
            shell.wait(60)
            assert folder.exists()
            assert bus.exists()
            assert census.wait_until_gone(nothing_left).empty
            shell.stdin.close()
            assert shell.stdout.read() == b""  # it has ended
        assert {str(folder), str(bus)} <= census.take().new_since(nothing_left).files
    finally:
        census.adopt_orphans()
        shutil.rmtree(folder, ignore_errors=True)
        bus.unlink(missing_ok=True)
