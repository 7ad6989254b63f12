"""Two users with a Jupyter server each, three desktops in each, on one machine at once: each has their own."""

import contextlib
import os
import pwd
import secrets
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from jupyter_vnc.desktops.ownership import trust
from jupyter_vnc.notebook.server import NotebookError, Server
from jupyter_vnc.notebook.viewer import Viewer
from tests.belongings import displays
from tests.browser.conftest import JupyterServer, wait_for
from tests.desktops import census, somebody_else, stranger
from tests.needs import require_root

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("nothing_left")]

USERS = ("daemon", "nobody")
#: A colour for each desktop of each user, so that a picture says whose it is.
COLOURS = {
    user: {name: (200 - 80 * first, 40, 60 + 80 * second) for second, name in enumerate(("one", "two", "three"))}
    for first, user in enumerate(USERS)
}


@contextlib.contextmanager
def jupyter_of(user):
    """A whole Jupyter server that runs as a user, in a folder that others may look into; ended with SIGTERM."""
    account = pwd.getpwnam(user)
    with tempfile.TemporaryDirectory(prefix=f"jv-{user[0]}-") as name, contextlib.ExitStack() as stack:
        folder, token = Path(name), secrets.token_hex(16)
        clocks = {name: ["xclock", "-bg", "#{:02x}{:02x}{:02x}".format(*one)] for name, one in COLOURS[user].items()}
        targets = {name: {"desktop": {"command": clock, "geometry": "320x240"}} for name, clock in clocks.items()}
        config = f"c.VNCBroker.targets = {targets!r}\nc.IdentityProvider.token = {token!r}\n"
        (folder / "view").mkdir()
        (folder / "xdg").mkdir(mode=0o700)
        before = somebody_else.command(account.pw_uid, folder / "view")
        before += ["env", f"XDG_RUNTIME_DIR={folder / 'xdg'}", f"USER={user}", f"LOGNAME={user}"]
        server = JupyterServer(folder, config, lambda one: one.get(f"api/targets?token={token}"), before)
        for path in (folder, *folder.iterdir()):
            os.chown(path, account.pw_uid, account.pw_gid)
        folder.chmod(0o755)
        server.uid, server.colours = account.pw_uid, COLOURS[user]
        server.rest = Server(server.root.removesuffix("vnc/"), token)
        stack.callback(server.kill)
        server.start()
        assert wait_for(lambda: "get the display of the desktop" in server.log.read_text())
        yield server
        server.stop()
        assert server._process.returncode == 0
        assert [*folder.rglob("jupyter-vnc*")] == []
        # dbus-daemon makes these in a user's runtime directory; all session buses of that user share them.
        assert {*(folder / "xdg").rglob("*")} <= {folder / "xdg/dbus-1", folder / "xdg/dbus-1/services"}


def start(server, name):
    server.rest.call("POST", f"api/desktops/{name}", {"action": "start"})


def doors(server):
    """Of each running desktop of a server: socket, display, cookie."""
    for folder, display in displays(server.folder / "jr").items():
        if (folder / "rfb.sock").exists():
            yield str(folder / "rfb.sock"), f":{display}", str(folder / "Xauthority")


def x_servers(before):
    """The uids of the X servers that are new."""
    rows = (row.split(" ", 2) for row in census.take().new_since(before).processes)
    return sorted(psutil.Process(int(pid)).uids().real for pid, _, title in rows if "-rfbunixpath" in title)


def test_two_jupyters_with_three_desktops_each(nothing_left):
    require_root()
    trust.prepare(trust.X_SOCKETS)  # as a system does at its start: one user's own would not be trusted by the other
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(6) as pool:
        servers = [stack.enter_context(jupyter_of(user)) for user in USERS]
        every = [(server, name) for server in servers for name in server.colours]
        for one in [pool.submit(start, *each) for each in every]:
            one.result()
        for server in servers:
            rows = server.rest.call("GET", "api/desktops")
            assert {row["name"]: row["state"] for row in rows} == dict.fromkeys(server.colours, "up")

        found = {server.uid: [*doors(server)] for server in servers}
        assert len({display for rows in found.values() for _, display, _ in rows}) == 6
        assert x_servers(nothing_left) == sorted([uid for uid in found for _ in range(3)])
        for uid, rows in found.items():
            for row in rows:
                assert [Path(path).stat().st_uid for path in (row[0], row[2])] == [uid, uid]
                assert {one: stranger.attempts(one, *row) for one in found} == {
                    one: stranger.OWN if one == uid else stranger.OTHER for one in found
                }

        viewers = [Viewer(server.rest, name) for server, name in every]
        for viewer, (server, name) in zip(viewers, every, strict=True):
            assert wait_for(lambda: viewer.image().getpixel((2, 2)) == server.colours[name])  # noqa: B023
        for server in servers:
            assert {row["target"] for row in server.rest.call("GET", "api/sessions")} == set(server.colours)
        for viewer in viewers:
            viewer.close()
        for server, other in (servers, servers[::-1]):
            with pytest.raises(NotebookError, match="Forbidden"):
                Server(server.rest.url, other.rest.token).call("GET", "api/targets")
