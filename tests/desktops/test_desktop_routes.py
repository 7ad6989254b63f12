"""Managed desktops over REST, on a real server with the real TigerVNC."""

import asyncio
import collections
import json
import os
import signal

import pytest
from jupyter_server.auth.authorizer import AllowAllAuthorizer
from tornado.httpclient import HTTPClientError

from jupyter_vnc.broker.audit import DESKTOP_EVENT
from jupyter_vnc.desktops import desktop as desktop_module
from jupyter_vnc.desktops import files, session_run
from jupyter_vnc.desktops.processes.procfs import display_holder
from tests.bare_browser import GREETING
from tests.desktops.conftest import PROGRAMS
from tests.desktops.house import *  # noqa: F403 - fixtures
from tests.needs import require
from tests.server import read_to_close

pytestmark = pytest.mark.real

BROKEN = "echo 'no display for you' >&2; exit 7"
BRIEF = "xclock & while [ ! -e $HOME/out ]; do sleep 0.05; done; kill $!; exit 0"


@pytest.fixture(scope="module", autouse=True)
def patience():
    """For what other processes do, a busy machine may take longer than a person would wait."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session_run, "SESSION_GRACE", 60)
        patch.setattr(desktop_module, "NEWS_DELAY", 60)
        yield


@pytest.fixture(scope="module")
def jp_server_config():
    """Desktops that are alike for tests that want one that has not run, or may crash."""
    require(*PROGRAMS)
    desktop = {"desktop": {"command": ["xclock"], "geometry": "320x240"}}
    targets = {
        **dict.fromkeys(("desktop", "new", "told", "crashing"), desktop),
        "broken": {"desktop": {"command": ["/bin/sh", "-c", BROKEN]}},
        "brief": {"desktop": {"command": ["/bin/sh", "-c", BRIEF]}},
        "repaired": {"desktop": {"command": ["/bin/sh", "-c", "[ -e $HOME/repaired ] && exec xclock; exit 7"]}},
        "remote": {"host": "127.0.0.1", "port": 1},
    }
    extensions = {"jupyter_vnc": True, "jupyter_server_terminals": False}
    return {
        "ServerApp": {"jpserver_extensions": extensions},
        "VNCBroker": {"targets": targets, "tokens_per_minute": 0},
    }


async def state_of(client, name):
    rows = json.loads((await client.fetch("/api/desktops", headers=client.token)).body)
    return next(row["state"] for row in rows if row["name"] == name)


async def do(client, method, name, action=None, more=""):
    body = None if action is None else {"action": action}
    return await client.fetch(f"/api/desktops/{name}{more}", method, client.token, body)


async def test_start_log_restart_stop(client):
    log = await do(client, "GET", "new", more="/log")
    assert (log.code, log.body) == (200, b"")
    started = await do(client, "POST", "new", "start")
    assert started.code == 200
    assert json.loads(started.body)["state"] == "up"
    async with asyncio.timeout(60):
        while b"vncext" not in (log := await do(client, "GET", "new", more="/log")).body:
            await asyncio.sleep(0.02)  # its supervisor writes down what an X server says
    assert log.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert log.headers["X-Content-Type-Options"] == "nosniff"
    again = await do(client, "POST", "new", "restart")
    assert json.loads(again.body)["state"] == "up"
    assert (await do(client, "DELETE", "new")).code == 204
    assert await state_of(client, "new") == "stopped"


async def test_a_token_of_a_desktop_that_was_stopped_does_not_open_its_successor(client):
    """Both have the same name and the same command, so that nothing else would tell them apart."""
    for end in (("DELETE", "desktop"), ("POST", "desktop", "restart")):
        assert (await do(client, "POST", "desktop", "start")).code == 200
        token = (await client.issue("desktop"))["token"]
        assert (await do(client, *end)).code in {200, 204}
        assert (await do(client, "POST", "desktop", "start")).code == 200
        with pytest.raises(HTTPClientError, match="403"):
            await client.connect(token)
    (await look_at(client, "desktop")).close()


async def test_a_desktop_that_does_not_start_says_why_and_keeps_its_log(client):
    failed = await do(client, "POST", "broken", "start")
    assert failed.code == 502
    assert "no display for you" in json.loads(failed.body)["message"]
    log = await do(client, "GET", "broken", more="/log")
    assert b"no display for you" in log.body


async def test_anything_but_a_managed_desktop_is_not_found(client):
    for name in ("remote", "nowhere"):
        for method, action, more in (("POST", "start", ""), ("DELETE", None, ""), ("GET", None, "/log")):
            assert (await do(client, method, name, action, more)).code == 404, (name, method)


async def test_a_bad_request_is_refused(client):
    for body in ("{}", '{"action": "explode"}', '{"action": "start", "now": true}', "[]", "{"):
        assert (await client.fetch("/api/desktops/desktop", "POST", client.token, body)).code == 400, body


@pytest.fixture
def application(home):
    """An application for text files, as a desktop finds it; returns what it notes."""
    noted, program = home / "noted", home / "show"
    program.write_text(f'#!/bin/sh\necho "$DISPLAY $PWD $1" > {noted}\nexec xclock\n')
    program.chmod(0o755)
    entries, config = home / ".local/share/applications", home / ".config"
    for folder in (entries, config):
        folder.mkdir(parents=True)
    entry = f"[Desktop Entry]\nType=Application\nName=Show\nExec={program} %f\nMimeType=text/plain;\n"
    (entries / "show.desktop").write_text(entry)
    (config / "mimeapps.list").write_text("[Default Applications]\ntext/plain=show.desktop\n")
    return noted


async def open_file(client, path, name="desktop"):
    return await client.fetch(f"/api/desktops/{name}/open", "POST", client.token, {"path": path})


async def test_a_file_is_opened_with_the_desktops_application(client, application, jp_root_dir, monkeypatch):
    monkeypatch.setattr(files, "PATIENCE", 0.1)  # it stays, and nobody waits for it
    (jp_root_dir / "über uns").mkdir()
    file = jp_root_dir / "über uns" / "a note.txt"
    file.write_text("something to read")
    assert (await open_file(client, "über uns/a note.txt")).code == 204
    async with asyncio.timeout(60):
        while not application.exists() or not application.read_text():
            await asyncio.sleep(0.02)
    display, rest = application.read_text().rstrip().split(" ", 1)
    assert display.startswith(":")
    assert rest == f"{file.parent} {file}"


async def test_a_file_that_no_application_opens(client, jp_root_dir, monkeypatch):
    monkeypatch.setattr(files, "PATIENCE", 60)
    (jp_root_dir / "thing.unheard-of").write_bytes(bytes(range(256)))
    answer = await open_file(client, "thing.unheard-of")
    assert answer.code == 502
    assert "No application of the desktop opens thing.unheard-of." in json.loads(answer.body)["message"]


async def test_what_the_file_browser_does_not_show_is_not_opened(client, jp_root_dir):
    (jp_root_dir.parent / "secret.txt").touch()
    (jp_root_dir / ".hidden.txt").touch()
    (jp_root_dir / "folder").mkdir()
    (jp_root_dir / "link.txt").symlink_to("/etc/passwd")
    for path in ("nothing.txt", "../secret.txt", "folder", ".hidden.txt", "", "/etc/passwd", "link.txt"):
        assert (await open_file(client, path)).code == 404, path


async def test_where_files_cannot_be_opened(client, monkeypatch, jp_root_dir):
    (jp_root_dir / "note.txt").touch()
    assert (await open_file(client, "note.txt", "remote")).code == 404
    monkeypatch.setattr("jupyter_vnc.desktops.files.which", lambda program: None)
    answer = await open_file(client, "note.txt")
    assert "xdg-utils" in json.loads(answer.body)["message"]


async def test_opening_a_file_needs_permission_to_read_files(client, jp_serverapp, jp_root_dir, monkeypatch):
    (jp_root_dir / "note.txt").touch()

    class NoFiles(AllowAllAuthorizer):
        def is_authorized(self, handler, user, action, resource):
            return resource != "contents"

    monkeypatch.setitem(jp_serverapp.web_app.settings, "authorizer", NoFiles(parent=jp_serverapp))
    for path in ("note.txt", "nothing.txt"):
        assert (await open_file(client, path)).code == 403


# Windows


async def test_its_windows_are_known_and_get_the_keys(client):
    await do(client, "POST", "desktop", "restart")  # whoever had it may have opened more

    async def listed():
        answer = await do(client, "GET", "desktop", more="/windows")
        return json.loads(answer.body) if answer.code == 200 else []  # a busy X server may not answer in time

    rows = []
    async with asyncio.timeout(60):
        while [(row["title"], row["width"]) for row in rows] != [("xclock", 320)]:
            await asyncio.sleep(0.05)  # it fills the screen as soon as it is there
            rows = await listed()
    (row,) = rows
    assert (row["x"], row["y"], row["height"], row["shown"]) == (0, 0, 240, True)

    async def focus(window):
        return (await client.fetch("/api/desktops/desktop/focus", "POST", client.token, {"window": window})).code

    assert await focus(row["id"]) == 204
    async with asyncio.timeout(60):
        while [row["focused"] for row in await listed()] != [True]:
            await asyncio.sleep(0.05)
    assert await focus(1) == 404
    for window in ("1", 0, 1 << 32, None, 1.5):
        assert await focus(window) == 400, window


async def test_a_desktop_that_does_not_run_has_no_windows(client):
    answer = await do(client, "GET", "told", more="/windows")
    assert (answer.code, json.loads(answer.body)["message"]) == (502, "The desktop does not run.")
    assert (await do(client, "GET", "remote", more="/windows")).code == 404


# Events


@pytest.fixture
def told(jp_serverapp):
    """Events as listeners of the server receive them: by desktop, the user and the state."""
    told = collections.defaultdict(list)

    async def listen(logger, schema_id, data):
        assert (schema_id, set(data)) == (DESKTOP_EVENT, {"desktop", "user", "state"})
        told[data["desktop"]].append((data["user"], data["state"]))

    jp_serverapp.event_logger.add_listener(schema_id=DESKTOP_EVENT, listener=listen)
    yield told
    jp_serverapp.event_logger.remove_listener(schema_id=DESKTOP_EVENT, listener=listen)


async def until(true):
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.02)


async def test_each_state_of_a_desktop_is_reported_once(client, told):
    assert (await do(client, "POST", "told", "start")).code == 200
    assert (await do(client, "DELETE", "told")).code == 204
    await until(lambda: len(told["told"]) > 2)
    assert [state for _, state in told["told"]] == ["starting", "up", "stopped"]
    assert all(user for user, _ in told["told"])


async def test_a_desktop_that_fails_is_reported_as_down(client, told):
    assert (await do(client, "POST", "broken", "start")).code == 502
    await until(lambda: len(told["broken"]) > 1)
    assert [state for _, state in told["broken"]] == ["starting", "down"]


#: What a viewer is told before any picture: version, security types, verdict, ServerInit without the name.
LEAST = 12 + 2 + 4 + 24


async def look_at(client, name, least=LEAST):
    """Open a viewer's websocket, and greet the desktop; return it when it has told that much."""
    websocket = await client.connect((await client.issue(name))["token"])
    for words in GREETING:
        await websocket.write_message(words, binary=True)
    heard = 0
    while heard < least:
        message = await websocket.read_message()
        assert message is not None, (websocket.close_code, websocket.close_reason)
        heard += len(message)
    return websocket


def x_server(broker, name):
    """The process id of the X server of a desktop with a viewer."""
    (owner,) = {session.owner.name for session in broker.registry}
    display = broker.desktop_manager.environment(owner, name)["DISPLAY"]
    return display_holder(int(display.removeprefix(":")))


async def test_a_viewer_whose_desktop_crashes_may_come_back_and_starts_it_again_up_to_a_limit(client, broker):
    for _ in range(broker.desktop_manager.crash_limit):
        websocket = await look_at(client, "crashing")
        os.kill(x_server(broker, "crashing"), signal.SIGKILL)
        _, code, reason = await read_to_close(websocket)
        assert code == 4502
        assert reason == "The desktop's X server crashed: it was killed, as happens when memory runs out."
    _, code, reason = await read_to_close(await look_at(client, "crashing", least=0))
    assert code == 4505
    assert reason.startswith("This desktop failed 3 times. Start it again by hand. The desktop's X server c")


async def test_logging_out_of_a_desktop_reports_its_end(client, home):
    websocket = await look_at(client, "brief")
    (home / "out").touch()
    _, code, reason = await read_to_close(websocket)
    assert (code, reason) == (1000, "The desktop's session ended.")


async def test_a_person_may_start_a_desktop_that_a_viewer_may_not(client, broker, home):
    """After its program is repaired, at once: the limit is for viewers that come back by themselves."""
    for _ in range(broker.desktop_manager.crash_limit):
        assert (await read_to_close(await look_at(client, "repaired", least=0)))[1] == 4505
    _, code, reason = await read_to_close(await look_at(client, "repaired", least=0))
    assert (code, reason.startswith("This desktop failed 3 times.")) == (4505, True)
    refused = await do(client, "POST", "repaired", "start")
    assert (refused.code, "failed 3 times" in refused.body.decode()) == (502, False)
    (home / "repaired").touch()
    assert (await do(client, "POST", "repaired", "start")).code == 200
    websocket = await look_at(client, "repaired")
    websocket.close()
