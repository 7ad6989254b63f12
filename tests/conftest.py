"""What every test may use: pytest-jupyter's server fixtures, which also run the ``async def`` tests."""

import pytest

from tests.server import Client

pytest_plugins = ["pytest_jupyter.jupyter_server"]


@pytest.fixture
def jp_nbconvert_templates():
    """No copy of nbconvert's templates for each server: no test converts a notebook."""


@pytest.fixture
def client(jp_serverapp, http_server_client, jp_http_port):
    """Requests to the server, as a browser or a script would make them."""
    return Client(jp_serverapp, http_server_client, jp_http_port)


@pytest.fixture
def broker(jp_serverapp):
    """The server's broker."""
    return jp_serverapp.web_app.settings["vnc_broker"]
