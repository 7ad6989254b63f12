"""The hub goes away and comes back; a hub that lets no cookie open a websocket and insists on PKCE."""

import asyncio
import logging
from contextlib import ExitStack
from types import SimpleNamespace
from urllib.parse import urljoin, urlsplit

import pytest
from tornado.httpclient import HTTPClientError

from jupyter_vnc.hub.client import HubClient
from jupyter_vnc.hub.users import People
from tests.hub.conftest import looking, until
from tests.hub.service.conftest import COLOURS, targets

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def hub(the_hub, tmp_path_factory, servers):
    """A service that lets no cookie alone open a websocket, and asks the hub each second."""
    config = targets(servers, a1="course-a", a2="course-a", b1="course-b")
    config += "c.VNCBroker.recheck_interval = 1\nc.HubOAuth.allow_websocket_cookie_auth = False\n"
    config += "c.HubOAuth.cache_max_age = 1\n"
    with the_hub.serving(tmp_path_factory.mktemp("service"), config) as serving:
        yield serving


async def test_no_cookie_alone_but_a_token_opens_the_websocket(enter):
    ann = enter("ann")
    async with looking(ann, "a1") as viewer:
        await viewer.until_pixel(5, 5, COLOURS["a1"])
    with pytest.raises(HTTPClientError, match="403"):
        await ann.connect("x" * 43)


def test_a_login_is_begun_at_one_process_and_ended_at_another(hub):
    ann = hub.person("ann")
    with hub.another_process() as another:
        begun = ann.http.get(f"{hub.url}/services/vnc/view/a1", timeout=60, allow_redirects=False)
        answer = ann.http.get(urljoin(hub.url, begun.headers["Location"]), timeout=60, allow_redirects=False)
        if not answer.is_redirect:  # the hub asks first
            answer = ann.agree(answer, allow_redirects=False)
        back = urlsplit(answer.headers["Location"])
        assert (back.path, "code=" in back.query) == ("/services/vnc/oauth_callback", True)
        ended = ann.http.get(f"{another}{back.path}?{back.query}", timeout=60, allow_redirects=False)
        assert (ended.status_code, ended.headers["Location"]) == (302, "/services/vnc/view/a1"), ended.text
        for url in (hub.url, another):
            assert ann.http.get(f"{url}/services/vnc/view/a1", timeout=60, allow_redirects=False).status_code == 200


async def test_the_services_role_lists_the_hubs_groups_with_their_members(hub, caplog):
    keys = {"certfile": "", "keyfile": "", "client_ca": ""}
    client = HubClient(SimpleNamespace(api_url=hub.api, api_token=hub.service_token, **keys))
    found = await People(client, logging.getLogger(__name__)).find_all(["ann", "amy", "bob", "zoe"])
    assert {name: sorted(user.groups) for name, user in found.items()} == {
        **{key: ["course-a"] for key in ("ann", "amy")},
        "bob": ["course-b"],
        "zoe": [],
    }
    assert [record for record in caplog.records if record.name == __name__] == []


async def failing(ask, success=200):
    """Ask until it fails for want of the hub: where it is slow to refuse, what it said last counts once more."""
    answers = []
    await until(lambda: answers.append(ask()) or answers[-1].status_code != success)
    assert answers[-1].status_code == 503, answers[-1].text
    return answers[-1]


async def test_the_hub_goes_away_and_comes_back(hub, enter):
    ann, ada = enter("ann"), hub.person("ada")
    with ExitStack() as stack:
        async with looking(ann, "a1") as viewer:
            hub.stop_hub()
            stack.callback(hub.start_hub)
            await asyncio.to_thread(hub.wait_for_log, "service", "The hub does not answer; sessions continue")
            await viewer.until_pixel(5, 5, COLOURS["a1"])
            refused = await failing(lambda: ann.ask("api/tokens", "POST", json={"target": "a1"}), 201)
            assert refused.json()["message"] == "JupyterHub does not answer. Try again in a moment."
            page = await failing(lambda: ann.http.get(f"{ann.root}view/a1", timeout=60))
            assert "JupyterHub does not answer" in page.text
            assert "Traceback" not in page.text
            for _ in range(5):
                await failing(lambda: ann.ask("api/targets"))
            log = hub.log("service")
            lines = log[log.index("The hub does not answer") :].splitlines()
            assert [line for line in lines[1:] if "Error connecting" in line or "503" in line] == []
            stack.pop_all()
            hub.start_hub()
            hub.wait_for(f"{hub.url}/hub/login", 200)
            await viewer.until_pixel(5, 5, COLOURS["a1"])
            await asyncio.to_thread(hub.wait_for_log, "service", "The hub answers again")
        async with looking(ann, "a1") as viewer:
            await viewer.until_pixel(5, 5, COLOURS["a1"])
        assert ada.enter().ok
    assert "Traceback" not in hub.log("service")
