"""Connecting and logging in, with servers that do it right and servers that do not."""

import asyncio
import gc
import random
import socket
import ssl
import struct
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from types import SimpleNamespace

import pytest

from jupyter_vnc.close_codes import CloseCode
from jupyter_vnc.connect import connector as module
from jupyter_vnc.connect.connector import HANDSHAKES_AT_ONCE, Connector
from jupyter_vnc.connect.gate import Gate, Turn
from jupyter_vnc.connect.login import ConnectLimits
from jupyter_vnc.connect.security import policy_of
from jupyter_vnc.escaping import MAX_REMOTE_TEXT
from jupyter_vnc.exceptions import TargetError, TargetProtocolError, TargetRefused, TargetUnreachable
from jupyter_vnc.model.addresses import TCPAddress, UnixAddress
from jupyter_vnc.model.credentials import Credentials, Secret
from jupyter_vnc.model.targets import Target, TargetLimits, TLSOptions
from jupyter_vnc.throttling import Breaker
from tests.fakes import vnc_server
from tests.integration.certificates import Authority

#: For servers that never answer, and for those that do: on a busy machine, they need their time.
QUICK = ConnectLimits(connect_timeout=30, handshake_timeout=0.5)
PATIENT = ConnectLimits(connect_timeout=30.0, handshake_timeout=30.0)


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def path(tmp_path):
    return tmp_path / "vnc.sock"


def target(server, password="", **keys):
    credentials = Credentials("", "password", Secret(password)) if password else Credentials()
    return Target(name="lab", address=server.address, credentials=credentials, **keys)


async def connect(connector, server, password="", **keys):
    async with asyncio.timeout(60):
        return await connector.connect(target(server, password, **keys), server.address)


async def fails(kind, server, connector=None, password="", **keys):
    """Connect, expect this error, and that its sentence tells no address and the connection is closed."""
    with pytest.raises(kind) as caught:
        await connect(connector or Connector(PATIENT), server, password, **keys)
    assert str(server.address) not in str(caught.value)
    await server.until(lambda: server.open == 0)
    return caught.value


@pytest.mark.parametrize("unix", [False, True])
async def test_a_server_without_a_password(unix, path):
    async with vnc_server.recorder(path if unix else None) as server:
        leg = await connect(Connector(), server)
        await leg.channel.write(b"\1")
        assert leg.early == b""
        assert leg.security == "None (1)"
        assert await leg.channel.read() == vnc_server.SERVER_INIT
        await leg.channel.write(b"a key")
        assert await server.got(5) == b"a key"
        await leg.channel.close()
        await server.until(lambda: server.open == 0)
    assert server.shared == [1]
    assert server.connections == 1


@pytest.mark.parametrize("password", ["hunter2", "exactly8", "longer than eight letters"])
async def test_the_right_password(password):
    async with vnc_server.vnc_auth(password) as server:
        leg = await connect(Connector(), server, password)
        assert leg.security.endswith("(2)")
        await leg.channel.close()


async def test_the_wrong_password():
    async with vnc_server.vnc_auth("hunter2") as server:
        error = await fails(TargetRefused, server, password="hunter3")
        assert error.close_code == CloseCode.CREDENTIALS_REFUSED
        assert "hunter3" not in error.log_line


async def test_no_password_for_a_server_that_wants_one():
    async with vnc_server.vnc_auth("hunter2") as server:
        assert isinstance(await fails(TargetError, server), TargetProtocolError | TargetRefused)


async def test_after_three_refusals_the_server_is_left_alone():
    clock = Clock()
    connector = Connector(PATIENT, Breaker(3, open_for=30, clock=clock))
    async with vnc_server.wrong_password() as server:
        for _ in range(3):
            await fails(TargetRefused, server, connector, "wrong")
        assert server.connections == 3
        for _ in range(5):
            error = await fails(TargetRefused, server, connector, "wrong")
            assert "30 seconds" in str(error)
        assert server.connections == 3
        clock.now += 30
        await fails(TargetRefused, server, connector, "wrong")
        assert server.connections == 4
        await fails(TargetRefused, server, connector, "wrong")
        assert server.connections == 4


async def test_refusals_count_for_their_own_server_only():
    connector = Connector(PATIENT, Breaker(1, open_for=30))
    async with vnc_server.wrong_password() as bad, vnc_server.vnc_auth("good") as good:
        await fails(TargetRefused, bad, connector, "good")
        leg = await connect(connector, good, "good")
        await leg.channel.close()


async def test_those_who_wait_behind_refusals_are_not_let_through():
    connector = Connector(PATIENT)
    async with vnc_server.wrong_password() as server:
        calls = (connect(connector, server, "wrong") for _ in range(12))
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(result, TargetRefused) for result in results)
        # Three refusals open the breaker; one more may have been under way.
        assert server.connections <= 2 + HANDSHAKES_AT_ONCE


async def test_so_many_logins_at_once():
    async with vnc_server.slow(pause=0.02) as server:
        most = 0

        async def watch():
            nonlocal most
            while True:
                most = max(most, server.open)
                await asyncio.sleep(0.002)

        watching = asyncio.create_task(watch())
        limits = ConnectLimits(connect_timeout=10, handshake_timeout=0.4)
        connector = Connector(limits)
        calls = (connect(connector, server) for _ in range(6))
        results = await asyncio.gather(*calls, return_exceptions=True)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        assert all(isinstance(result, TargetUnreachable) for result in results)
        assert server.connections == 6
        assert most <= 2 * HANDSHAKES_AT_ONCE  # those that were just closed may still be on the server's list
        await server.until(lambda: server.open == 0)


async def test_a_login_without_a_free_slot_in_time_is_an_error(monkeypatch):
    monkeypatch.setattr(module, "SEE_THROUGH", 0)
    async with vnc_server.silent() as server:
        connector = Connector(PATIENT)
        first = [asyncio.create_task(connect(connector, server)) for _ in range(HANDSHAKES_AT_ONCE)]
        await server.until(lambda: server.open == HANDSHAKES_AT_ONCE)
        for _ in range(2):
            with pytest.raises(TargetUnreachable, match="busy with other logins"):
                await connect(connector, server, limits=TargetLimits(connect_timeout=0.1))
        assert server.connections == HANDSHAKES_AT_ONCE
        for task in first:
            task.cancel()
        await asyncio.wait(first)


async def test_waiting_for_a_turn_and_connecting_have_one_deadline(path, monkeypatch):
    """The turn takes a part of the time, and then the server does not take the connection: its backlog is full."""
    times, dial, loop = [], module._dial, asyncio.get_running_loop()

    async def noted(address, deadline):
        times.append(deadline)
        return await dial(address, loop.time() + 0.2)  # as if there were no more time

    monkeypatch.setattr(module, "_dial", noted)
    connector = Connector(PATIENT)
    address = UnixAddress(str(path))
    gate = asyncio.Semaphore(0)
    connector._gates[str(address)] = gate
    with socket.socket(socket.AF_UNIX) as full, socket.socket(socket.AF_UNIX) as other:
        full.bind(str(path))
        path.chmod(0o600)
        full.listen(0)
        other.connect(str(path))
        loop.call_later(0.05, lambda: (times.append(loop.time()), gate.release()))
        async with asyncio.timeout(60):
            with pytest.raises(TargetUnreachable, match="did not answer in time"):
                await connector.connect(Target(name="lab", address=address), address)
    turn, deadline = times
    assert turn < deadline < turn + PATIENT.connect_timeout, "the time did not begin anew with the turn"


async def test_turns_are_given_back_and_forgotten():
    connector = Connector(PATIENT)
    async with vnc_server.recorder() as server:
        for _ in range(5):
            leg = await connect(connector, server)
            await leg.channel.close()
        gc.collect()
        assert len(connector._gates) == 0


@pytest.mark.parametrize("unix", [False, True])
async def test_a_silent_server(unix, path):
    async with vnc_server.silent(path if unix else None) as server:
        error = await fails(TargetUnreachable, server, Connector(QUICK))
        assert "greeting in time" in str(error)
        assert error.close_code == CloseCode.UNREACHABLE


async def test_a_server_that_dribbles_has_one_time_limit_for_all():
    async with vnc_server.slow(pause=0.2) as server:
        await fails(TargetUnreachable, server, Connector(QUICK))


async def test_a_targets_own_limits_count():
    async with vnc_server.silent() as server:
        limits = TargetLimits(handshake_timeout=0.2)
        await fails(TargetUnreachable, server, Connector(ConnectLimits(10, 3600)), limits=limits)


@pytest.mark.parametrize("unix", [False, True])
async def test_nobody_there(unix, path):
    async with vnc_server.refusing(path if unix else None) as server:
        assert "refused the connection" in str(await fails(TargetUnreachable, server))


@pytest.mark.parametrize("fault", [vnc_server.garbage, vnc_server.http_instead])
async def test_something_else_than_vnc(fault):
    async with fault() as server:
        error = await fails(TargetProtocolError, server)
        assert error.close_code == CloseCode.NOT_RFB
        assert all(char.isprintable() for char in error.log_line)


async def test_a_server_that_has_shut_us_out():
    async with vnc_server.blacklisting() as server:
        error = await fails(TargetUnreachable, server)
        assert "Too many security failures" in str(error)


async def test_a_reason_of_four_gigabytes():
    async with vnc_server.huge_reason() as server:
        error = await fails(TargetUnreachable, server)
        assert len(str(error)) < MAX_REMOTE_TEXT + 100
        assert server.sent < 16 * 1024 * 1024


@pytest.mark.parametrize("state", ["connected", "half_version", "version", "types"])
async def test_a_server_that_hangs_up(state):
    async with vnc_server.rude(state) as server:
        await fails(TargetError, server)
        assert server.connections == 1


async def test_a_unix_server_that_hangs_up_without_a_word_is_tried_again_in_time(path, monkeypatch):
    pauses = iter([0.0, 0.0, 3600.0])
    monkeypatch.setattr(module, "random", SimpleNamespace(uniform=lambda *_: next(pauses)))
    async with vnc_server.rude("connected", path) as server:
        error = await fails(TargetUnreachable, server)
        assert "without sending anything" in str(error)
        assert server.connections == 3


async def test_a_missing_socket(path):
    address = UnixAddress(str(path))
    with pytest.raises(TargetUnreachable, match="not running"):
        await Connector(PATIENT).connect(Target(name="lab", address=address), address)


async def test_a_login_that_is_given_up_leaves_nothing(monkeypatch):
    monkeypatch.setattr(module, "SEE_THROUGH", 0.1)
    async with vnc_server.silent() as server:
        connector = Connector(ConnectLimits(10, 3600))
        task = asyncio.create_task(connect(connector, server))
        await server.until(lambda: server.open == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.until(lambda: server.open == 0)
        leg = asyncio.create_task(connect(connector, server))
        await server.until(lambda: server.connections == 2)
        leg.cancel()
        await asyncio.gather(leg, return_exceptions=True)


async def test_a_login_that_is_given_up_is_seen_through(monkeypatch):
    """A server that counts connections which never logged in has nothing to count."""
    monkeypatch.setattr(module, "SEE_THROUGH", 60)
    answered = []

    async def script(peer):
        await vnc_server._greet(peer, vnc_server.VNC_AUTH)
        await peer.send(bytes(16))
        task.cancel()
        answered.append(await peer.read(16))
        await peer.send(bytes(4))
        answered.append(await peer.reader.read())

    async with vnc_server.serving(script) as server:
        task = asyncio.create_task(connect(Connector(), server, "secret"))
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.until(lambda: server.open == 0)
    assert [len(answer) for answer in answered] == [16, 0]


async def test_a_login_that_is_given_up_and_refused_counts_too(monkeypatch):
    monkeypatch.setattr(module, "SEE_THROUGH", 60)
    connector = Connector(breaker=Breaker(1, open_for=30))

    async def script(peer):
        await vnc_server._greet(peer, vnc_server.VNC_AUTH)
        await peer.send(bytes(16))
        task.cancel()
        await peer.read(16)
        await peer.send(b"\0\0\0\1" + vnc_server._reason(b"no"))

    async with vnc_server.serving(script) as server:
        task = asyncio.create_task(connect(connector, server, "wrong"))
        with pytest.raises(asyncio.CancelledError):
            await task
        await fails(TargetRefused, server, connector, "wrong")
        assert server.connections == 1


async def test_one_that_never_ends_is_given_up_after_all(monkeypatch):
    monkeypatch.setattr(module, "SEE_THROUGH", 0.1)
    async with vnc_server.silent() as server:
        task = asyncio.create_task(connect(Connector(ConnectLimits(10, 3600)), server))
        await server.until(lambda: server.open == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.until(lambda: server.open == 0)


async def test_a_second_cancellation_does_not_wait(monkeypatch):
    monkeypatch.setattr(module, "SEE_THROUGH", 3600)
    async with vnc_server.silent() as server:
        task = asyncio.create_task(connect(Connector(ConnectLimits(10, 3600)), server))
        await server.until(lambda: server.open == 1)
        task.cancel()
        await asyncio.sleep(0.05)
        assert not task.done()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.until(lambda: server.open == 0)


async def test_bytes_behind_the_handshake_are_kept():
    async def script(peer):
        await vnc_server._greet(peer, vnc_server.NONE)
        await peer.send(bytes(4) + b"early")
        await peer.listen()

    async with vnc_server.serving(script) as server:
        leg = await connect(Connector(), server)
        assert leg.early == b"early"
        await leg.channel.close()


async def test_bytes_after_a_login_are_not_a_success():
    """What wayvnc of Debian 12 does with a wrong password."""

    async def script(peer):
        await vnc_server._greet(peer, vnc_server.VNC_AUTH)
        await peer.send(bytes(16))
        await peer.read(16)
        await peer.send(bytes(4) + b"\x1c\0\0\0 and what the memory holds")

    async with vnc_server.serving(script) as server:
        await fails(TargetRefused, server, password="wrong")


@pytest.mark.parametrize(
    ("address", "keys", "expected"),
    [
        (TCPAddress("127.0.0.1", 1), {}, {"allow_none": True, "require_encryption": False}),
        (TCPAddress("10.0.0.1", 1), {}, {"allow_none": False, "allow_plain": False, "require_verified": False}),
        (TCPAddress("10.0.0.1", 1), {"allow_unauthenticated": True}, {"allow_none": True}),
        (
            TCPAddress("10.0.0.1", 1),
            {"tls": TLSOptions("x509")},
            {"require_verified": True, "require_encryption": True},
        ),
        (
            TCPAddress("10.0.0.1", 1),
            {"tls": TLSOptions("anonymous")},
            {"require_verified": False, "require_encryption": True},
        ),
        (TCPAddress("10.0.0.1", 1), {"tls": TLSOptions(fingerprint="ab" * 32)}, {"certificate_sha256": b"\xab" * 32}),
        (TCPAddress("127.0.0.1", 1), {"tls": TLSOptions(ca_file="/ca.pem")}, {"require_verified": True}),
        (TCPAddress("10.0.0.1", 1), {"tls": TLSOptions("anonymous", "/ca.pem")}, {"require_verified": False}),
        (TCPAddress("127.0.0.1", 1), {}, {"allow_plain": False}),
        (UnixAddress("/s"), {}, {"allow_none": True, "allow_plain": True, "certificate_sha256": None}),
    ],
)
def test_what_a_server_may_ask_of_us(address, keys, expected):
    policy = policy_of(Target(name="lab", address=address, **keys), address)
    assert {key: getattr(policy, key) for key in expected} == expected


# -- a certificate of ours ---------------------------------------------------------------------------------------


@asynccontextmanager
async def strict_server(folder, version, *, hangs_up=""):
    """A server with X509None that wants to see a certificate, or hangs up when TLS is there; its target's keys."""
    authority = Authority(folder / "ca")
    ours, theirs = authority.sign(), authority.sign("viewer", client=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=ours.ca)
    context.load_cert_chain(ours.certificate, ours.key)
    context.maximum_version = version
    if not hangs_up:
        context.verify_mode = ssl.CERT_REQUIRED

    async def serve(reader, writer):
        with suppress(OSError, asyncio.IncompleteReadError):
            for say, bytes_heard in ((b"RFB 003.008\n", 12), (b"\1\x13", 1), (b"\0\2", 2), (b"\0\1\0\0\1\x04", 4)):
                writer.write(say)
                await reader.readexactly(bytes_heard)
            writer.write(b"\1")
            await writer.start_tls(context)
            if not hangs_up:
                writer.write(bytes(4))
                await reader.read()
            if hangs_up == "with a reset":
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        keys = {"ca_file": str(ours.ca), "check_hostname": False}
        yield TCPAddress(*server.sockets[0].getsockname()), keys, theirs


VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.mark.parametrize("version", VERSIONS)
async def test_an_alert_about_our_certificate_is_no_hang_up(version, tmp_path):
    async with strict_server(tmp_path, version) as (address, tls, theirs):
        plain = Target(name="lab", address=address, tls=TLSOptions(**tls), allow_unauthenticated=True)
        with pytest.raises(TargetProtocolError, match=r"client certificate.* tls\.cert_file and tls\.key_file"):
            await Connector().connect(plain, address)
        files = {"cert_file": str(theirs.certificate), "key_file": str(theirs.key)}
        leg = await Connector().connect(replace(plain, tls=TLSOptions(**tls, **files)), address)
        await leg.channel.close()
        other = Authority(tmp_path / "other").sign("viewer", client=True)
        files = {"cert_file": str(other.certificate), "key_file": str(other.key)}
        with pytest.raises(TargetProtocolError, match=r"not accept the client certificate"):
            await Connector().connect(replace(plain, tls=TLSOptions(**tls, **files)), address)


@pytest.mark.parametrize("hangs_up", ["in order", "with a reset"])
async def test_a_server_that_closes_without_a_byte_inside_tls_may_want_a_certificate(hangs_up, tmp_path):
    """As QEMU does, which sends no alert."""
    async with strict_server(tmp_path, VERSIONS[1], hangs_up=hangs_up) as (address, tls, _):
        plain = Target(name="lab", address=address, tls=TLSOptions(**tls), allow_unauthenticated=True)
        with pytest.raises(TargetProtocolError, match="seems to want a client certificate"):
            await Connector().connect(plain, address)


#: How many connections there are to each of two servers, and how many at once.
ROUNDS, AT_ONCE = 250, 20


async def test_interleaved_logins_to_two_servers_never_cross(monkeypatch):
    """One connector for all: what it keeps of one login must be nothing to another that is under way."""
    noise = random.Random(28)
    load = module.load_password

    async def dawdle(credentials, name):
        password = await load(credentials, name)
        for _ in range(noise.randrange(5)):
            await asyncio.sleep(0)
        return password

    monkeypatch.setattr(module, "load_password", dawdle)
    connector, some = Connector(), asyncio.Semaphore(AT_ONCE)

    async def log_in(server, password, words):
        async with some:
            leg = await connect(connector, server, password)
            for word in (b"\1", words):
                await leg.channel.write(word)
                await asyncio.sleep(0)
            await leg.channel.close()

    async with vnc_server.vnc_auth("for one") as one, vnc_server.vnc_auth("for two") as other:
        pairs = [(one, "for one", b"one."), (other, "for two", b"two.")] * ROUNDS
        noise.shuffle(pairs)
        async with asyncio.timeout(100), asyncio.TaskGroup() as tasks:
            for pair in pairs:
                tasks.create_task(log_in(*pair))
        await one.got(4 * ROUNDS)
        await other.got(4 * ROUNDS)
        assert (one.received, other.received) == (b"one." * ROUNDS, b"two." * ROUNDS)
        assert (one.connections, other.connections) == (ROUNDS, ROUNDS)


async def test_the_time_for_which_others_were_asked_is_not_the_servers():
    class Slow(Gate):
        @asynccontextmanager
        async def turn(self, key, deadline, longest):
            await asyncio.sleep(deadline - asyncio.get_running_loop().time() + 0.05)
            yield Turn(waited=30.0)

    connector = Connector(ConnectLimits(connect_timeout=0.1, handshake_timeout=30.0))
    connector.gate = Slow()
    async with vnc_server.recorder() as server:
        leg = await connect(connector, server)
        await leg.channel.close()
