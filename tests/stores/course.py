"""A course at several processes of the service behind nginx: scripted students who click, wait, and come back."""

import asyncio
import json
import re
import time
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import psutil
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketError, websocket_connect

from demo.processes import free_port, running, stop
from tests.fakes import vnc_server
from tests.hub.hub import environment
from tests.integration.viewer import Viewer
from tests.needs import require
from tests.stores.services import Service, secrets

ROOT = Path(__file__).parents[2]
#: What administrators put in front of the processes.
FRONT = ROOT / "deploy/compose/nginx.conf"
#: The places of that file in nginx's own configuration; everything that it writes is in one folder.
NGINX = """
daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; worker_processes 1; {user}
worker_rlimit_nofile 16384; events {{ worker_connections 8192; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  include {folder}/front.conf;
}}
"""
#: Close codes after which a viewer connects again by itself.
AGAIN = {None, 1001, 1006, 1011, 1012, 1013, 4408, 4429, 4502}
#: Seconds for the longest wait of a test: for a machine, or until a dead process is swept.
PATIENCE = 240


def front(ports, port, hub="http://127.0.0.1:1"):
    """The configuration of ``deploy/``, with processes of this machine in the place of its own two."""
    text = FRONT.read_text()
    servers = re.findall(r"^ +server vnc-\d:10205(.*)$", text, re.MULTILINE)
    assert len(servers) == 2
    text = re.sub(r"^ +server vnc-\d:10205.*\n", "", text, flags=re.MULTILINE)
    named = "".join(f"    server 127.0.0.1:{one}{servers[0]}\n" for one in ports)
    text = text.replace("upstream vnc {\n", f"upstream vnc {{\n{named}")
    return text.replace("listen 80;", f"listen 127.0.0.1:{port};").replace("http://hub:8000", hub)


@contextmanager
def nginx(folder, ports, hub="http://127.0.0.1:1", port=None):
    """Yield the URL of nginx, with processes of the service on these ports and a hub behind it."""
    require("nginx")
    (folder / "front.conf").write_text(front(ports, port := port or free_port(), hub))
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, user="user root;" if psutil.Process().uids().effective == 0 else ""))
    argv = ["nginx", "-p", str(folder), "-c", str(config), "-e", str(folder / "error.log")]
    with running(argv, folder / "nginx.log", env=environment(), cwd=folder):
        yield f"http://127.0.0.1:{port}"


def _machine(name):
    """The script of a machine, which says which one it is as its desktop's name."""
    init = vnc_server.SERVER_INIT[: -len(vnc_server.NAME) - 4] + len(name).to_bytes(4, "big") + name.encode()

    async def script(peer):
        await vnc_server._greet(peer, vnc_server.NONE)
        await peer.send(bytes(4))
        await peer.read(1)
        await peer.send(init)
        await peer.listen()

    return script


@asynccontextmanager
async def machines(paths):
    """Run a scripted VNC server on each socket; yields them by name."""
    async with AsyncExitStack() as stack:
        yield {
            path.name: await stack.enter_async_context(vnc_server.serving(_machine(path.name), path)) for path in paths
        }


class Student:
    """Somebody's browser: it asks for a desktop, waits for a machine, and comes back as a viewer does."""

    def __init__(self, name, url, http, target="lab"):
        self.name, self._url, self._http, self._target = name, url, http, target
        self.viewer = self.machine = self.ended = None
        #: Every machine that they have seen, and what they were told when they got none.
        self.machines, self.refusals = [], []
        #: Seconds from the click to the desktop.
        self.waited = 0.0
        self._task = None

    def click(self):
        self._task = asyncio.create_task(self._use(time.monotonic()))

    async def _use(self, begun):
        while self.ended is None:
            try:
                await self._connect()
                self.waited = self.waited or time.monotonic() - begun
                await self.viewer.until_closed()
            except (HTTPClientError, WebSocketError, OSError, EOFError, TimeoutError) as error:
                self.refusals.append(str(error))
            self.machine = None
            code = self.viewer.websocket.close_code if self.viewer else None
            if code not in AGAIN:
                self.ended = code
            await asyncio.sleep(0.5)

    async def _connect(self):
        self.viewer = None
        token = json.loads((await self.ask("api/tokens", "POST", target=self._target)).body)["token"]
        self.viewer = Patient(await self.open(token))
        await self.viewer.log_in()
        self.machine = self.viewer.name
        self.machines.append(self.machine)

    async def ask(self, path, method="GET", **body):
        headers = {"Authorization": f"token {self.name}", "Content-Type": "application/json"}
        sent = json.dumps(body) if method == "POST" else None
        options = {"request_timeout": 60, "connect_timeout": 60}
        return await self._http.fetch(HTTPRequest(self._url + path, method, headers, sent, **options))

    async def open(self, token, url=None):
        url = f"{url or self._url}ws".replace("http", "ws", 1)
        request = HTTPRequest(url, headers={"Authorization": f"token {self.name}"}, request_timeout=60)
        return await websocket_connect(request, subprotocols=["binary", f"vnc.token.{token}", "vnc.notes"])

    @property
    def place(self):
        """The last place in the queue that they were told; 0 if none, or if they have a machine."""
        notes = [note["place"] for note in (self.viewer.notes if self.viewer else []) if note["kind"] == "place"]
        return notes[-1] if notes and not self.machine else 0

    async def leave(self):
        self.ended = self.ended or 1001
        if self.viewer is not None:
            self.viewer.websocket.close()
        if self._task is not None:
            self._task.cancel()
            assert (await asyncio.wait([self._task], timeout=60))[0], f"{self.name} stays"


class Patient(Viewer):
    """A viewer that waits for a machine."""

    patience = 600.0


@contextmanager
def processes(folder, database, api, paths, count):
    """Run that many processes of the service for a pool of machines; yields them."""
    pool = {"machines": {path.name: {"socket": str(path)} for path in paths}, "idle_timeout": 3600}
    targets = {
        "lab": {"pool": pool, "allow_groups": ["course"]},
        "one": {"socket": str(paths[0]), "allow_groups": ["course"]},
    }
    limits = {"sessions_total": 0, "sessions_per_target": 0, "token_ttl": 300.0}
    lines = [f"c.VNCHub.db_url = {database!r}", f"c.VNCBroker.targets = {targets!r}"]
    lines += [f"c.VNCBroker.{name} = {value!r}" for name, value in limits.items()]
    (folder / "vnc.py").write_text("\n".join(lines))
    secrets(folder)
    services = []
    try:
        services.extend(Service(folder, api, f"process-{number}") for number in range(count))
        yield services
    finally:
        for service in services:
            if service.process.poll() is None:
                service.process.terminate()
        for service in services:
            stop(service.process, 60)


async def until(condition, limit=PATIENCE):
    """Wait for something to become true."""
    async with asyncio.timeout(limit):
        while not (found := condition()):
            await asyncio.sleep(0.2)
    return found
