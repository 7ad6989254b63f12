"""Links to jupyter-remote-desktop-proxy's desktop."""

import pytest
from tornado import web


class Theirs(web.RequestHandler):
    def get(self):
        self.finish("theirs")


@pytest.fixture
def jp_server_config(monkeypatch):
    monkeypatch.setenv("DISPLAY", ":0")  # so that the server leaves this process's own alone
    return {"ServerApp": {"jpserver_extensions": {"jupyter_vnc": True}}}


@pytest.mark.parametrize("path", ["desktop", "desktop/"])
async def test_an_old_link_leads_to_the_managed_desktop_after_the_login(
    path, jp_serverapp, http_server_client, jp_fetch
):
    await jp_serverapp.extension_manager.start_extension("jupyter_vnc")
    url = jp_serverapp.base_url + path
    answers = [
        await http_server_client.fetch(url, headers=headers, follow_redirects=False, raise_error=False)
        for headers in ({}, {"Authorization": f"token {jp_serverapp.identity_provider.token}"})
    ]
    assert [one.code for one in answers] == [302, 302]
    assert "/login" in answers[0].headers["Location"]
    assert answers[1].headers["Location"] == f"{jp_serverapp.base_url}vnc/view/desktop"


async def test_whoever_has_a_page_there_keeps_it(jp_serverapp, jp_fetch):
    jp_serverapp.web_app.add_handlers(".*$", [(f"{jp_serverapp.base_url}desktop/", Theirs)])
    await jp_serverapp.extension_manager.start_extension("jupyter_vnc")
    assert (await jp_fetch("desktop/")).body == b"theirs"
