"""Two processes of the hub service on one PostgreSQL: what one issues the other redeems, and both know all sessions."""

import asyncio
import json
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from demo.processes import free_port
from tests.fakes import vnc_server
from tests.hub.hub import environment

PREFIX = "/services/vnc"
PATIENCE = 60
ACCESS = "access:services!service=vnc"
#: Whom the hub knows, by their tokens.
PEOPLE = {
    name: {"kind": "user", "name": name, "admin": name == "ada", "groups": ["course"], "scopes": [ACCESS]}
    for name in ("ada", "ann", "bob")
}


@contextmanager
def hub():
    """As much of a hub as the service asks; yields the URL of its API."""

    class API(BaseHTTPRequestHandler):
        def do_GET(self):
            known = PEOPLE.get(self.headers.get("Authorization", "").removeprefix("token "))
            self.send_response(200 if known and self.path == "/hub/api/user" else 404)
            self.end_headers()
            self.wfile.write(json.dumps(known).encode())

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), API)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hub/api"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Service:
    """One process."""

    def __init__(self, folder, api, name):
        self.port, self.log = free_port(), folder / f"{name}.log"
        variables = {
            "JUPYTERHUB_API_TOKEN": "service",
            "JUPYTERHUB_API_URL": api,
            "JUPYTERHUB_CLIENT_ID": "service-vnc",
            "JUPYTERHUB_BASE_URL": "/",
            "JUPYTERHUB_SERVICE_NAME": "vnc",
            "JUPYTERHUB_SERVICE_PREFIX": f"{PREFIX}/",
            "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{self.port}",
            "JUPYTERHUB_OAUTH_CALLBACK_URL": f"{PREFIX}/oauth_callback",
            "JUPYTERHUB_OAUTH_ACCESS_SCOPES": json.dumps([ACCESS]),
            "JUPYTERHUB_OAUTH_CLIENT_ALLOWED_SCOPES": "[]",
        }
        command = [sys.executable, "-m", "jupyter_vnc.hub", f"--config={folder / 'vnc.py'}"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, cwd=folder, env=environment() | variables, stdout=log, stderr=log, start_new_session=True
            )

    async def ready(self):
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    if (await self.ask("ada", "health")).code == 200:
                        return
                except OSError:
                    assert self.process.poll() is None, self.log.read_text()
                    await asyncio.sleep(0.05)

    async def ask(self, name, path, method="GET", **body):
        url = f"http://127.0.0.1:{self.port}{PREFIX}/{path}"
        headers = {"Authorization": f"token {name}", "Content-Type": "application/json"}
        sent = json.dumps(body) if method == "POST" else None
        return await AsyncHTTPClient().fetch(HTTPRequest(url, method, headers, sent, request_timeout=30))

    async def issue(self, name, target, **more):
        return json.loads((await self.ask(name, "api/tokens", "POST", target=target, **more)).body)["token"]

    async def open(self, name, token):
        url = f"ws://127.0.0.1:{self.port}{PREFIX}/ws"
        request = HTTPRequest(url, headers={"Authorization": f"token {name}"}, request_timeout=30)
        return await websocket_connect(request, subprotocols=["binary", f"vnc.token.{token}", "vnc.notes"])

    async def sessions(self, name):
        return json.loads((await self.ask(name, "api/sessions")).body)

    async def until_sessions(self, name, count):
        async with asyncio.timeout(PATIENCE):
            while len(rows := await self.sessions(name)) != count:
                await asyncio.sleep(0.05)
        return rows


@pytest.fixture(scope="module")
def started(postgres, tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    keys = {"socket": str(folder / "vnc.sock"), "allow_groups": ["course"]}
    config = {"fake": keys, "single": keys | {"sharing": "exclusive", "max_sessions": 1}}
    config = f"c.VNCHub.db_url = {postgres.new_database('two')!r}\nc.VNCBroker.targets = {config!r}\n"
    (folder / "vnc.py").write_text(config)
    with hub() as api:
        services = [Service(folder, api, name) for name in ("one", "two")]
        yield folder, services
        for service in services:
            service.process.terminate()
        for service in services:
            service.process.wait(30)


async def note(websocket, kind):
    """The next note of a kind."""
    async with asyncio.timeout(PATIENCE):
        while True:
            message = await websocket.read_message()
            assert message is not None, (websocket.close_code, websocket.close_reason)
            if isinstance(message, str) and (said := json.loads(message))["kind"] == kind:
                return said


async def closed(websocket):
    async with asyncio.timeout(PATIENCE):
        while await websocket.read_message() is not None:
            pass
    return websocket.close_code, websocket.close_reason


async def test_a_session_is_that_of_both(started):
    folder, (one, two) = started
    async with vnc_server.recorder(folder / "vnc.sock") as target:
        for service in (one, two):
            await service.ready()
        token = await one.issue("ann", "fake")
        websocket = await two.open("ann", token)
        for service in (one, two):
            with pytest.raises(HTTPClientError, match="403"):
                await service.open("ann", token)
            (row,) = await service.until_sessions("ada", 1)
            assert (row["user"], row["target"]) == ("ann", "fake")
        await one.ask("ada", f"api/sessions/{row['id']}/messages", "POST", text="hello")
        assert (await note(websocket, "message"))["text"] == "hello"
        await one.ask("ada", f"api/sessions/{row['id']}", "DELETE")
        assert await closed(websocket) == (4410, "ada ended this session.")
        for service in (one, two):
            await service.until_sessions("ada", 0)
        await target.until(lambda: target.open == 0)


async def test_a_limit_and_a_desktop_for_one_are_those_of_both(started):
    folder, (one, two) = started
    async with vnc_server.recorder(folder / "vnc.sock"):
        for service in (one, two):
            await service.ready()
        token = await two.issue("bob", "single")
        websocket = await one.open("ann", await one.issue("ann", "single"))
        await one.until_sessions("ann", 1)
        late = await two.open("bob", token)
        assert (await closed(late)) == (4409, "ann is using this desktop.")
        await two.until_sessions("ann", 1)
        with pytest.raises(HTTPClientError, match="409"):
            await two.issue("bob", "single")
        taken = await two.open("bob", await two.issue("bob", "single", takeover=True))
        assert await closed(websocket) == (4409, "bob is using it now.")
        taken.close()
        for service in (one, two):
            await service.until_sessions("ada", 0)
