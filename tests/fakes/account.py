"""A VNC server of another account on a loopback port, which wants the password; only root can start one.

    python account.py UID KIND HOST

It says its port, and then in a line for each connection what login it was told: JSON, null for none.
"""

import asyncio
import contextlib
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from jupyter_vnc.model.addresses import TCPAddress  # noqa: E402 - found by then
from tests.rfb.scripts import OK, V38, AppleServer, types, vencrypt  # noqa: E402

#: VeNCrypt's TLSPlain.
TLS_PLAIN = 259


class Stranger:
    """What a test sees of it."""

    def __init__(self, process, host):
        self._process = process
        self.address = TCPAddress(host, int(process.stdout.readline()))

    def learned(self):
        """Return what the next connection told it."""
        return json.loads(self._process.stdout.readline())

    async def learned_soon(self):
        async with asyncio.timeout(60):
            return await asyncio.to_thread(self.learned)


@contextmanager
def server_of(uid, kind, host="127.0.0.1"):
    """Run one until the end of the block."""
    command = [sys.executable, __file__, str(uid), kind, host]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, cwd="/")
    try:
        yield Stranger(process, host)
    finally:
        process.kill()
        process.communicate()


def _apple(link):
    server = AppleServer()
    lines = server.run()
    link.sendall(next(lines))
    _read(link, 12 + 1)
    link.sendall(lines.send(b""))
    link.sendall(lines.send(_read(link, 2 * 128)))
    return [half.decode() for half in server.login]


def _tls_plain(link):
    link.sendall(V38 + types(19))
    _read(link, 12 + 1)
    link.sendall(vencrypt(TLS_PLAIN))
    assert _read(link, 2 + 4)[2:] == struct.pack(">I", TLS_PLAIN)
    link.sendall(b"\1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("aNULL:@SECLEVEL=0")
    with context.wrap_socket(link, server_side=True) as inside:
        name, word = struct.unpack(">II", _read(inside, 8))
        login = [_read(inside, name).decode(), _read(inside, word).decode()]
        inside.sendall(OK)
        with contextlib.suppress(OSError):
            _read(inside, 1)
    return login


def _read(link, count):
    data = b""
    while len(data) < count:
        more = link.recv(count - len(data))
        if not more:
            raise ConnectionResetError
        data += more
    return data


def _say(what):
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


KINDS = {"apple": _apple, "tls-plain": _tls_plain}


def main(uid, kind, host):
    os.setgroups([])
    os.setgid(int(uid))
    os.setuid(int(uid))
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as listener:
        _say(listener.getsockname()[1])
        while True:
            link, _ = listener.accept()
            with link:
                link.settimeout(60)
                try:
                    login = KINDS[kind](link)
                except (OSError, AssertionError):
                    login = None
            _say(json.dumps(login))


if __name__ == "__main__":
    main(*sys.argv[1:])
