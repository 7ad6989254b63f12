"""A server that was started on a machine without an X server, on which one is installed later."""

import json

import pytest

from jupyter_vnc.desktops.x11 import xvnc

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("nothing_left")]

INSTALLED = xvnc.CANDIDATES


@pytest.fixture
def jp_server_config(home, monkeypatch):
    monkeypatch.setattr(xvnc, "CANDIDATES", ("/missing/Xvnc",))
    return {"ServerApp": {"jpserver_extensions": {"jupyter_vnc": True, "jupyter_server_terminals": False}}}


async def test_the_desktop_starts_without_a_restart_and_nothing_fails_before(client, broker, monkeypatch):
    async def get(path):
        answer = await client.fetch(path, headers=client.token)
        assert answer.code == 200, path
        return answer.body

    async def start():
        return await client.fetch("/api/desktops/desktop", "POST", client.token, '{"action": "start"}')

    assert b"No X server with VNC is installed: run `apt-get install" in await get("/")
    assert [json.loads(await get(f"/api/{name}")) for name in ("targets", "sessions", "desktops")] == [[], [], []]
    assert (await start()).code == 404
    monkeypatch.setattr(xvnc, "CANDIDATES", INSTALLED)
    try:
        started = await start()
        assert (started.code, json.loads(started.body)["state"]) == (200, "up")
        (row,) = json.loads(await get("/api/targets"))
        assert (row["name"], row["state"], row["managed"]) == ("desktop", "up", True)
        assert b'data-target="desktop"' in await get("/")
    finally:
        await broker.close()
