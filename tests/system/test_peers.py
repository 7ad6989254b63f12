"""Whose process is at the other end of a connection, and what a stranger's VNC server on this machine gets of us."""

import asyncio
import contextlib
import os
import pwd
import socket
from dataclasses import replace

import pytest

from jupyter_vnc.close_codes import CloseCode
from jupyter_vnc.config.targets import parse_target
from jupyter_vnc.connect.connector import Connector
from jupyter_vnc.connect.login import ConnectLimits
from jupyter_vnc.exceptions import TargetProtocolError
from jupyter_vnc.model.credentials import Credentials, Secret
from jupyter_vnc.model.targets import Target, TLSOptions
from jupyter_vnc.system import peers
from tests.fakes import account
from tests.needs import require_root
from tests.server import read_to_close

NOBODY = pwd.getpwnam("nobody").pw_uid
ACCOUNT = ("teacher", "hunter22")
KINDS = ("apple", "tls-plain")


@pytest.fixture
def jp_server_config():
    extensions = {"jupyter_vnc": True, "jupyter_server_terminals": False}
    return {
        "ServerApp": {"jpserver_extensions": extensions, "allow_unauthenticated_access": False},
        "VNCBroker": {"targets": {"none": {"host": "127.0.0.1", "port": 1}}},
    }


def target(address, **keys):
    name, password = ACCOUNT
    return Target(name="lab", address=address, credentials=Credentials(name, "password", Secret(password)), **keys)


async def log_in(server, owner="", **keys):
    address = replace(server.address, owner=owner)
    leg = await Connector(ConnectLimits(30.0, 30.0)).connect(target(address, **keys), address)
    await leg.channel.close()


@contextlib.contextmanager
def somebody(uid):
    """Make the calls of this block as another user: a socket is whoever's who makes or accepts it."""
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize(("listens", "connects"), [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("::", "127.0.0.1")])
@pytest.mark.parametrize("uid", [0, NOBODY])
def test_the_uid_of_a_tcp_peer(listens, connects, uid):
    require_root()
    with contextlib.ExitStack() as stack:
        family = socket.AF_INET6 if ":" in listens else socket.AF_INET
        dual = {"dualstack_ipv6": True} if listens == "::" else {}
        with somebody(uid):
            listener = stack.enter_context(socket.create_server((listens, 0), family=family, **dual))
        link = stack.enter_context(socket.create_connection((connects, listener.getsockname()[1])))
        assert peers.is_on_this_machine(link)
        # Nobody has accepted it: the kernel shows it as root's, and it is nobody's yet.
        assert peers.tcp_uid(link) is None
        with somebody(uid):
            accepted, _ = listener.accept()
        with accepted:
            assert peers.tcp_uid(link) == uid
        # Closed, it is shown as root's again.
        assert peers.tcp_uid(link) is None


def test_our_own_end_is_not_taken_for_the_other_one():
    require_root()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with somebody(NOBODY):
            link = socket.create_connection(listener.getsockname())
        with link, listener.accept()[0] as accepted:
            assert (peers.tcp_uid(link), peers.tcp_uid(accepted)) == (0, NOBODY)


@pytest.mark.parametrize("uid", [0, NOBODY])
def test_a_uid_that_stands_for_all_others_is_nobodys(uid, monkeypatch):
    """As in a user namespace that does not map it."""
    require_root()
    monkeypatch.setattr(peers, "overflow_uid", lambda: NOBODY)
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        link = stack.enter_context(socket.create_connection(listener.getsockname()))
        with somebody(uid):
            stack.enter_context(listener.accept()[0])
        assert peers.tcp_uid(link) == (None if uid else 0)


@pytest.mark.parametrize("kind", KINDS)
async def test_another_account_on_a_loopback_port_receives_no_password(kind):
    require_root()
    with account.server_of(NOBODY, kind) as server:
        with pytest.raises(TargetProtocolError, match="gives away the password") as caught:
            await log_in(server)
        assert await server.learned_soon() is None
    assert caught.value.close_code == CloseCode.NOT_RFB
    assert "port_owner" in str(caught.value)[:123], "the rest does not fit into a close frame"
    assert str(server.address.port) not in str(caught.value)


async def test_so_it_is_not_over_ipv6():
    require_root()
    with account.server_of(NOBODY, "apple", "::1") as server:
        with pytest.raises(TargetProtocolError, match="gives away the password"):
            await log_in(server)
        assert await server.learned_soon() is None


async def test_nor_where_the_host_name_says_nothing_of_this_machine(monkeypatch):
    require_root()
    resolve = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *more, **options: resolve("127.0.0.1", *more, **options))
    with account.server_of(NOBODY, "apple") as server:
        server.address = replace(server.address, host="lab-1.example.org")
        with pytest.raises(TargetProtocolError, match="gives away the password"):
            await log_in(server)
        assert await server.learned_soon() is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("uid", "owner"), [(0, ""), (NOBODY, "nobody"), (NOBODY, str(NOBODY)), (NOBODY, "*")])
async def test_root_ourselves_and_the_port_owner_receive_it(kind, uid, owner):
    require_root()
    with account.server_of(uid, kind) as server:
        task = asyncio.create_task(log_in(server, owner))
        assert await server.learned_soon() == [*ACCOUNT]
        await task


async def test_an_unverified_server_will_do_where_the_admin_says_so():
    require_root()
    with account.server_of(NOBODY, "tls-plain") as server:
        task = asyncio.create_task(log_in(server, tls=TLSOptions("anonymous")))
        assert await server.learned_soon() == [*ACCOUNT]
        await task


@pytest.mark.parametrize("kind", KINDS)
async def test_an_unknown_account_is_a_stranger(kind, monkeypatch):
    """As behind a forwarded port, whose process is in another network namespace."""
    require_root()
    monkeypatch.setattr("jupyter_vnc.connect.security.tcp_uid", lambda sock: None)
    with account.server_of(0, kind) as server:
        with pytest.raises(TargetProtocolError, match="gives away the password"):
            await log_in(server)
        assert await server.learned_soon() is None


async def test_a_port_of_another_account_than_its_owner_gets_nothing_at_all():
    require_root()
    with account.server_of(NOBODY, "apple") as server:
        with pytest.raises(TargetProtocolError, match="port_owner") as caught:
            await log_in(server, "daemon")
        assert await server.learned_soon() is None
    assert f"uid {NOBODY}" in caught.value.detail
    assert str(server.address) not in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
async def test_from_the_browser_on(kind, client, broker):
    """The whole way: a target of the configuration, a token, the websocket, the close code."""
    require_root()
    with account.server_of(NOBODY, kind) as server:
        keys = {"host": "127.0.0.1", "port": server.address.port, "username": ACCOUNT[0], "password": ACCOUNT[1]}
        broker.sources[0].by_name["lab"] = parse_target("lab", keys)
        websocket = await client.connect((await client.issue("lab"))["token"])
        await websocket.write_message(b"RFB 003.008\n", binary=True)
        await websocket.write_message(b"\1", binary=True)
        _, code, reason = await read_to_close(websocket)
        assert code == 4504
        assert "port_owner" in reason
        assert await server.learned_soon() is None


def test_root_we_and_the_named_one_are_trusted():
    assert peers.trusted_uids() == {0, os.geteuid()}
    assert peers.trusted_uids("nobody") == peers.trusted_uids(str(NOBODY)) == {0, os.geteuid(), NOBODY}
    assert peers.trusted_uids("no-such-account") == peers.trusted_uids()


def test_a_unix_socket_of_our_own_is_called_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        with peers.connect_unix(path, 5.0) as link:
            assert (peers.unix_uid(link), peers.unix_pid(link)) == (os.geteuid(), os.getpid())
        monkeypatch.setattr(peers, "trusted_uids", lambda: {NOBODY})
        with pytest.raises(PermissionError, match=f"served by another account .uid {os.geteuid()}."):
            peers.connect_unix(path)


@pytest.mark.parametrize(
    ("mapped", "uid"),
    [("0 0 4294967295", None), ("0 1000 1\n1 100000 65536", 65534), ("no numbers", None), (None, None)],
)
def test_who_is_shown_as_somebody_that_stands_for_many(mapped, uid, monkeypatch):
    def read(path):
        if mapped is None:
            raise FileNotFoundError(path)
        return mapped if path.name == "uid_map" else "65534\n"

    monkeypatch.setattr(peers.Path, "read_text", read)
    assert peers.overflow_uid() == uid
