"""One Jupyter server for all tests of a module: its start takes longer than most of what they do.

A module that imports these fixtures has ``client``, ``broker`` and the rest as others do, and says with
``jp_server_config`` (scope: module) what the server is like. What the server has left is looked for at the end of the
module.
"""

import asyncio
import contextlib
import secrets
import shutil
import tempfile
from pathlib import Path

import jupyter_core.paths
import pytest
from jupyter_core.utils import ensure_event_loop
from jupyter_server.serverapp import ServerApp
from pytest_jupyter.pytest_tornasync import AsyncHTTPServerClient
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from traitlets.config import Config

from tests.desktops import census

__all__ = [
    "home",
    "http_server",
    "http_server_client",
    "jp_asyncio_loop",
    "jp_http_port",
    "jp_root_dir",
    "jp_server_cleanup",
    "jp_serverapp",
    "nobody_is_left",
    "place",
    "runtime_dir",
]

FOLDERS = {"HOME": "home", "JUPYTER_CONFIG_DIR": "jc", "JUPYTER_DATA_DIR": "jd", "JUPYTER_RUNTIME_DIR": "rt"}
#: The session in which the tests run.
OUTSIDE = ("XDG_RUNTIME_DIR", "DISPLAY", "XAUTHORITY", "DBUS_SESSION_BUS_ADDRESS", "XDG_CONFIG_DIRS")


@pytest.fixture(scope="module")
def jp_asyncio_loop():
    """The loop in which the server and all tests of the module run."""
    loop = ensure_event_loop(prefer_selector_loop=True)
    yield loop
    loop.close()


@pytest.fixture
def jp_server_cleanup():
    """Nothing: the server goes on."""


@pytest.fixture(scope="module")
def place():
    """A folder with a short name, and the environment of a server in it."""
    with tempfile.TemporaryDirectory(prefix="jvh-") as name, pytest.MonkeyPatch.context() as patch:
        for variable in OUTSIDE:
            patch.delenv(variable, raising=False)
        for variable, folder in FOLDERS.items():
            (Path(name) / folder).mkdir(mode=0o700)
            patch.setenv(variable, str(Path(name) / folder))
        # No extensions of this environment: Notebook's changes a class of Jupyter's for all servers that come after it.
        for paths in ("SYSTEM_JUPYTER_PATH", "ENV_JUPYTER_PATH", "SYSTEM_CONFIG_PATH", "ENV_CONFIG_PATH"):
            patch.setattr(jupyter_core.paths, paths, [str(Path(name) / paths.lower())])
        (Path(name) / "root").mkdir()
        yield Path(name)


@pytest.fixture(scope="module")
def home(place):
    return place / "home"


@pytest.fixture(scope="module")
def runtime_dir(place):
    return place / "rt"


@pytest.fixture
def jp_root_dir(place):
    """The folder whose files the server shows, empty at the beginning of each test."""
    shutil.rmtree(place / "root")
    (place / "root").mkdir()
    return place / "root"


@pytest.fixture(scope="module")
def jp_serverapp(place, jp_asyncio_loop, jp_server_config):
    """The server, without a socket; nothing of it is left when it has ended."""
    (place / "rt" / "jupyter_cookie_secret").touch(0o600)  # Jupyter's own
    before = census.take(place / "rt")
    config = Config(jp_server_config)
    config.IdentityProvider.token = secrets.token_hex(8)
    ServerApp.clear_instance()
    app = ServerApp.instance(config=config, base_url="/a%40b/", root_dir=str(place / "root"), allow_root=True)
    app.init_signal = lambda: None

    async def initialize():
        app.initialize(argv=[], new_httpserver=False)

    jp_asyncio_loop.run_until_complete(initialize())
    app.log.propagate, app.log.handlers = True, []
    app.start_app()
    yield app
    jp_asyncio_loop.run_until_complete(app.web_app.settings["vnc_broker"].close())
    with contextlib.suppress(SystemExit):
        jp_asyncio_loop.run_until_complete(app._cleanup())
    app.kernel_manager.context.destroy()
    ServerApp.clear_instance()
    left = census.wait_until_gone(before, place / "rt")
    assert left.empty, left


@pytest.fixture(scope="module")
def http_server(jp_serverapp, jp_asyncio_loop):
    """What serves it."""
    sock, _ = bind_unused_port()

    async def serve():
        server = HTTPServer(jp_serverapp.web_app)
        server.add_socket(sock)
        return server

    server = jp_asyncio_loop.run_until_complete(serve())
    yield server
    server.stop()
    with contextlib.suppress(asyncio.TimeoutError):
        jp_asyncio_loop.run_until_complete(server.close_all_connections())


@pytest.fixture(scope="module")
def http_server_client(http_server, jp_asyncio_loop):
    async def make():
        return AsyncHTTPServerClient(http_server=http_server)

    with contextlib.closing(jp_asyncio_loop.run_until_complete(make())) as client:
        yield client


@pytest.fixture(scope="module")
def jp_http_port(http_server):
    return next(iter(http_server._sockets.values())).getsockname()[1]


@pytest.fixture(autouse=True)
def nobody_is_left(request, jp_asyncio_loop):
    """End the sessions that a test has left to the next one; its desktops run on."""
    if "broker" not in request.fixturenames and "client" not in request.fixturenames:
        yield
        return
    broker, client = (request.getfixturevalue(name) for name in ("broker", "client"))
    yield

    async def leave():
        async with asyncio.timeout(60):
            while len(broker.registry) or broker.streams._live:
                for session in [*broker.registry]:
                    await client.fetch(f"/api/sessions/{session.id}", "DELETE", client.token)
                await asyncio.sleep(0.02)

    jp_asyncio_loop.run_until_complete(leave())
