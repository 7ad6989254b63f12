"""Idle servers: a desktop that is only viewed is culled with its server, one in use keeps it."""

import asyncio
import sys
import tempfile
from pathlib import Path

import pytest

from tests.hub import hub as hubs
from tests.hub.conftest import looking, until
from tests.hub.user_servers.test_user_servers import x_servers
from tests.needs import require

#: Seconds without input after which a server goes; pings come and are answered in between.
IDLE = 12
SERVER = """
c.VNCBroker.targets = {"desk": {"desktop": {"command": ["xclock", "-update", "1"], "geometry": "320x240"}}}
c.VNCBroker.ping_interval = 2
"""
HUB = """
c.JupyterHub.activity_resolution = 0
c.Spawner.poll_interval = 1
c.Spawner.args = ["--allow-root"]
c.Spawner.environment = {{
    "PYTHONPATH": {root!r},
    "JUPYTER_CONFIG_PATH": {folder!r} + "/server",
    "JUPYTERHUB_ACTIVITY_INTERVAL": "1",
}}
"""
#: Configuration of servers and hub for each of the two ways that the documentation tells.
BY_THE_CULLER = (
    "",
    """
c.JupyterHub.last_activity_interval = 0
c.JupyterHub.services.append({{
    "name": "culler",
    "command": [{python!r}, "-m", "jupyterhub_idle_culler", "--timeout={idle}", "--cull-every=1"],
}})
c.JupyterHub.load_roles.append({{
    "name": "culler",
    "services": ["culler"],
    "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
}})
""",
)
BY_THEMSELVES = (
    f"c.ServerApp.shutdown_no_activity_timeout = {IDLE}\n",
    "c.JupyterHub.last_activity_interval = 1\n",
)

pytestmark = [pytest.mark.endurance, pytest.mark.timeout(300)]


@pytest.fixture(params=[BY_THE_CULLER, BY_THEMSELVES], ids=["by-the-culler", "by-themselves"])
def hub(request):
    require("Xtigervnc", "xclock", "dbus-daemon")
    with tempfile.TemporaryDirectory(prefix="jvh-") as name:
        folder = Path(name)
        (folder / "server").mkdir()
        (folder / "server" / "jupyter_server_config.py").write_text(SERVER + request.param[0])
        values = {"root": str(hubs.ROOT), "folder": name, "python": sys.executable, "idle": IDLE}
        more = (HUB + request.param[1]).format(**values)
        with hubs.running(folder, "c.VNCBroker.targets = {}\n", more=more) as running:
            yield running


def arrive(hub, name):
    """A user in their own server."""
    person = hub.person(name).at(name)
    hub.start_servers(name)
    assert person.enter().ok
    return person


async def keep(viewer, work):
    """View, and send input now and then if ``work`` is set."""
    while True:
        await viewer.pixel(5, 5)
        if work:
            await viewer.key("k")
        await asyncio.sleep(1)


async def test_a_server_that_is_only_viewed_is_culled_and_one_in_use_is_not(hub):
    ann, amy = arrive(hub, "ann"), arrive(hub, "amy")
    async with looking(ann, "desk") as idle, looking(amy, "desk") as busy:
        assert len(x_servers(hub)) == 2
        typing = asyncio.create_task(keep(busy, work=True))
        watching = asyncio.create_task(keep(idle, work=False))
        await until(lambda: not hub.server("ann"), limit=120)
        await until(lambda: len(x_servers(hub)) == 1)
        # Twice as long as the other was given.
        await asyncio.sleep(2 * IDLE)
        assert not typing.done()
        assert hub.server("amy")["ready"]
        typing.cancel()
        watching.cancel()
        await asyncio.gather(typing, watching, return_exceptions=True)
    assert "Traceback" not in hub.log()
