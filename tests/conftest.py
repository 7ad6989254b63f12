"""What every test may use: pytest-jupyter's server fixtures, which also run the ``async def`` tests."""

import pytest
from jupyter_server.serverapp import ServerApp

from tests.server import Client

pytest_plugins = ["pytest_jupyter.jupyter_server"]


@pytest.fixture
def jp_nbconvert_templates():
    """No copy of nbconvert's templates for each server: no test converts a notebook."""


@pytest.fixture(autouse=True)
def jp_server_cleanup(request):
    """pytest-jupyter's, for tests that have a server; where there is none, it makes one at the end to clean it up."""
    has_one = "jp_configurable_serverapp" in request.fixturenames
    if has_one:
        request.getfixturevalue("jp_server_cleanup")
    yield
    if not has_one:
        ServerApp.clear_instance()


@pytest.fixture
def client(jp_serverapp, http_server_client, jp_http_port):
    """Requests to the server, as a browser or a script would make them."""
    return Client(jp_serverapp, http_server_client, jp_http_port)


@pytest.fixture
def broker(jp_serverapp):
    """The server's broker."""
    return jp_serverapp.web_app.settings["vnc_broker"]
