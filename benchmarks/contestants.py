"""What is measured: this project, its alternatives, and the floor. Each is a real server in its own process."""

from __future__ import annotations

import contextlib
import http.client
import importlib.metadata
import json
import multiprocessing
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, ClassVar, Final

import psutil

from demo.processes import free_port

from . import floor
from .browser import BareBrowser, Browser

_PATIENCE: Final = 60.0
_HOST: Final = "127.0.0.1"


class Contestant:
    """A relay in a process of its own, with each of the source's recipes behind it."""

    name: ClassVar[str]
    #: The package that has to be installed.
    package: ClassVar[str]

    def __init__(self, folder: Path, ports: Mapping[str, int]) -> None:
        self._folder = folder / self.name
        self._folder.mkdir()
        self._ports = ports
        self._root = psutil.Process()

    @classmethod
    def version(cls) -> str:
        """The version that is installed; empty if none is."""
        try:
            return importlib.metadata.version(cls.package)
        except importlib.metadata.PackageNotFoundError:
            return ""

    @contextmanager
    def running(self) -> Iterator[None]:
        """Start it, and wait until it answers."""
        with (self._folder / "log").open("wb") as log:
            process = subprocess.Popen(self._command(), stdout=log, stderr=log, env=self._environ(), cwd=self._folder)
        self._root = psutil.Process(process.pid)
        try:
            self._wait()
            yield
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
            process.wait()

    def open(self, recipe: str, receive_buffer: int = 0) -> Browser:
        """Return a browser that has greeted."""
        raise NotImplementedError

    def cpu(self) -> float:
        """Return the CPU time that it has used so far, user and system (seconds)."""
        times = self._root.cpu_times()
        spent = times.user + times.system + times.children_user + times.children_system
        for child in self._root.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                spent += child.cpu_times().user + child.cpu_times().system
        return spent

    def memory(self) -> int:
        """Return its private memory in user space (bytes)."""
        held = 0
        for process in (self._root, *self._root.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                held += process.memory_full_info().uss
        return held

    def _command(self) -> list[str]:
        raise NotImplementedError

    def _environ(self) -> dict[str, str]:
        return dict(os.environ)

    def _wait(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                self.open("still").close()
                return
            time.sleep(0.1)
        raise TimeoutError(f"{self.name} does not start:\n{(self._folder / 'log').read_text()[-2000:]}")


#: What may be installed in this environment.
_EXTENSIONS: Final = (
    "jupyter_lsp",
    "jupyter_remote_desktop_proxy",
    "jupyter_server_proxy",
    "jupyter_server_terminals",
    "jupyter_vnc",
    "jupyterlab",
    "notebook",
    "notebook_shim",
)


class JupyterServer(Contestant):
    """A real Jupyter server with one extension."""

    extensions: ClassVar[tuple[str, ...]]

    def __init__(self, folder: Path, ports: Mapping[str, int]) -> None:
        super().__init__(folder, ports)
        self._port = free_port()
        self._token = secrets.token_hex(16)
        extensions = {name: name in self.extensions for name in _EXTENSIONS}
        config = {
            "ServerApp": {"jpserver_extensions": extensions, "port": self._port, "port_retries": 0, "ip": _HOST},
            "IdentityProvider": {"token": self._token},
            **self._config(),
        }
        (self._folder / "config.json").write_text(json.dumps(config))

    def rest(self, requests: int) -> list[float]:
        """Request Jupyter's own status that many times; return how long each took (seconds)."""
        link = http.client.HTTPConnection(_HOST, self._port)
        taken = []
        for _ in range(requests):
            began = time.perf_counter()
            link.request("GET", "/api/status", headers=self._login)
            assert "kernels" in json.load(link.getresponse())
            taken.append(time.perf_counter() - began)
        link.close()
        return taken

    @property
    def _login(self) -> dict[str, str]:
        return {"Authorization": f"token {self._token}"}

    def _config(self) -> dict[str, Any]:
        raise NotImplementedError

    def _command(self) -> list[str]:
        config = str(self._folder / "config.json")
        return [sys.executable, "-m", "jupyter_server", "--config", config, "--allow-root", "--no-browser"]

    def _environ(self) -> dict[str, str]:
        places = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
        return {**os.environ, **{name: str(self._folder / name.lower()) for name in places}}


class Ours(JupyterServer):
    """This project in a Jupyter server."""

    name = package = "jupyter-vnc"
    extensions = ("jupyter_vnc",)

    def _config(self) -> dict[str, Any]:
        names = ("tokens_per_minute", "sessions_per_user", "sessions_per_target", "sessions_total", "ping_interval")
        limits = {"tokens_per_user": 4096, "token_burst": 4096} | dict.fromkeys(names, 0)
        targets = {name: {"host": _HOST, "port": port} for name, port in self._ports.items()}
        return {"VNCBroker": {"targets": targets, **limits}}

    def open(self, recipe: str, receive_buffer: int = 0) -> Browser:
        link = http.client.HTTPConnection(_HOST, self._port)
        link.request("POST", "/vnc/api/tokens", json.dumps({"target": recipe}), self._login)
        answer = json.load(link.getresponse())
        link.close()
        protocols = {"Sec-WebSocket-Protocol": f"binary, vnc.token.{answer['token']}"}
        return Browser(self._port, "/vnc/ws", {**self._login, **protocols}, receive_buffer)


class JupyterServerProxy(JupyterServer):
    """jupyter-server-proxy's relay of raw sockets in a Jupyter server."""

    name = package = "jupyter-server-proxy"
    extensions = ("jupyter_server_proxy",)

    def _config(self) -> dict[str, Any]:
        one = {"command": [], "raw_socket_proxy": True, "launcher_entry": {"enabled": False}}
        return {"ServerProxy": {"servers": {name: {**one, "port": port} for name, port in self._ports.items()}}}

    def open(self, recipe: str, receive_buffer: int = 0) -> Browser:
        return Browser(self._port, f"/{recipe}/", self._login, receive_buffer)


class Websockify(Contestant):
    """websockify as a server of its own, with a file of tokens."""

    name = package = "websockify"

    def __init__(self, folder: Path, ports: Mapping[str, int]) -> None:
        super().__init__(folder, ports)
        self._port = free_port()
        lines = [f"{name}: {_HOST}:{port}\n" for name, port in ports.items()]
        (self._folder / "tokens").write_text("".join(lines))

    def _command(self) -> list[str]:
        tokens = ["--token-plugin", "TokenFile", "--token-source", str(self._folder / "tokens")]
        return [sys.executable, "-m", "websockify", *tokens, f"{_HOST}:{self._port}"]

    def open(self, recipe: str, receive_buffer: int = 0) -> Browser:
        return Browser(self._port, f"/?token={recipe}", {}, receive_buffer)


class Floor(Contestant):
    """A bare loop of ``splice``."""

    name = "splice"
    package = "jupyter-vnc"

    @classmethod
    def version(cls) -> str:
        return os.uname().release

    @contextmanager
    def running(self) -> Iterator[None]:
        """Listen once for each recipe."""
        with ExitStack() as stack:
            listen = [socket.create_server((_HOST, 0), backlog=512) for _ in self._ports]
            listeners = {name: stack.enter_context(one) for name, one in zip(self._ports, listen, strict=True)}
            self._listening = {name: listener.getsockname()[1] for name, listener in listeners.items()}
            pairs = [(listeners[name], port) for name, port in self._ports.items()]
            process = multiprocessing.get_context("fork").Process(target=_serve_floor, args=(pairs,), daemon=True)
            process.start()
            self._root = psutil.Process(process.pid)
            stack.callback(process.join)
            stack.callback(process.kill)
            yield

    def open(self, recipe: str, receive_buffer: int = 0) -> Browser:
        return BareBrowser(self._listening[recipe], "", {}, receive_buffer)


def _serve_floor(pairs: list[tuple[socket.socket, int]]) -> None:
    threads = [threading.Thread(target=floor.serve, args=pair) for pair in pairs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


ALL: Final[tuple[type[Contestant], ...]] = (Ours, JupyterServerProxy, Websockify, Floor)
