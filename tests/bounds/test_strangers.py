"""What people without a login may cost the service, and a server with the extension: as processes, by their memory."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress

import psutil
import pytest
import requests

from demo.processes import free_port
from jupyter_vnc.http.incoming import BODY_TIMEOUT
from jupyter_vnc.hub import server as bounds
from tests import hostile
from tests.hub.hub import environment

MIB = 1024 * 1024
#: A body of each stranger (bytes), and how many come at once.
SIZE = 100 * MIB
STRANGERS = 50
#: By how much a process may grow (bytes).
GROWTH = 8 * MIB
#: For how long others may wait meanwhile: seconds of the processor that the server spends on something else.
BUSY = 5
#: And by the clock, on a machine that has other things to do.
PATIENCE = 60


@contextmanager
def process(folder, argv, port, alive, **variables):
    """A server as a process of its own, once it answers."""
    with (folder / "server.log").open("wb") as log:
        started = subprocess.Popen(
            [sys.executable, "-m", *argv],
            cwd=folder,
            env={**environment(), **variables},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        for _ in range(600):
            try:
                if requests.get(f"http://127.0.0.1:{port}{alive}", timeout=5).ok:
                    break
            except requests.RequestException:
                assert started.poll() is None, (folder / "server.log").read_text()
                time.sleep(0.05)
        for path in ("/vnc/", "/vnc/api/targets", "/services/vnc/", "/services/vnc/api/targets", "/nowhere"):
            # Templates and the like are read once.
            requests.get(f"http://127.0.0.1:{port}{path}", timeout=20, allow_redirects=False)
        yield Process(psutil.Process(started.pid), port, alive, folder / "server.log")
    finally:
        started.terminate()
        started.wait(60)


class Process:
    """A running server: its memory, whether it answers, and what it said."""

    def __init__(self, process, port, alive, log):
        self.port, self.alive, self._process, self._log = port, alive, process, log

    @property
    def memory(self):
        return self._process.memory_info().rss

    @property
    def spent(self):
        """Seconds of the processor."""
        return sum(self._process.cpu_times()[:2])

    async def grows(self, strangers):
        """Let strangers do what they do; return by how much the memory grew (bytes), and how long others waited.

        The latter in seconds of the server's processor: what a busy machine does meanwhile does not count.
        """
        before, peak, slowest = self.memory, 0, 0.0
        task = asyncio.ensure_future(strangers)
        while not task.done():
            begin = self.spent
            status, _, _ = await hostile.ask(self.port, "GET", self.alive, patience=PATIENCE)
            slowest = max(slowest, self.spent - begin)
            assert status == 200
            peak = max(peak, self.memory - before)
            await asyncio.wait([task], timeout=0.02)
        return await task, max(peak, self.memory - before), slowest

    def said(self):
        return self._log.read_text(errors="replace")


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """The hub's service. The hub is not there: no stranger is a reason to ask it."""
    folder, port = tmp_path_factory.mktemp("service"), free_port()
    (folder / "vnc.py").write_text("c.VNCBroker.targets = {'lab-1': {'host': '127.0.0.1', 'port': 1}}\n")
    variables = {
        "JUPYTERHUB_API_TOKEN": "x",
        "JUPYTERHUB_API_URL": "http://127.0.0.1:1/hub/api",
        "JUPYTERHUB_CLIENT_ID": "service-vnc",
        "JUPYTERHUB_BASE_URL": "/",
        "JUPYTERHUB_SERVICE_NAME": "vnc",
        "JUPYTERHUB_SERVICE_PREFIX": "/services/vnc/",
        "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{port}",
        "JUPYTERHUB_OAUTH_CALLBACK_URL": "/services/vnc/oauth_callback",
    }
    with process(folder, ["jupyter_vnc.hub", "--config=vnc.py"], port, "/services/vnc/health", **variables) as running:
        yield running


@pytest.fixture(scope="module")
def extension(tmp_path_factory):
    """A Jupyter server with the extension."""
    folder, port = tmp_path_factory.mktemp("extension"), free_port()
    home = {name: str(folder) for name in ("HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")}
    argv = ["jupyter_server", f"--port={port}", "--no-browser", "--IdentityProvider.token=x", "--allow-root"]
    argv += ["--ServerApp.port_retries=0", "--ServerApp.jpserver_extensions={'jupyter_vnc': True}"]
    with process(folder, argv, port, "/api", **home, JUPYTER_CONFIG_PATH=str(folder)) as running:
        yield running


async def send(port, path, head, pieces):
    """Send a request's head, and then an unwanted body; return the status that came, or 0."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.transport.set_write_buffer_limits(high=0)
    try:
        async with asyncio.timeout(60):
            writer.write(f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{head}\r\n".encode())
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            return int((await reader.readline()).split()[1])
    except (ConnectionError, IndexError):
        return 0
    finally:
        writer.transport.abort()


def announced(size):
    piece = bytes(65536)
    return f"Content-Length: {size}\r\n", (piece for _ in range(size // len(piece)))


def in_chunks(size):
    piece = b"10000\r\n" + bytes(65536) + b"\r\n"
    return "Transfer-Encoding: chunked\r\n", (piece for _ in range(size // 65536))


def in_small_chunks(size):
    """Chunks that no limit of a single one stops, many of which are in one packet."""
    piece = b"400\r\n" + bytes(1024) + b"\r\n"
    return "Transfer-Encoding: chunked\r\n", (piece * 60 for _ in range(size // 65536))


def in_one_chunk(size):
    piece = bytes(65536)
    return "Transfer-Encoding: chunked\r\n", (
        b"%x\r\n" % size if first == 0 else piece for first in range(size // 65536)
    )


WAYS = [announced, in_chunks, in_small_chunks, in_one_chunk]
SERVICE = "/services/vnc"
PATHS = ("/api/tokens", "/", "/ws", "/static/viewer/page.js", "/api/desktops/mine", "/nowhere")


async def all_send(port, paths, way):
    calls = [send(port, paths[number % len(paths)], *way(SIZE)) for number in range(STRANGERS)]
    return await asyncio.gather(*calls)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
async def test_bodies_of_strangers_are_not_kept_by_the_service(service, way):
    paths = [*(SERVICE + path for path in PATHS), SERVICE + "/oauth_callback", SERVICE + "/health", "/elsewhere"]
    statuses, growth, slowest = await service.grows(all_send(service.port, paths, way))
    print(f"{way.__name__}: the service grows by {growth / MIB:.1f} MiB; others wait {slowest * 1000:.0f} ms at most")
    assert set(statuses) <= {0, 400, 403, 405, 413}
    assert growth < GROWTH
    assert slowest < BUSY
    assert "Traceback" not in service.said()


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
async def test_bodies_of_strangers_are_not_kept_by_the_extension(extension, way):
    paths = ["/vnc" + path for path in PATHS]
    statuses, growth, slowest = await extension.grows(all_send(extension.port, paths, way))
    print(f"{way.__name__}: the server grows by {growth / MIB:.1f} MiB; others wait {slowest * 1000:.0f} ms at most")
    assert set(statuses) <= {0, 400, 403, 405, 413}
    assert growth < GROWTH
    assert slowest < BUSY
    assert "Traceback" not in extension.said()


@pytest.mark.parametrize("size", [2049, 16_384])
@pytest.mark.parametrize("running", ["service", "extension"])
async def test_a_client_that_waits_learns_that_the_body_is_too_large(request, running, size):
    server = request.getfixturevalue(running)
    path = (SERVICE if running == "service" else "/vnc") + "/api/tokens"
    status, head, body = await hostile.ask(server.port, "POST", path, body=bytes(size), patience=60)
    assert (status, b"application/json" in head) == (413, True)
    assert b'"reason": "too_large"' in body
    assert b"over 2048 bytes" in body


async def until_closed(sock, limit):
    """Wait until the server has closed a connection."""
    async with asyncio.timeout(limit):
        try:
            while await asyncio.get_running_loop().sock_recv(sock, 65536):
                pass
        except ConnectionError:
            pass


async def half_open(port, count, sent):
    """Connections on which a request is begun and not ended."""
    sockets = []
    for _ in range(count):
        sock = socket.socket()
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        await asyncio.get_running_loop().sock_sendall(sock, sent)
        sockets.append(sock)
    return sockets


BEGUN = {
    "nothing": b"",
    "half a head": b"GET /services/vnc/api/targets HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 4000,
    "half a body": b"POST /elsewhere HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n\r\n{",
}


@pytest.mark.parametrize(
    "begun", ["half a head", *(pytest.param(one, marks=pytest.mark.endurance) for one in ("nothing", "half a body"))]
)
async def test_requests_that_never_end_do_not_block_others(service, begun):
    many = bounds.MAX_WAITING + 200
    sockets = []

    async def come():
        sockets.extend(await half_open(service.port, many, BEGUN[begun]))

    try:
        _, growth, slowest = await service.grows(come())
        print(f"{begun}: {many} of them, {growth / MIB:.1f} MiB; others wait {slowest * 1000:.0f} ms at most")
        await until_closed(sockets[0], 60)
        with pytest.raises(TimeoutError):
            await until_closed(sockets[-1], 0.2)
        assert (await hostile.ask(service.port, "GET", service.alive, patience=60))[0] == 200
        assert slowest < BUSY
        assert growth < 4 * GROWTH
    finally:
        for sock in sockets:
            sock.close()
    assert "Traceback" not in service.said()


@pytest.mark.endurance
@pytest.mark.parametrize(("begun", "limit"), [("half a head", bounds.HEAD_TIMEOUT), ("half a body", BODY_TIMEOUT)])
async def test_a_request_that_never_ends_is_ended(service, begun, limit):
    (sock,) = await half_open(service.port, 1, BEGUN[begun])
    try:
        await until_closed(sock, limit + 10)
    finally:
        sock.close()


async def test_a_head_that_does_not_end_is_refused(service):
    (sock,) = await half_open(service.port, 1, b"GET / HTTP/1.1\r\nX: ")
    try:
        with suppress(ConnectionError):  # it need not wait for all of it
            await asyncio.get_running_loop().sock_sendall(sock, b"x" * (bounds.MAX_HEAD + 65536))
        await until_closed(sock, 60)
    finally:
        sock.close()


def test_the_service_may_have_the_files_of_a_course(service):
    soft, _ = psutil.Process(service._process.pid).rlimit(psutil.RLIMIT_NOFILE)
    assert soft >= min(bounds.FILES, os.sysconf("SC_OPEN_MAX"))


def connection_after(port, verb, path):
    """What becomes of a connection after one request: what the answer says of it, and whether it is closed."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as link:
        head = f"{verb} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: keep-alive\r\n"
        link.sendall(f"{head}\r\n".encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += link.recv(65536)
        announced = b"\r\nconnection: close\r\n" in answer.lower()
        # A second request is answered on a connection that is open.
        with suppress(ConnectionError):
            link.sendall(f"HEAD {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
            while piece := link.recv(65536):
                answer += piece
        return announced, answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("verb", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["", "room", "api/sessions", "api/tokens", "health", "nowhere", "static/none.js"])
def test_a_connection_is_only_closed_where_the_answer_says_so(service, verb, path):
    announced, closed = connection_after(service.port, verb, f"/services/vnc/{path}")
    assert announced == closed


@pytest.mark.parametrize("verb", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("path", ["", "api/sessions", "api/tokens", "nowhere"])
def test_nor_is_it_in_a_users_server(extension, verb, path):
    announced, closed = connection_after(extension.port, verb, f"/vnc/{path}")
    assert announced == closed
