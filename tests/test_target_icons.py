"""The icon of a target that is a file, as the routes show it."""

import json

import pytest

from tests.config.test_pictures import SVG

SCRIPTED = SVG.replace(b"<rect", b"<script>fetch('/api/contents')</script><rect")


@pytest.fixture
def jp_server_config(tmp_path):
    (tmp_path / "icon.svg").write_bytes(SCRIPTED)
    host = {"host": "127.0.0.1", "port": 1}
    mine = {**host, "icon": str(tmp_path / "icon.svg")}
    return {
        "ServerApp": {"jpserver_extensions": {"jupyter_vnc": True, "jupyter_server_terminals": False}},
        "VNCBroker": {
            "targets": {
                "lab-1": mine,
                "lab-2": {**host, "icon": "ui-components:terminal"},
                "lab-3": {**mine, "allow_users": ["nobody-else"]},
            }
        },
    }


async def test_a_file_is_served_as_an_image_and_never_as_a_document_with_scripts(client, tmp_path):
    rows = {row["name"]: row for row in json.loads((await client.fetch("/api/targets", headers=client.token)).body)}
    path = rows["lab-1"]["icon"]
    assert path.startswith("api/targets/lab-1/icon?v=")
    assert str(tmp_path) not in json.dumps(rows)
    (tmp_path / "icon.svg").unlink()  # it was read at the start
    answer = await client.fetch(f"/{path}", headers=client.token)
    assert (answer.code, answer.body, answer.headers["Content-Type"]) == (200, SCRIPTED, "image/svg+xml")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer.headers["Cache-Control"] == "private, max-age=86400"
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "; sandbox" in policy
    assert "script-src" not in policy


@pytest.mark.parametrize("name", ["lab-2", "lab-3", "nowhere"])
async def test_there_is_no_file_for_others(client, name):
    assert (await client.fetch(f"/api/targets/{name}/icon", headers=client.token)).code == 404


async def test_strangers_get_none(client):
    assert (await client.fetch("/api/targets/lab-1/icon", headers={})).code in {302, 403}
    foreign = {**client.token, "Origin": "http://evil.example"}
    assert (await client.fetch("/api/targets/lab-1/icon", headers=foreign)).code in {200, 403}


async def test_the_list_shows_each_kind(client):
    page = (await client.fetch("/", headers=client.token)).body.decode()
    assert 'class="jp-VNC-icon" src="' in page
    assert "/vnc/api/targets/lab-1/icon?v=" in page
    assert "/vnc/static/viewer/icons/terminal.svg?v=" in page
    drawing = await client.fetch("/static/viewer/icons/terminal.svg", headers=client.token)
    assert (drawing.code, drawing.headers["Content-Type"]) == (200, "image/svg+xml")
