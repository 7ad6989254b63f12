"""A real Jupyter server with desktops: started, used, stopped, crashed, killed; and the machine as it was before."""

import os
import secrets
import signal
import threading
from contextlib import closing

import pytest

from jupyter_vnc.notebook.server import NotebookError, Server
from jupyter_vnc.notebook.viewer import Viewer
from tests.browser.conftest import JupyterServer, wait_for
from tests.desktops import census

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("nothing_left")]

SESSIONS = {"desktop": [], "clock": ["xclock"], "slow": ["/bin/sh", "-c", "exec xterm -e sleep 300"]}
#: Seconds of patience with an X server that hangs. On a busy machine a healthy one may need more: it is tried again.
GREETING = 5.0


@pytest.fixture
def jupyter(tmp_path):
    """A server with desktops, the first of them the kernels', and for one of them little patience."""
    token = secrets.token_hex(16)
    targets = {
        name: {"desktop": {"command": command, "geometry": "320x240"} if command else {}}
        for name, command in SESSIONS.items()
    }
    targets["hung"] = targets["clock"] | {"handshake_timeout": GREETING}
    config = f"c.VNCBroker.targets = {targets!r}\nc.IdentityProvider.token = {token!r}\n"
    config += "c.DesktopManager.stop_timeout = 2.0\n"
    folder = tmp_path / "server"
    folder.mkdir()
    server = JupyterServer(folder, config, lambda one: one.get(f"api/targets?token={token}"))
    server.start()
    server.rest = Server(server.root.removesuffix("vnc/"), token)
    try:
        assert wait_for(lambda: "get the display of the desktop" in server.log.read_text())
        yield server
    finally:
        server.kill()


def desktops(jupyter):
    return {row["name"]: row["state"] for row in jupyter.rest.call("GET", "api/desktops")}


def start(jupyter, name):
    jupyter.rest.call("POST", f"api/desktops/{name}", {"action": "start"})


def x_servers(before):
    """The X servers that are new."""
    rows = (row.split(" ", 2) for row in census.take().new_since(before).processes)
    return {title.split("-desktop ")[1].split()[0]: int(pid) for pid, _, title in rows if "-desktop " in title}


def as_it_was(now, then):
    """Whether nothing is there that was not then; of what holds the kernels' display, as many processes."""
    new = now.new_since(then)
    return not (new.sockets or new.files) and len(now.processes) == len(then.processes)


def size(jupyter, name):
    """The size of a desktop's picture; None if there was none in time."""
    try:
        with closing(Viewer(jupyter.rest, name)) as viewer:
            return viewer.image().size
    except NotebookError:
        return None


def hang_and_restart(jupyter, before):
    """An X server that hangs is reported, and can be restarted."""
    start(jupyter, "hung")
    hung = x_servers(before)["hung"]
    os.kill(hung, signal.SIGSTOP)
    with pytest.raises(NotebookError, match=r"The desktop did not finish its greeting in time\."):
        Viewer(jupyter.rest, "hung").image()
    jupyter.rest.call("POST", "api/desktops/hung", {"action": "restart"})
    assert x_servers(before)["hung"] != hung
    assert wait_for(lambda: size(jupyter, "hung") == (320, 240), 100)
    jupyter.rest.call("DELETE", "api/desktops/hung")


def test_start_use_stop_hang_crash_and_sigkill_of_jupyter(jupyter, nothing_left):
    folder = jupyter.folder / "jr"
    settled = {"jupyter_server", "vnc-caretaker"}  # not yet: Jupyter asks npm something when it starts
    assert wait_for(lambda: len(census.take().new_since(nothing_left).processes) == len(settled))
    idle = census.take(folder)
    for name in SESSIONS:
        start(jupyter, name)
    viewers = [Viewer(jupyter.rest, name) for name in SESSIONS]
    for viewer in viewers:
        assert viewer.image().size[0] >= 320
        viewer.key(0x61, down=True)
        viewer.key(0x61, down=False)
    for viewer in viewers:
        viewer.close()
    for name in SESSIONS:
        jupyter.rest.call("DELETE", f"api/desktops/{name}")
    assert wait_for(lambda: as_it_was(census.take(folder), idle)), (idle, census.take(folder))

    hang_and_restart(jupyter, idle)
    assert wait_for(lambda: as_it_was(census.take(folder), idle)), (idle, census.take(folder))

    for name in SESSIONS:
        start(jupyter, name)
    for pid in x_servers(idle).values():
        os.kill(pid, signal.SIGSEGV)
    assert wait_for(lambda: {desktops(jupyter)[name] for name in SESSIONS} == {"down"}), desktops(jupyter)
    assert wait_for(lambda: as_it_was(census.take(folder), idle)), (idle, census.take(folder))

    start(jupyter, "desktop")
    start(jupyter, "clock")
    with_viewer = Viewer(jupyter.rest, "clock")
    late = threading.Thread(target=_start_in_vain, args=(jupyter, "slow"))
    late.start()
    jupyter.kill()  # while one is looked at and another starts
    late.join(30)
    with_viewer.close()
    assert wait_for(lambda: not [*folder.glob("jupyter-vnc*")]), [*folder.rglob("*")]
    left = census.wait_until_gone(nothing_left)
    assert left.empty, left


def _start_in_vain(jupyter, name):
    try:
        start(jupyter, name)
    except NotebookError:
        return
