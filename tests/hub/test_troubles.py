"""The hub goes away and comes back; a hub that lets no cookie open a websocket and insists on PKCE."""

import asyncio
from contextlib import ExitStack

import pytest
from tornado.httpclient import HTTPClientError

from tests.hub import hub as hubs
from tests.hub.conftest import COLOURS, looking, targets

STRICT = """
c.JupyterHub.oauth_require_pkce = True
c.JupyterHub.cleanup_servers = False
c.JupyterHub.cleanup_proxy = False
c.ConfigurableHTTPProxy.should_start = False
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory, servers):
    """A strict hub, with proxy and service beside it."""
    config = targets(servers, a1="course-a", a2="course-a", b1="course-b")
    config += "c.VNCBroker.recheck_interval = 1\nc.HubOAuth.allow_websocket_cookie_auth = False\n"
    config += "c.HubOAuth.cache_max_age = 1\n"
    folder = tmp_path_factory.mktemp("hub")
    with hubs.running(folder, config, external=True, own_proxy=True, more=STRICT) as running:
        yield running


async def test_no_cookie_alone_but_a_token_opens_the_websocket(enter):
    ann = enter("ann")
    async with looking(ann, "a1") as viewer:
        await viewer.until_pixel(5, 5, COLOURS["a1"])
    with pytest.raises(HTTPClientError, match="403"):
        await ann.connect("x" * 43)


async def test_the_hub_goes_away_and_comes_back(hub, enter):
    ann, ada = enter("ann"), hub.person("ada")
    with ExitStack() as stack:
        async with looking(ann, "a1") as viewer:
            hub.stop_hub()
            stack.callback(hub.start_hub)
            await asyncio.to_thread(hub.wait_for_log, "service", "The hub does not answer; sessions continue")
            await viewer.until_pixel(5, 5, COLOURS["a1"])
            refused = ann.ask("api/tokens", "POST", json={"target": "a1"})
            assert refused.status_code == 503
            assert refused.json()["message"] == "JupyterHub does not answer. Try again in a moment."
            page = ann.http.get(f"{ann.root}view/a1", timeout=20)
            assert page.status_code == 503
            assert "JupyterHub does not answer" in page.text
            assert "Traceback" not in page.text
            stack.pop_all()
            hub.start_hub()
            hub.wait_for(f"{hub.url}/hub/login", 200)
            await viewer.until_pixel(5, 5, COLOURS["a1"])
        async with looking(ann, "a1") as viewer:
            await viewer.until_pixel(5, 5, COLOURS["a1"])
        assert ada.enter().ok
    assert "Traceback" not in hub.log("service")
