"""A hub for a module's tests, and VNC servers whose backgrounds tell them apart."""

import asyncio
from contextlib import ExitStack, asynccontextmanager

import pytest

from tests.hub import hub as hubs
from tests.integration import real
from tests.integration.viewer import Viewer
from tests.needs import require

METRICS_TOKEN = "t0ken-of-prometheus"
COLOURS = {"a1": "#a01010", "a2": "#a06010", "b1": "#1010a0"}


def targets(servers, **groups):
    """The configuration of targets, as an admin writes it."""
    keys = {name: server.keys() | {"allow_groups": [groups[name]]} for name, server in servers.items()}
    return f"c.VNCBroker.targets = {keys!r}\n"


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """Real VNC servers with passwords."""
    require("Xtigervnc")
    with ExitStack() as stack:
        started = {}
        for name, colour in COLOURS.items():
            folder = tmp_path_factory.mktemp(name)
            server = stack.enter_context(real.tigervnc(folder, password="s3cret-99", unix=name == "a2"))
            server.run("xsetroot", "-solid", colour)
            started[name] = server
        yield started


@pytest.fixture(scope="module")
def hub(tmp_path_factory, servers):
    """A hub with two courses; sessions are rechecked each second."""
    config = targets(servers, a1="course-a", a2="course-a", b1="course-b")
    folder = tmp_path_factory.mktemp("hub")
    (folder / "metrics-token").write_text(METRICS_TOKEN)
    (folder / "metrics-token").chmod(0o600)
    config += 'c.VNCBroker.recheck_interval = 1\nc.VNCHub.metrics_token_file = "metrics-token"\n'
    with hubs.running(folder, config) as running:
        yield running


@pytest.fixture
def enter(hub):
    """Somebody who has opened the service's page."""

    def enter(name):
        person = hub.person(name)
        assert person.enter().ok
        return person

    return enter


@asynccontextmanager
async def looking(person, target, *, notes=True, **more):
    """Somebody at a target, logged in up to the first pixels."""
    websocket = await person.open(target, *(["vnc.notes"] if notes else []), **more)
    try:
        yield await Viewer(websocket).log_in()
    finally:
        websocket.close()


async def until(condition, limit=30):
    """Wait for something to become true."""
    async with asyncio.timeout(limit):
        while not condition():
            await asyncio.sleep(0.05)
