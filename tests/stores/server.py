"""A real Redis on a Unix socket, and the stores that use it."""

import os
import signal
import socket
import subprocess
import time

from traitlets import Any
from traitlets.config import Config, LoggingConfigurable

from jupyter_vnc.stores.database.tokens import DatabaseTokens
from jupyter_vnc.stores.redis import RedisTokens
from tests.needs import require


class RedisServer:
    """``redis-server`` without a port; it can be stopped, started again, and held."""

    def __init__(self, folder, *options):
        require("redis-server")
        self.folder, self.socket, self._options = folder, folder / "redis.sock", options
        self.url = f"unix://{self.socket}"
        self.start()

    def start(self):
        command = ["redis-server", "--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700"]
        command += ["--save", "", "--rdbcompression", "no", "--dir", str(self.folder), *self._options]
        with (self.folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + 20
        while not self.answers():
            assert time.monotonic() < deadline, (self.folder / "redis.log").read_text()[-2000:]
            time.sleep(0.02)

    def answers(self):
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(5)
                client.connect(str(self.socket))
                client.sendall(b"PING\r\n")
                return client.recv(64) != b""
        except OSError:
            return False

    def hold(self):
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WNOWAIT)

    def go_on(self):
        self._process.send_signal(signal.SIGCONT)

    def kill(self):
        self._process.kill()
        self._process.wait(15)


def redis_store(url, *, per_user=16, total=4096, **options):
    """A store as the broker makes it."""
    parent = LoggingConfigurable(config=Config(RedisTokens={"url": url, **options}))
    return RedisTokens(parent=parent, per_user=per_user, total=total)


class Host(LoggingConfigurable):
    """What a broker has as its parent in the hub service."""

    database = Any()


def database_store(database, **limits):
    """A store as the broker of the hub service makes it."""
    return DatabaseTokens(parent=LoggingConfigurable(parent=Host(database=database)), **limits)
