"""One hub for all modules here, and beside it a service for each; VNC servers whose backgrounds tell them apart."""

from contextlib import ExitStack

import pytest

from tests.hub import hub as hubs
from tests.integration import real
from tests.needs import require

METRICS_TOKEN = "t0ken-of-prometheus"
COLOURS = {"a1": "#a01010", "a2": "#a06010", "b1": "#1010a0"}
#: Many more than ann and amy, for whom there are few machines.
STUDENTS = [f"student{number:02}" for number in range(30)]
GROUPS = hubs.GROUPS | {"course-a": {"users": ["ann", "amy", "zara", *STUDENTS]}}
#: It insists on PKCE, and can be stopped and started again without its proxy.
STRICT = """
c.JupyterHub.oauth_require_pkce = True
c.JupyterHub.cleanup_servers = False
c.JupyterHub.cleanup_proxy = False
c.ConfigurableHTTPProxy.should_start = False
"""


def targets(servers, **groups):
    """The configuration of targets, as an admin writes it."""
    keys = {name: server.keys() | {"allow_groups": [groups[name]]} for name, server in servers.items()}
    return f"c.VNCBroker.targets = {keys!r}\n"


@pytest.fixture(scope="package")
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


@pytest.fixture(scope="package")
def the_hub(tmp_path_factory):
    """A hub without its service: each module, or test, runs one; see :meth:`.Hub.serving`."""
    folder = tmp_path_factory.mktemp("hub")
    hub = hubs.Hub(folder, "", more=STRICT, groups=GROUPS, external=True, own_proxy=True)
    try:
        hub.start_hub()
        hub.wait_for(f"{hub.url}/hub/login", 200)
        yield hub
    finally:
        hub.close()


@pytest.fixture
def enter(hub):
    """Somebody who has opened the service's page."""

    def enter(name):
        person = hub.person(name)
        assert person.enter().ok
        return person

    return enter
