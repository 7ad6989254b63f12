"""Both handshakes, as transcripts: what a peer sends, and what it receives."""

import itertools
import re
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_vnc.close_codes import CloseCode
from jupyter_vnc.exceptions import TargetProtocolError, TargetRefused, TargetUnreachable, ViewerError, VNCError
from jupyter_vnc.rfb.handshake import TargetHandshake, ViewerHandshake, client_init, speak
from jupyter_vnc.rfb.security import Login, SecurityPolicy, TLSRequest
from jupyter_vnc.rfb.wire import MAX_UNREAD
from tests.rfb import scripts as say
from tests.rfb.feeding import converse, every_way, fails_every_way, ways

LOCAL = SecurityPolicy.local()


def accepted():
    handshake = ViewerHandshake()
    handshake.accept()
    return handshake


class TestViewerHandshake:
    HELLO = say.V38 + b"\x01"

    @pytest.mark.parametrize("byte", [b"\x00", b"\x01", b"\x7f"])
    def test_to_the_end_whatever_it_says_of_sharing(self, byte):
        every_way(accepted, self.HELLO + byte, sent=say.V38 + b"\x01\x01" + say.OK)

    def test_it_does_not_wait_for_what_a_viewer_says(self):
        handshake = ViewerHandshake()
        assert handshake.data_to_send() == say.V38 + b"\x01\x01"
        handshake.accept(b"the desktop")
        assert handshake.data_to_send() == say.OK + b"the desktop"
        assert not handshake.waiting
        handshake.receive_data(self.HELLO)
        assert not handshake.done
        handshake.receive_data(b"\x01")
        assert handshake.done
        assert handshake.data_to_send() == b""

    def test_the_viewer_waits_for_the_verdict(self):
        for chunks in ways(self.HELLO):
            handshake = ViewerHandshake()
            assert not handshake.waiting
            assert converse(handshake, chunks) == say.V38 + b"\x01\x01"
            assert handshake.waiting
            assert not handshake.done
            handshake.accept()
            assert not handshake.waiting
            assert handshake.data_to_send() == say.OK
            handshake.receive_data(b"\x01")
            assert handshake.done

    def test_a_viewer_that_does_not_wait_is_served_all_the_same(self):
        handshake = ViewerHandshake()
        handshake.receive_data(self.HELLO + b"\x01rest")
        assert not handshake.done
        handshake.accept()
        assert handshake.done
        assert handshake.leftover() == b"rest"

    def test_the_first_verdict_counts(self):
        handshake = ViewerHandshake()
        handshake.accept(b"the desktop")
        handshake.accept(b"another one")
        handshake.receive_data(self.HELLO)
        assert handshake.data_to_send().endswith(say.OK + b"the desktop")

    def test_a_verdict_on_a_viewer_that_has_failed_is_nothing(self):
        handshake = ViewerHandshake()
        handshake.receive_data(b"GET / HTTP/1.1\r\n")
        error = handshake.exc
        handshake.data_to_send()
        handshake.accept(b"the desktop")
        assert handshake.exc is error
        assert handshake.data_to_send() == b""
        assert not handshake.done

    @pytest.mark.parametrize(
        ("data", "detail"),
        [
            (b"RFB 003.003\n", "RFB 003.003\\n"),
            (b"RFB 003.889\n", "RFB 003.889\\n"),
            (b"GET / HTTP/1.", "GET / HTTP/1"),
            (say.V38 + b"\x02", "type 2"),
            (say.V38 + b"\x00", "type 0"),
        ],
    )
    def test_a_broken_protocol(self, data, detail):
        error = fails_every_way(accepted, data).exc
        assert isinstance(error, ViewerError)
        assert error.detail == detail

    @pytest.mark.parametrize("length", range(len(HELLO) + 1))
    def test_a_viewer_that_leaves(self, length):
        error = fails_every_way(ViewerHandshake, self.HELLO[:length], eof=True).exc
        assert isinstance(error, ViewerError)
        assert "left" in str(error)

    def test_a_flood_while_it_waits(self):
        handshake = ViewerHandshake()
        handshake.receive_data(self.HELLO)
        for _ in range(64):
            handshake.receive_data(bytes(16 * 1024))
        assert isinstance(handshake.exc, ViewerError)
        assert handshake._stream.unread <= MAX_UNREAD


def target(login=say.PASSWORD, policy=say.OPEN):
    return TargetHandshake(login, policy)


#: server says, we say, version, security
LOGINS = [
    pytest.param(say.V38 + say.types(1) + say.OK, say.V38 + b"\1", "3.8", "None (1)", id="3.8 None"),
    pytest.param(
        say.V38 + say.types(2) + say.CHALLENGE + say.OK, say.V38 + b"\2" + say.RESPONSE, "3.8", "VNC (2)", id="3.8 VNC"
    ),
    pytest.param(say.V37 + say.types(1), say.V37 + b"\1", "3.7", "None (1)", id="3.7 None"),
    pytest.param(
        say.V37 + say.types(2) + say.CHALLENGE + say.OK, say.V37 + b"\2" + say.RESPONSE, "3.7", "VNC (2)", id="3.7 VNC"
    ),
    pytest.param(say.V33 + b"\0\0\0\1", say.V33, "3.3", "None (1)", id="3.3 None"),
    pytest.param(
        say.V33 + b"\0\0\0\2" + say.CHALLENGE + say.OK, say.V33 + say.RESPONSE, "3.3", "VNC (2)", id="3.3 VNC"
    ),
    pytest.param(
        say.V38 + say.types(1, 16, 2, 113, 255) + say.CHALLENGE + say.OK,
        say.V38 + b"\2" + say.RESPONSE,
        "3.8",
        "VNC (2)",
        id="our order, not the server's",
    ),
    pytest.param(
        say.V38 + say.types(*range(1, 256)) + say.vencrypt(2) + say.CHALLENGE + say.OK,
        say.V38 + b"\x13\0\2\0\0\0\2" + say.RESPONSE,
        "3.8",
        "VeNCrypt (19), VNC (2)",
        id="255 types",
    ),
]


class TestTargetHandshake:
    @pytest.mark.parametrize(("said", "told", "version", "security"), LOGINS)
    def test_to_the_end(self, said, told, version, security):
        handshake = every_way(target, said, sent=told)
        assert (handshake.version, handshake.security) == (version, security)
        assert handshake.transform is None
        assert handshake.needs_tls is None
        assert handshake.server_key_sha256 is None
        assert not handshake.extended_server_init
        assert handshake.login_sent is ("VNC (2)" in security)

    @pytest.mark.parametrize(
        ("announced", "spoken"),
        [
            (b"RFB 003.003\n", "3.3"),
            (b"RFB 003.004\n", "3.3"),
            (b"RFB 003.005\n", "3.3"),
            (b"RFB 003.006\n", "3.3"),
            (b"RFB 003.007\n", "3.7"),
            (b"RFB 003.008\n", "3.8"),
            (b"RFB 003.016\n", "3.8"),
            (b"RFB 003.889\n", "3.8"),
            (b"RFB 004.000\n", "3.8"),
            (b"RFB 004.001\n", "3.8"),
            (b"RFB 005.000\n", "3.8"),
            (b"RFB 005.003\n", "3.8"),
        ],
    )
    def test_odd_versions(self, announced, spoken):
        assert speak(announced) == spoken
        for chunks in ways(announced):
            handshake = target()
            assert converse(handshake, chunks) == f"RFB 003.00{spoken[-1]}\n".encode()
            assert handshake.version == spoken

    @pytest.mark.parametrize(
        ("data", "fragment"),
        [
            (b"SSH-2.0-OpenSSH_9.2p1\r\n", "does not speak VNC"),
            (b"220 ", "does not speak VNC"),
            (b"RFB 003.008\r", "does not speak RFB"),
            (b"RFB 3.8\n....", "does not speak RFB"),
            (b"RFB \xff\x00\x1b[31m..", "does not speak RFB"),
            (b"RFB 000.000\n", "repeater"),
            (b"RFB 003.002\n", "3.2"),
            (b"RFB 001.000\n", "1.0"),
            (say.V33 + b"\0\0\0\x13", "insists on VeNCrypt (19)"),
            (say.V33 + b"\0\0\1\6", "insists on X509Plain (262)"),
            (say.V33 + b"\xff\xff\xff\xff", "insists on type 4294967295"),
            (say.V38 + say.types(36, 113, 129 + 64), "the desktop offers Apple SRP (36), MS-Logon II (113), type 193."),
        ],
    )
    def test_servers_that_are_not_desktops(self, data, fragment):
        error = fails_every_way(target, data).exc
        assert isinstance(error, TargetProtocolError)
        assert fragment in str(error)
        assert error.close_code is CloseCode.NOT_RFB
        assert str(error).isprintable()
        assert error.detail.isprintable()

    @pytest.mark.parametrize(
        ("data", "sentence"),
        [
            (say.V33 + bytes(4) + say.reason(b"Too many security failures"), "Too many security failures"),
            (say.V37 + b"\0" + say.reason(b"Server is full."), "Server is full"),
            (say.V38 + b"\0" + say.reason(b"go\naway\x1b"), "go\\naway\\x1b"),
            (say.V38 + b"\0" + say.reason(b""), "no reason given"),
        ],
    )
    def test_a_server_that_refuses_everybody_now_is_worth_another_try(self, data, sentence):
        error = fails_every_way(target, data).exc
        assert isinstance(error, TargetUnreachable)
        assert str(error) == f"The desktop turns connections away for now: {sentence}."

    @pytest.mark.parametrize(
        ("data", "sentence"),
        [
            (say.V38 + say.types(2) + say.CHALLENGE + say.failed(b"Wrong."), "Wrong"),
            (say.V38 + say.types(2) + say.CHALLENGE + say.failed("falsch ß".encode()), "falsch ß"),
            (say.V38 + say.types(2) + say.CHALLENGE + say.failed(b"\xff", result=0xFFFFFFFF), "\ufffd"),
            (say.V38 + say.types(1) + say.failed(b"not you"), "not you"),
            (say.V37 + say.types(2) + say.CHALLENGE + b"\0\0\0\1", "no reason given"),
            (say.V33 + b"\0\0\0\2" + say.CHALLENGE + b"\0\0\0\1", "no reason given"),
        ],
    )
    def test_a_login_that_is_refused(self, data, sentence):
        error = fails_every_way(target, data).exc
        assert isinstance(error, TargetRefused)
        assert str(error) == f"The desktop refused the login that is configured for it: {sentence}."
        assert error.close_code is CloseCode.CREDENTIALS_REFUSED

    def test_too_many_failures_are_worth_another_try_later(self):
        data = say.V38 + say.types(2) + say.CHALLENGE + say.failed(b"wait", result=2)
        error = fails_every_way(target, data).exc
        assert isinstance(error, TargetUnreachable)
        assert "too many failed logins: wait." in str(error)

    @pytest.mark.parametrize(
        "head",
        [
            pytest.param(say.V33 + bytes(4), id="3.3"),
            pytest.param(say.V38 + b"\0", id="no types"),
            pytest.param(say.V38 + say.types(2) + say.CHALLENGE + b"\0\0\0\1", id="result"),
        ],
    )
    def test_a_reason_of_four_gigabytes_is_a_line(self, head):
        handshake = target()
        handshake.receive_data(head + b"\xff\xff\xff\xff")
        tracemalloc.start()
        try:
            for _ in range(1000):
                handshake.receive_data(b"reason " * 1000)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert isinstance(handshake.exc, TargetUnreachable | TargetRefused)
        assert len(handshake.exc.log_line) < 400
        assert peak < 256 * 1024

    def test_a_reason_that_breaks_off_is_shown_as_far_as_it_came(self):
        data = say.V38 + say.types(2) + say.CHALLENGE + b"\0\0\0\1" + b"\0\0\0\x40" + b"You sh"
        assert "You sh" in str(fails_every_way(target, data, eof=True).exc)

    @pytest.mark.parametrize("length", range(12 + 2))
    def test_a_server_that_closes_before_the_login_is_worth_another_try(self, length):
        data = (say.V38 + say.types(2))[:length]
        error = fails_every_way(target, data, eof=True).exc
        assert isinstance(error, TargetUnreachable)

    @pytest.mark.parametrize("rest", [b"", b"\0\0", b"\0\0\0\1\0\0"])
    def test_a_server_that_closes_after_it_means_the_login(self, rest):
        """Trying again would lock everybody out of servers that say nothing about wrong passwords."""
        error = fails_every_way(target, say.V38 + say.types(2) + say.CHALLENGE + rest, eof=True).exc
        assert isinstance(error, TargetRefused)

    def test_without_a_login_it_means_nothing(self):
        error = fails_every_way(target, say.V38 + say.types(1), eof=True).exc
        assert isinstance(error, TargetUnreachable)

    #: The types that a password alone is enough for, as RFC 6143 and rfbproto number them: None, VNC authentication,
    #: RA2 and RA2ne, Tight, VeNCrypt, and the two of RA2 with AES-256.
    CHOSEN = (1, 2, 5, 6, 16, 19, 129, 130)
    #: One that we know and cannot use without a user name.
    HINDERED = (30,)

    @pytest.mark.parametrize("number", range(256))
    def test_all_256_types_are_data(self, number):
        """Each is either chosen, or refused by its name or number without an answer to the server."""
        handshake = target()
        handshake.receive_data(say.V38 + say.types(number))
        answer = handshake.data_to_send().removeprefix(say.V38)
        if number in self.CHOSEN:
            assert (answer[:1], handshake.exc) == (bytes([number]), None)
            return
        assert answer == b""
        assert type(handshake.exc) is TargetProtocolError
        assert handshake.exc.close_code is CloseCode.NOT_RFB
        start = "Cannot log in with " if number in self.HINDERED else "Cannot log in: the desktop offers "
        assert str(handshake.exc).startswith(start)
        assert re.search(rf"(type {number}|\({number}\))[.:]", str(handshake.exc))

    def test_the_password_is_in_no_repr_and_no_error(self):
        handshake = target(Login("alice", "s3cret"))
        handshake.receive_data(say.V38 + say.types(2))
        assert "s3cret" not in repr(handshake._leg.login) + handshake.exc.log_line + repr(vars(handshake))


class TestTLS:
    """The handshake stops for TLS, and goes on inside it."""

    BEFORE = say.V38 + say.types(19) + say.vencrypt(261) + b"\1"
    INSIDE = say.CHALLENGE + say.OK

    def test_it_waits_for_tls(self):
        for chunks in ways(self.BEFORE):
            handshake = target()
            for chunk in chunks:
                assert handshake.needs_tls is None
                handshake.receive_data(chunk)
            assert handshake.needs_tls == TLSRequest(anonymous=False, pinned=False)
            assert handshake.data_to_send() == say.V38 + b"\x13" + b"\0\2" + b"\0\0\1\5"
            handshake.tls_established(b"certificate")
            assert handshake.needs_tls is None
            for rest in ways(self.INSIDE + b"rest"):
                inner = target()
                converse(inner, [self.BEFORE, *rest])
                assert inner.done
                assert inner.leftover() == b"rest"

    def test_bytes_ahead_of_tls_are_refused(self):
        """They came in clear, from anybody, and would pass as the server's."""
        handshake = target()
        handshake.receive_data(self.BEFORE + self.INSIDE)
        assert isinstance(handshake.exc, TargetProtocolError)
        handshake = target()
        handshake.receive_data(self.BEFORE)
        handshake.receive_data(b"\x16")
        assert isinstance(handshake.exc, TargetProtocolError)

    def test_a_server_that_closes_instead(self):
        handshake = target()
        handshake.receive_data(self.BEFORE)
        handshake.receive_eof()
        assert isinstance(handshake.exc, TargetUnreachable)


class TestTransform:
    """RA2 brings its own encryption; what comes behind the login is decrypted already."""

    @pytest.mark.parametrize("number", [5, 129])
    def test_it_is_handed_over(self, number):
        with say.steady():
            server = say.RA2Server(number)
            said = say.script(target(say.LOGIN), server.run())
            said += server.seal(b"ServerInit ") + server.seal(b"and more")[:-1]
            for chunks in ways(said):
                handshake = target(say.LOGIN)
                converse(handshake, chunks)
                assert handshake.done, handshake.exc and handshake.exc.log_line
                assert handshake.leftover() == b"ServerInit "
                server.sent -= 1
                assert handshake.transform.decrypt(server.seal(b"and more")[-1:]) == b"and more"
            received = server.received
            assert server.open(handshake.transform.encrypt(client_init(shared=True))) == b"\x01"
            assert server.received == received + 1

    def test_a_byte_that_was_changed_ends_it(self):
        with say.steady():
            server = say.RA2Server(5)
            said = say.script(target(say.LOGIN), server.run())
            handshake = target(say.LOGIN)
            handshake.receive_data(said[:-1] + bytes([said[-1] ^ 1]))
            assert isinstance(handshake.exc, TargetProtocolError)
            assert "tampered" in str(handshake.exc)


def test_tight_is_reported():
    said = say.V38 + say.types(16) + say.capabilities() + say.capabilities() + say.OK
    assert every_way(target, said, sent=say.V38 + b"\x10").extended_server_init


def test_the_server_shows_what_to_pin():
    with say.steady():
        server = say.RA2Server(6)
        handshake = target(say.LOGIN)
        say.script(handshake, server.run())
    assert handshake.server_key_sha256 == server.pin


def test_client_init():
    assert client_init(shared=True) == b"\x01"
    assert client_init(shared=False) == b"\x00"


#: Beginnings that lead into each state.
BEGINNINGS = [
    say.V33,
    say.V37,
    say.V38,
    say.V33 + b"\0\0\0\0",
    say.V33 + b"\0\0\0\2",
    say.V38 + b"\0",
    say.V38 + say.types(2),
    say.V38 + say.types(2) + say.CHALLENGE,
    say.V38 + say.types(2) + say.CHALLENGE + b"\0\0\0\1",
    say.V38 + say.types(19),
    say.V38 + say.types(19) + b"\0\2\0",
    say.V38 + say.types(19) + say.vencrypt(258),
    say.V38 + say.types(19) + say.vencrypt(2),
    say.V38 + say.types(30),
    say.V38 + say.types(30) + say.AppleServer.hello(),
    say.V38 + say.types(5),
    say.V38 + say.types(6) + say.key_on_wire(say.server_key().public_key()),
    say.V38 + say.types(16),
    say.V38 + say.types(16) + say.capabilities(say.NO_TUNNEL),
    say.V38 + say.types(16) + say.capabilities() + say.capabilities(say.VNC_LOGIN),
]
NOISE = st.binary(max_size=400)
LOGIN_STRATEGY = st.sampled_from([Login(), say.PASSWORD, say.LOGIN])
POLICIES = st.sampled_from([SecurityPolicy(), LOCAL, say.OPEN, SecurityPolicy(certificate_sha256=b"x" * 32)])


def ends_cleanly(handshake, data, cuts):
    points = [0, *sorted(point for point in cuts if point < len(data)), len(data)]
    converse(handshake, [data[start:end] for start, end in itertools.pairwise(points)], b"certificate")
    handshake.receive_eof()
    assert handshake.done or isinstance(handshake.exc, VNCError)
    assert handshake._stream.unread <= MAX_UNREAD
    if handshake.exc is not None:
        assert handshake.exc.log_line.isprintable()
        assert len(handshake.exc.log_line) < 1500
        assert 4000 < handshake.exc.close_code < 5000


@settings(deadline=None, max_examples=400)
@given(
    start=st.one_of(st.just(b""), st.sampled_from(BEGINNINGS)),
    noise=NOISE,
    cuts=st.lists(st.integers(0, 500), max_size=8),
    login=LOGIN_STRATEGY,
    policy=POLICIES,
)
def test_any_bytes_at_any_state_of_the_target_leg_end_cleanly(start, noise, cuts, login, policy):
    ends_cleanly(TargetHandshake(login, policy), start + noise, cuts)


@settings(deadline=None, max_examples=200)
@given(
    start=st.sampled_from([b"", say.V38, say.V38 + b"\x01"]),
    noise=NOISE,
    cuts=st.lists(st.integers(0, 500), max_size=8),
    verdict=st.sampled_from([b"", b"the desktop", None]),
)
def test_any_bytes_at_any_state_of_the_viewer_leg_end_cleanly(start, noise, cuts, verdict):
    handshake = ViewerHandshake()
    if verdict is not None:
        handshake.accept(verdict)
    ends_cleanly(handshake, start + noise, cuts)


#: A flood of all there is to say: numbers as large, and as small, as they get.
FLOODS = {"ones": b"\xff", "zeros": b"\0", "text": b"RFB 003.008\n"}


@pytest.mark.parametrize("flood", FLOODS)
@pytest.mark.parametrize("start", BEGINNINGS, ids=range(len(BEGINNINGS)))
def test_a_flood_at_any_state_costs_less_than_a_mebibyte(start, flood):
    """Eight mebibytes in pieces as a socket gives them; somebody who never stops is stopped by the end of the login."""
    piece = (FLOODS[flood] * (1 << 16))[: 1 << 16]
    handshake = TargetHandshake(say.LOGIN, say.OPEN)
    tracemalloc.start()
    try:
        for chunk in (start, *[piece] * 128):
            handshake.receive_data(chunk)
            handshake.data_to_send()
            if handshake.needs_tls:
                handshake.tls_established(b"certificate")
            if handshake.done:
                handshake.leftover()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert handshake.done or handshake.exc is not None
    assert peak < 1 << 20
