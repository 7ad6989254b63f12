"""Links to jupyter-remote-desktop-proxy's desktop."""

import pytest
from tornado import web

MACHINE = {"socket": "/nowhere/vnc.sock"}
MANAGED = {"desktop": {"command": ["true"]}}
#: Targets, and the one that an old link leads to; the first has no name that one could guess.
FOUND = [
    ({"lab-1": MACHINE, "bench": MANAGED, "desk": MANAGED}, "bench"),
    ({"bench": MANAGED, "desktop": MANAGED}, "desktop"),
    ({"bench": MANAGED, "desktop": MACHINE}, "desktop"),
    ({"lab-1": MACHINE}, None),
]


class Theirs(web.RequestHandler):
    def get(self):
        self.finish("theirs")


@pytest.fixture
def configured():
    """The targets of the configuration."""
    return {"desktop": MANAGED}


@pytest.fixture
def jp_server_config(monkeypatch, configured):
    monkeypatch.setenv("DISPLAY", ":0")  # so that the server leaves this process's own alone
    return {"ServerApp": {"jpserver_extensions": {"jupyter_vnc": True}}, "VNCBroker": {"targets": configured}}


@pytest.fixture
def follow(jp_serverapp, http_server_client):
    """Ask for a path, logged in or not, and return the answer itself."""
    token = {"Authorization": f"token {jp_serverapp.identity_provider.token}"}

    async def ask(path, headers=token):
        await jp_serverapp.extension_manager.start_extension("jupyter_vnc")
        url = jp_serverapp.base_url + path
        return await http_server_client.fetch(url, headers=headers, follow_redirects=False, raise_error=False)

    return ask


@pytest.mark.parametrize("path", ["desktop", "desktop/"])
async def test_an_old_link_leads_to_the_desktop_after_the_login(path, jp_serverapp, follow):
    strangers, own = await follow(path, headers={}), await follow(path)
    assert (strangers.code, own.code) == (302, 302)
    assert "/login" in strangers.headers["Location"]
    assert own.headers["Location"] == f"{jp_serverapp.base_url}vnc/view/desktop"


@pytest.mark.parametrize(("configured", "found"), FOUND, ids=lambda one: one if isinstance(one, str) else "")
async def test_it_leads_to_the_one_of_that_name_or_to_the_first_managed_one_or_nowhere(jp_serverapp, follow, found):
    answer = await follow("desktop/")
    assert answer.code == (302 if found else 404)
    assert answer.headers.get("Location", "").endswith(f"vnc/view/{found}" if found else "")


@pytest.mark.parametrize("query", ["?url=//evil.example", "?next=https://evil.example/", "?path=websockify&password=x"])
async def test_nothing_of_the_query_is_passed_on(query, jp_serverapp, follow):
    answer = await follow(f"desktop/{query}")
    assert answer.headers["Location"] == f"{jp_serverapp.base_url}vnc/view/desktop"


async def test_whoever_has_a_page_there_keeps_it(jp_serverapp, jp_fetch):
    jp_serverapp.web_app.add_handlers(".*$", [(f"{jp_serverapp.base_url}desktop/", Theirs)])
    await jp_serverapp.extension_manager.start_extension("jupyter_vnc")
    assert (await jp_fetch("desktop/")).body == b"theirs"
