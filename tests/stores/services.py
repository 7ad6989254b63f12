"""Processes of the hub service, as a load balancer has them behind it, and as much of a hub as they ask."""

import asyncio
import json
import re
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.fernet import Fernet
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from demo.processes import free_port
from tests.hub.hub import environment

PREFIX = "/services/vnc"
PATIENCE = 60
#: The token with which the service asks the hub.
SERVICE = "the-service"
ACCESS = "access:services!service=vnc"


def person(name, *, admin=False):
    """What the hub says of somebody of the course."""
    return {"kind": "user", "name": name, "admin": admin, "groups": ["course"], "scopes": [ACCESS]}


@contextmanager
def hub(people):
    """As much of a hub as the service asks, for people by their tokens; yields the URL of its API."""

    def of_service(path, token):
        """What the hub tells the service: one user, or all who are in the group."""
        if token == SERVICE and path.startswith("/hub/api/groups"):
            return {"items": [{"name": "course", "users": [*people]}], "_pagination": {"next": None}}
        return people.get(path.removeprefix("/hub/api/users/")) if token == SERVICE else None

    class API(BaseHTTPRequestHandler):
        def do_GET(self):
            token = self.headers.get("Authorization", "").removeprefix("token ")
            known = people.get(token) if self.path == "/hub/api/user" else of_service(self.path, token)
            self.send_response(200 if known else 404)
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


def secrets(folder):
    """What all processes have the same of: each would make its own, and one of two that start at once finds half."""
    for name, content in {"cookie-secret": "s" * 32, "keys": Fernet.generate_key().decode()}.items():
        file = folder / f"jupyter-vnc-{name}"
        file.touch(0o600)
        file.write_text(content)


class Service:
    """One process; ``vnc.py`` in the folder is its configuration."""

    def __init__(self, folder, api, name):
        self.port, self.log = free_port(), folder / f"{name}.log"
        variables = {
            "JUPYTERHUB_API_TOKEN": SERVICE,
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
        self._folder, self._variables = folder, environment() | variables
        self.start()

    def start(self):
        """Start it, also once more after it has ended."""
        command = [sys.executable, "-m", "jupyter_vnc.hub", f"--config={self._folder / 'vnc.py'}"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=self._folder, env=self._variables, stdout=log, stderr=log, start_new_session=True
            )

    async def ready(self):
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    if (await self.ask("ada", "health")).code == 200:
                        return
                except (OSError, HTTPClientError):  # nobody listens yet, or a busy machine answers late
                    assert self.process.poll() is None, self.log.read_text()
                    await asyncio.sleep(0.05)

    async def ask(self, name, path, method="GET", **body):
        url = f"http://127.0.0.1:{self.port}{PREFIX}/{path}"
        headers = {"Authorization": f"token {name}", "Content-Type": "application/json"}
        sent = json.dumps(body) if method == "POST" else None
        return await AsyncHTTPClient().fetch(HTTPRequest(url, method, headers, sent, request_timeout=30))

    async def measured(self, name):
        """The value of a metric without labels."""
        text = (await self.ask("ada", "metrics")).body.decode()
        return float(re.search(rf"^{name} (.*)$", text, re.MULTILINE)[1])

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
