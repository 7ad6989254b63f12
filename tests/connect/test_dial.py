"""Dialling: every failure has its own sentence, no address in it, and nothing stays open."""

import asyncio
import os
import pwd
import socket
from contextlib import closing

import pytest

from jupyter_vnc.connect import dial as module
from jupyter_vnc.connect.dial import dial
from jupyter_vnc.exceptions import TargetUnreachable
from jupyter_vnc.model.addresses import TCPAddress, UnixAddress
from tests.fakes import vnc_server


async def refused(address):
    """Dial, and return the error: its sentence tells nothing of the address, its detail all."""
    with pytest.raises(TargetUnreachable) as caught:
        async with asyncio.timeout(60):  # a resolver that has no answer takes its time
            await dial(address)
    where = address.path if isinstance(address, UnixAddress) else address.host
    assert where not in str(caught.value)
    assert where in caught.value.detail
    return caught.value


@pytest.fixture
def path(tmp_path):
    return tmp_path / "vnc.sock"


@pytest.mark.parametrize("unix", [False, True])
async def test_a_server_is_reached(unix, path):
    async with vnc_server.recorder(path if unix else None) as server:
        channel = await dial(server.address)
        assert await channel.read() == vnc_server.VERSION
        await channel.close()
        await server.until(lambda: server.open == 0)
    assert server.connections == 1


async def test_tcp_keepalive_is_on():
    async with vnc_server.silent() as server:
        channel = await dial(server.address)
        assert channel.socket.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        asked = [getattr(socket, f"TCP_KEEP{name}") for name in ("IDLE", "INTVL", "CNT")]
        idle, interval, count = (channel.socket.getsockopt(socket.IPPROTO_TCP, option) for option in asked)
        assert idle + interval * count == module.SILENCE
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            assert channel.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == module.SILENCE * 1000
        await channel.close()


@pytest.mark.parametrize("unix", [False, True])
async def test_refused(unix, path):
    async with vnc_server.refusing(path if unix else None) as server:
        assert "refused the connection" in str(await refused(server.address))


async def test_no_such_host():
    assert "host name is not known" in str(await refused(TCPAddress("no-such-host.invalid", 5900)))


async def test_no_such_socket(path):
    assert "socket does not exist" in str(await refused(UnixAddress(str(path))))
    assert "socket does not exist" in str(await refused(UnixAddress(str(path / "deeper"))))


async def test_not_a_socket(path):
    path.touch()
    assert "is not a socket" in str(await refused(UnixAddress(str(path))))


async def test_a_socket_of_somebody_else(path, monkeypatch):
    async with vnc_server.silent(path) as server:
        monkeypatch.setattr(module, "_owners", lambda address: {4711})
        error = await refused(server.address)
        assert "not safe" in str(error)
        assert f"belongs to uid {os.geteuid()}" in error.detail
        assert server.connections == 0


async def test_a_server_of_somebody_else_behind_a_good_socket(path, monkeypatch):
    async with vnc_server.silent(path) as server:
        monkeypatch.setattr(module, "_peer_uid", lambda sock: 4711)
        error = await refused(server.address)
        assert "runs as uid 4711" in error.detail
        await server.until(lambda: server.connections == 1 and server.open == 0)


@pytest.mark.parametrize(
    ("socket_mode", "folder_mode", "good"),
    [
        (0o600, 0o755, True),
        (0o660, 0o755, True),
        (0o666, 0o755, False),
        (0o666, 0o700, True),
        (0o600, 0o777, False),
        (0o600, 0o1777, True),
        (0o777, 0o1777, False),
    ],
)
async def test_access_to_the_socket(socket_mode, folder_mode, good, path):
    async with vnc_server.silent(path) as server:
        path.chmod(socket_mode)
        path.parent.chmod(folder_mode)
        if good:
            await (await dial(server.address)).close()
        else:
            assert "not safe" in str(await refused(server.address))


def test_owners_are_root_ourselves_and_the_named_one():
    nobody = pwd.getpwnam("nobody").pw_uid
    assert module._owners(UnixAddress("/s")) == {0, os.geteuid()}
    assert module._owners(UnixAddress("/s", "nobody")) == {0, os.geteuid(), nobody}
    assert module._owners(UnixAddress("/s", "4711")) == {0, os.geteuid(), 4711}
    assert module._owners(UnixAddress("/s", "no-such-account")) == {0, os.geteuid()}


def filled(listener, path):
    """Connect until the backlog is full; return the clients that wait in it."""
    waiting = []
    for _ in range(50):
        client = socket.socket(socket.AF_UNIX)
        client.setblocking(False)
        try:
            client.connect(str(path))
        except BlockingIOError:
            client.close()
            return waiting
        waiting.append(client)
    raise AssertionError("the backlog did not fill")


async def test_a_full_backlog_is_tried_until_there_is_room(path):
    with closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(str(path))
        listener.listen(1)
        waiting = filled(listener, path)
        dialling = asyncio.create_task(dial(UnixAddress(str(path))))
        await asyncio.sleep(0.15)
        assert not dialling.done()
        for client in waiting:
            listener.accept()[0].close()
            client.close()
        async with asyncio.timeout(30):
            channel = await dialling
        peer, _ = listener.accept()
        with closing(peer):
            await channel.write(b"hello")
            assert peer.recv(5) == b"hello"
        await channel.close()


async def test_a_backlog_that_stays_full_ends_with_the_callers_time(path):
    with closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(str(path))
        listener.listen(1)
        waiting = filled(listener, path)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await dial(UnixAddress(str(path)))
        for client in waiting:
            client.close()
