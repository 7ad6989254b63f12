"""Everything killed at random moments of a start and of a run: the next server finds all of it and removes it."""

import asyncio
import contextlib
import fcntl
import os
import random
import selectors
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from jupyter_vnc.desktops.manager import DesktopManager
from jupyter_vnc.desktops.processes.procfs import descendants, marked
from tests.browser.conftest import wait_for
from tests.desktops import census

pytestmark = pytest.mark.real

ROOT = Path(__file__).parents[2]

#: A server: the display of kernels waits, a window rings, and the desktop starts.
SERVER = textwrap.dedent(
    """
    import asyncio, logging, socket, sys
    from jupyter_vnc.model.addresses import DesktopSpec
    from jupyter_vnc.desktops.kernel_display import KernelDisplay
    from jupyter_vnc.desktops.manager import DesktopManager
    from jupyter_vnc.desktops.processes.procfs import x_socket

    SPEC = DesktopSpec(command=("xclock",), geometry="320x240")

    async def main():
        manager = DesktopManager(log=logging.getLogger("server"))
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        await manager.sweep()
        told = {}
        kernels = KernelDisplay(manager, ("ann", "desktop", SPEC), told.update)
        manager.on_change = lambda user, name, state: kernels.changed(user, name, state)
        await kernels.open(rings=True)
        window = socket.socket(socket.AF_UNIX)
        window.connect(str(x_socket(int(told["DISPLAY"][1:]))))
        await asyncio.gather(manager.ensure("ann", "desktop", SPEC), manager.ensure("ann", "other", SPEC))
        print("up", flush=True)
        while True:
            await manager.restart("ann", "other", SPEC)

    asyncio.run(main())
    """
)


def server():
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    assert process.stdout.readline() == b"ready\n"
    process.stdin.write(b"\n")
    process.stdin.flush()
    return process


async def sweep():
    """What the next server does when it starts."""
    manager = DesktopManager()
    await manager.sweep()
    await manager.close()


def are_released(locks):
    """Whether nobody has the locks of servers any more: a process that was killed has them until it is gone."""
    for lock in locks:
        with contextlib.suppress(FileNotFoundError), lock.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
    return True


def victims(process, runtime_dir, whom):
    """Whom to kill: the server, its children too (supervisors, the caretaker), or all that there is."""
    found = [process.pid]
    if whom != "server":
        children = {pid for pid in descendants(process.pid) if _parent(pid) == process.pid}
        found += children if whom == "supervisors" else descendants(process.pid)
    if whom == "all":
        found += [pid for folder in runtime_dir.glob("jupyter-vnc/*/*/") for pid in marked(str(folder))]
    return found


def _parent(pid):
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def kill_at(process, moment, runtime_dir, whom):
    """Kill at a moment (seconds from the beginning); return whether it was up."""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        up = bool(selector.select(moment))
    if up:
        time.sleep(moment / 4)
    for pid in victims(process, runtime_dir, whom):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    process.wait()
    process.stdin.close()
    process.stdout.close()
    return up


@pytest.mark.parametrize(
    "rounds", [6, pytest.param(100, marks=[pytest.mark.endurance, pytest.mark.timeout(1800)])], ids=["short", "long"]
)
def test_whatever_is_killed_whenever_nothing_stays(nothing_left, runtime_dir, rounds):
    seed = random.randrange(10**6)
    chance, tally = random.Random(seed), {}
    for number in range(rounds):
        whom, moment = ("server", "supervisors", "all")[number % 3], chance.uniform(0, 2.0) ** 2 / 2
        up = kill_at(server(), moment, runtime_dir, whom)
        tally[whom, "run" if up else "start"] = tally.get((whom, "run" if up else "start"), 0) + 1
        # Supervisors that are left do it; what they cannot know of is the next server's.
        assert wait_for(lambda: are_released(runtime_dir.glob("jupyter-vnc/*/lock")), 60)
        asyncio.run(sweep())
        left = census.wait_until_gone(nothing_left, runtime_dir)
        assert left.empty, (seed, number, whom, moment, left)
        assert list(runtime_dir.iterdir()) == [], (seed, number, whom, moment)
    print(f"seed {seed}, killed: {tally}")  # noqa: T201 - `make endurance` shows what was measured
