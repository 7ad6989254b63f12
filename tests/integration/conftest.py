"""Fixtures: Jupyter's server with the extension, and real VNC servers for it (see ``real.py``)."""

import logging
import sys
from contextlib import ExitStack, asynccontextmanager

import pytest

from jupyter_vnc.config.targets import parse_target
from tests.integration.viewer import Viewer


@pytest.fixture
def jp_server_config():
    return {
        "ServerApp": {
            "jpserver_extensions": {"jupyter_vnc": True, "jupyter_server_terminals": False},
            "allow_unauthenticated_access": False,
            "log_level": "DEBUG",
        },
        "VNCBroker": {"targets": {"nobody": {"host": "127.0.0.1", "port": 1}}},
    }


@pytest.fixture
def start(tmp_path):
    """Start a real server: ``start(real.tigervnc, unix=True)``; it is stopped after the test.

    What it has logged is shown where the test fails.
    """
    with ExitStack() as stack:

        def start(kind, **options):
            folder = tmp_path / f"real-{start.count}"
            start.count += 1
            folder.mkdir(mode=0o700)
            return stack.enter_context(kind(folder, **options))

        start.count = 0
        start.also = stack.enter_context
        yield start
    for log in sorted(tmp_path.glob("real-*/*.log")):
        sys.stdout.write(f"-- {log.parent.name}/{log.name}\n{log.read_text(errors='replace')[-4000:]}\n")


@pytest.fixture
def add_target(broker):
    """Let the broker have a target, as if it stood in the configuration."""

    def add(name, keys):
        broker.sources[0].by_name[name] = parse_target(name, keys)

    return add


@pytest.fixture
def look(client):
    """Open a target with a fresh token and log in: ``async with look("lab") as viewer``."""

    @asynccontextmanager
    async def look(target, **more):
        issued = await client.issue(target, **more)
        websocket = await client.connect(issued["token"])
        try:
            yield await Viewer(websocket).log_in()
        finally:
            websocket.close()

    return look


@pytest.fixture
def logged(broker, jp_serverapp, caplog):
    """Everything that is logged, at DEBUG: a function that gives the text so far."""
    names = ("", broker.log.name, jp_serverapp.log.name, "jupyter_vnc", "tornado", "asyncio")
    for name in names:
        caplog.set_level(logging.DEBUG, logger=name)
    return lambda: caplog.text
