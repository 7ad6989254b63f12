"""What the tests of handlers share: a server with targets, a browser-like client, and a target that counts callers."""

import asyncio
import json
import socket
from contextlib import contextmanager
from http.cookies import SimpleCookie

from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

#: Errors are answers, and redirects are not followed.
SINGLE = {"raise_error": False, "follow_redirects": False}
#: Seconds: a thousand at once, or one on a busy machine, may wait longer than tornado would.
PATIENT = {"connect_timeout": 90, "request_timeout": 90}


@contextmanager
def counting_target():
    """A TCP port that accepts into its backlog and never reads: ``callers()`` says how many came."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener


def callers(listener):
    """How many connections are waiting."""
    count = 0
    while True:
        try:
            listener.accept()[0].close()
        except BlockingIOError:
            return count
        count += 1


class Client:
    """Requests as a browser or a script would make them, to a server of pytest-jupyter."""

    def __init__(self, serverapp, http_client, port):
        self.app = serverapp
        self.base = serverapp.base_url
        self._http = http_client
        self.origin = f"http://127.0.0.1:{port}"
        self.token = {"Authorization": f"token {serverapp.identity_provider.token}"}

    def url(self, path):
        return f"{self.base}vnc{path}"

    async def fetch(self, path, method="GET", headers=None, body=None):
        """One request below ``vnc``; errors are answers, redirects are not followed."""
        if body is None and method in {"POST", "PUT", "PATCH"}:
            body = "{}"
        elif body is not None and not isinstance(body, str | bytes):
            body = json.dumps(body)
        return await self._http.fetch(
            self.url(path), method=method, headers=headers or {}, body=body, **SINGLE, **PATIENT
        )

    async def log_in(self):
        """Log in as a browser does; return the headers of its later requests."""
        answer = await self.fetch("/", headers=self.token)
        assert answer.code == 200
        jar = SimpleCookie()
        for line in answer.headers.get_list("Set-Cookie"):
            jar.load(line)
        cookie = "; ".join(f"{name}={morsel.coded_value}" for name, morsel in jar.items())
        return {"Cookie": cookie, "X-XSRFToken": jar["_xsrf"].value}

    async def issue(self, target, headers=None, **more):
        """Ask for a token; return the answer's JSON."""
        answer = await self.fetch("/api/tokens", "POST", headers or self.token, {"target": target, **more})
        return json.loads(answer.body)

    async def connect(self, token, headers=None, subprotocols=None, path="/ws", **options):
        """Open a websocket with a token; ``options`` are tornado's."""
        url = self.origin.replace("http", "ws", 1) + self.url(path)
        offered = ["binary", f"vnc.token.{token}"] if subprotocols is None else subprotocols
        request = HTTPRequest(url, headers=headers or self.token, **PATIENT)
        return await websocket_connect(request, subprotocols=offered, **options)


async def read_to_close(websocket, limit=100):
    """Read until the server closes; return what came, the code and the reason."""
    data = b""
    for _ in range(limit):
        message = await websocket.read_message()
        if message is None:
            websocket.close()
            return data, websocket.close_code, websocket.close_reason
        data += message
    raise AssertionError("the server does not close")


async def ask_for_websocket(port, path, **headers):
    """Send the request for a websocket and wait for no answer; return what closes the connection."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    upgrade = {"Host": f"127.0.0.1:{port}", "Connection": "Upgrade", "Upgrade": "websocket"}
    version = {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    lines = [f"{name}: {value}" for name, value in {**upgrade, **version, **headers}.items()]
    writer.write("\r\n".join([f"GET {path} HTTP/1.1", *lines, "", ""]).encode())
    return writer.close


def note_calls(monkeypatch, kind, called):
    """Have the names of a websocket handler's ``open`` and ``on_close`` appended once they have been called."""

    def noting(name, call):
        def noted(self, *args):
            try:
                return call(self, *args)
            finally:
                called.append(name)

        return noted

    for name in ("open", "on_close"):
        monkeypatch.setattr(kind, name, noting(name, getattr(kind, name)))
