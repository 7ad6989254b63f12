"""A desktop's sound server: the real PulseAudio, as programs on the desktop and kernels find it."""

import asyncio
import contextlib
import os
import signal
import stat
import subprocess
from pathlib import Path

import pytest

from jupyter_vnc.desktops.manager import DesktopManager
from jupyter_vnc.desktops.readiness import free_displays
from jupyter_vnc.desktops.sound import pulseaudio, sound
from jupyter_vnc.desktops.x11.lazy_display import LazyDisplay
from jupyter_vnc.model.addresses import DesktopSpec
from jupyter_vnc.model.targets import State
from tests.desktops.sound.tones import TONE, frequency, record, tone
from tests.needs import require

CLOCK = DesktopSpec(command=("xclock",), geometry="640x480")
SILENT = DesktopSpec(command=("xclock",), geometry="640x480", sound=False)
SINKS = ("pactl", "list", "short", "sinks")

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("nothing_left")]


@contextlib.asynccontextmanager
async def managing(**traits):
    require("pulseaudio", "pactl", "pacat")
    manager = DesktopManager(**traits)
    try:
        yield manager
    finally:
        await manager.close()


async def eventually(condition):
    async with asyncio.timeout(60):
        while not (value := condition()):
            await asyncio.sleep(0.05)
        return value


def ask(environment, *command):
    environ = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **environment}
    return subprocess.run(command, env=environ, capture_output=True, timeout=60, check=False).stdout.decode()


def tree_of(manager):
    return manager._entries["ann", "desktop"].desktop._tree


def pid_of(manager, name=pulseaudio.NAME):
    started = tree_of(manager)._started.get(name)
    return started.result() if started is not None and started.done() else None


@contextlib.asynccontextmanager
async def heard(**traits):
    """A desktop whose sound server answers, and what programs need for it."""
    async with managing(**traits) as manager:
        await manager.ensure("ann", "desktop", CLOCK)
        environ = manager.environment("ann", "desktop")
        await eventually(lambda: "desktop" in ask(environ, *SINKS))
        await eventually(lambda: stat.S_IMODE(socket_of(environ).stat().st_mode) == 0o600)
        yield manager, environ


def socket_of(environ):
    return Path(environ["PULSE_SERVER"].removeprefix("unix:"))


def environ_of(pid):
    """The environment of a process."""
    pairs = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return dict(pair.decode().split("=", 1) for pair in pairs if b"=" in pair)


def links_of(pid):
    """What a process has open; one that has closed a file meanwhile does not have it."""
    found = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(link.readlink())
    return found


async def test_a_tone_that_a_program_plays_can_be_recorded():
    async with heard() as (_, environ):
        assert frequency(await record(os.environ | environ, tone(2.0))) == pytest.approx(TONE, abs=1.0)


async def test_it_comes_back_after_it_was_killed(monkeypatch, caplog):
    monkeypatch.setattr(sound, "STARTS", (0.0, 0.1))
    async with heard() as (manager, environ):
        first = pid_of(manager)
        os.kill(first, signal.SIGKILL)
        await eventually(lambda: pid_of(manager) not in {first, None})
        await eventually(lambda: "desktop" in ask(environ, *SINKS))
        assert "its sound server has ended" in caplog.text


async def test_one_that_ends_again_and_again_is_given_up(monkeypatch, caplog):
    monkeypatch.setattr(sound, "STARTS", (0.0, 0.01))
    async with managing() as manager:
        await manager.ensure("ann", "desktop", CLOCK)
        assert manager.has_sound("ann", "desktop", CLOCK)
        for _ in range(2):
            pid = await eventually(lambda: pid_of(manager))
            await eventually(lambda: "desktop" in ask(manager.environment("ann", "desktop"), *SINKS))
            os.kill(pid, signal.SIGKILL)
            await eventually(lambda pid=pid: pid_of(manager) != pid or "ended 2 times" in caplog.text)
        await eventually(lambda: "goes without sound: its server ended 2 times" in caplog.text)
        await eventually(lambda: not manager.has_sound("ann", "desktop", CLOCK))
        assert manager.has_sound("ann", "another", CLOCK)


async def test_only_its_own_account_and_only_a_socket_reaches_it():
    async with heard() as (manager, environ):
        folder = socket_of(environ).parent
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        modules = ask(environ, "pactl", "list", "short", "modules")
        assert "module-native-protocol-unix" in modules
        assert "tcp" not in modules
        assert not any(Path("/dev/shm") in link.parents for link in links_of(pid_of(manager)))


async def test_programs_can_neither_extend_nor_end_it():
    async with heard() as (manager, environ):
        pid = pid_of(manager)
        modules = ask(environ, "pactl", "list", "short", "modules")
        ask(environ, "pactl", "load-module", "module-null-sink", "sink_name=another")
        ask(environ, "pactl", "exit")
        assert ask(environ, "pactl", "list", "short", "modules") == modules != ""
        assert pid_of(manager) == pid


async def test_nothing_is_left_in_the_home_folder_or_in_shared_memory(home):
    shared = Path("/dev/shm")
    before = {path.name for path in shared.iterdir()}
    # The user's own configuration would be read, were there any.
    settings = home / ".config" / "pulse" / "daemon.conf"
    settings.parent.mkdir(parents=True)
    settings.write_text("nonsense = here\n")
    async with heard() as (manager, environ):
        await record(os.environ | environ, tone(1.5))
        os.kill(pid_of(manager), signal.SIGKILL)
    assert [path for path in home.rglob("*") if path.is_file()] == [settings]
    # Those of other programs on the machine come and go.
    await eventually(lambda: not any(path.name not in before for path in shared.glob("pulse*")))


async def test_it_starts_before_the_session(monkeypatch):
    """So that a program that plays from its start on finds it."""
    states = []
    start = sound.Sound.start

    async with managing() as manager:

        def noted(self, tree, environ):
            states.append((manager.state("ann", "desktop").value, sorted(tree._started)))
            start(self, tree, environ)

        monkeypatch.setattr(sound.Sound, "start", noted)
        await manager.ensure("ann", "desktop", CLOCK)
        ((state, started),) = states
        assert state == "starting"
        assert "server" in started
        assert not {"session", pulseaudio.NAME} & {*started}


async def test_the_first_picture_does_not_wait_for_it(monkeypatch):
    monkeypatch.setattr(pulseaudio, "command", lambda path, socket: ("sleep", "60"))
    async with managing() as manager:
        await manager.ensure("ann", "desktop", CLOCK)
        environ = manager.environment("ann", "desktop")
        assert not socket_of(environ).exists()
        await eventually(lambda: pid_of(manager))


async def test_kernels_are_told_before_the_desktop_runs():
    async with managing() as manager:
        reserved = await manager.reserve("ann", "desktop", CLOCK)
        await manager.ensure("ann", "desktop", CLOCK)
        assert reserved["PULSE_SERVER"] == manager.environment("ann", "desktop")["PULSE_SERVER"]


async def test_the_administrators_own_server_is_used():
    async with managing(variables={"PULSE_SERVER": "unix:/elsewhere"}) as manager:
        assert "PULSE_SERVER" not in await manager.reserve("ann", "desktop", CLOCK)
        await manager.ensure("ann", "desktop", CLOCK)
        assert "PULSE_SERVER" not in manager.environment("ann", "desktop")
        assert environ_of(pid_of(manager, "session"))["PULSE_SERVER"] == "unix:/elsewhere"
        assert pid_of(manager) is None


async def test_a_desktop_without_sound_has_none_of_anothers(monkeypatch):
    """Kernels have been told of the first desktop's server, and the server's own environment has it since."""
    async with heard() as (manager, environ):
        monkeypatch.setenv("PULSE_SERVER", environ["PULSE_SERVER"])
        await manager.ensure("ann", "silent", SILENT)
        session = manager._entries["ann", "silent"].desktop._tree._started["session"].result()
        assert "PULSE_SERVER" not in environ_of(session)


async def test_a_desktop_without_sound_has_what_the_server_was_started_with(monkeypatch):
    monkeypatch.setenv("PULSE_SERVER", "unix:/own")
    async with managing() as manager:
        await manager.ensure("ann", "desktop", SILENT)
        assert environ_of(pid_of(manager, "session"))["PULSE_SERVER"] == "unix:/own"
        assert pid_of(manager) is None


async def test_the_names_of_another_servers_devices_do_not_reach_a_desktop(monkeypatch):
    monkeypatch.setenv("PULSE_SINK", "of-another-server")
    async with managing() as manager:
        await manager.ensure("ann", "desktop", CLOCK)
        environ = environ_of(pid_of(manager, "session"))
        assert "PULSE_SINK" not in environ
        assert environ["PULSE_SERVER"] == manager.environment("ann", "desktop")["PULSE_SERVER"]


@pytest.mark.parametrize("missing", ["pulseaudio", "pcmflux"])
async def test_without_pulseaudio_or_the_extra_there_is_none_and_the_log_says_so_once(missing, monkeypatch, caplog):
    caplog.set_level("INFO")
    if missing == "pcmflux":
        monkeypatch.setattr(pulseaudio, "has_library", lambda: False)
    else:
        which = pulseaudio.session.which
        monkeypatch.setattr(pulseaudio.session, "which", lambda name: None if name == missing else which(name))
    async with managing() as manager:
        for name in ("desktop", "other"):
            await manager.ensure("ann", name, CLOCK)
            assert "PULSE_SERVER" not in manager.environment("ann", name)
        assert pid_of(manager) is None
    assert caplog.text.count("so desktops have no sound") == 1


async def test_a_listener_does_not_keep_a_desktop_whose_application_has_ended(tmp_path):
    """Neither the sound server nor the streamer is something that the application has left."""
    done = tmp_path / "done"
    command = ("sh", "-c", f"while [ ! -e {done} ]; do sleep 0.05; done")
    async with managing() as manager:
        await manager.ensure("ann", "desktop", DesktopSpec(command=command, geometry="640x480"))
        await eventually(lambda: "desktop" in ask(manager.environment("ann", "desktop"), *SINKS))
        _, writer = await manager.listen("ann", "desktop")
        done.touch()
        await eventually(lambda: manager.state("ann", "desktop") is State.STOPPED)
        writer.close()


@contextlib.contextmanager
def users_bus(folder):
    """The session bus of a user who is logged in to the machine; its address."""
    address = f"unix:path={folder}/users-bus"
    command = ("dbus-daemon", "--session", "--nofork", "--nopidfile", f"--address={address}", "--print-address")
    with subprocess.Popen(command, stdout=subprocess.PIPE) as daemon:
        try:
            assert daemon.stdout.readline().startswith(b"unix:")
            yield address
        finally:
            daemon.terminate()


async def test_two_desktops_on_one_session_bus_have_sound(tmp_path, monkeypatch):
    """PulseAudio ends where another has its name on the bus."""
    with users_bus(tmp_path) as address:
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
        async with heard() as (manager, _):
            await manager.ensure("ann", "second", CLOCK)
            await eventually(lambda: "desktop" in ask(manager.environment("ann", "second"), *SINKS))


async def test_sound_rings_at_no_display(desktop_folder, monkeypatch):
    """Kernels are told of a display that starts when a window is opened on it, and the server's environment has it."""
    rings, display = [], next(free_displays("doorbell"))
    bell = LazyDisplay(display, desktop_folder)
    bell.listen(lambda: rings.append(display))
    monkeypatch.setenv("DISPLAY", f":{display}")
    try:
        async with heard() as (manager, _):
            _, writer = await manager.listen("ann", "desktop")
            for name in (pulseaudio.NAME, sound.STREAMER):
                assert not {"DISPLAY", "XDG_RUNTIME_DIR"} & environ_of(pid_of(manager, name)).keys()
            writer.close()
    finally:
        bell.close()
    assert rings == []
