"""VeNCrypt 0.2 and its sub-types."""

import hashlib
from dataclasses import replace

import pytest

from jupyter_vnc.exceptions import TargetProtocolError, TargetUnreachable
from jupyter_vnc.rfb.handshake import TargetHandshake
from jupyter_vnc.rfb.security import Login, TLSRequest
from tests.rfb import scripts as say
from tests.rfb.feeding import converse, every_way, fails_every_way, ways

PLAIN = b"\0\0\0\5\0\0\0\x08alicepassword"

#: sub-type, login, what is said inside TLS, what the server is told inside TLS
INSIDE = [
    (257, Login(), b"", b""),
    (258, say.PASSWORD, say.CHALLENGE, say.RESPONSE),
    (259, say.LOGIN, b"", PLAIN),
    (260, Login(), b"", b""),
    (261, say.PASSWORD, say.CHALLENGE, say.RESPONSE),
    (262, say.LOGIN, b"", PLAIN),
]
NAMES = {
    257: "TLSNone",
    258: "TLSVnc",
    259: "TLSPlain",
    260: "X509None",
    261: "X509Vnc",
    262: "X509Plain",
}


@pytest.mark.parametrize(("number", "login", "said", "told"), INSIDE)
def test_tls_and_a_login_inside(number, login, said, told):
    before = say.V38 + say.types(19) + say.vencrypt(number) + b"\1"
    chosen = say.V38 + b"\x13\0\2" + number.to_bytes(4)
    after = said + say.OK
    for first, rest in [(way, [after]) for way in ways(before)] + [([before], way) for way in ways(after)]:
        handshake = TargetHandshake(login, say.OPEN)
        sent = converse(handshake, first, b"certificate")
        handshake = TargetHandshake(login, say.OPEN)
        sent = converse(handshake, [*first, *rest], b"certificate")
        assert handshake.done, handshake.exc
        assert sent == chosen + told
    assert handshake.security == f"VeNCrypt (19), {NAMES[number]} ({number})"


@pytest.mark.parametrize(("number", "login", "said", "told"), INSIDE)
def test_what_kind_of_tls_is_asked_for(number, login, said, told):
    handshake = TargetHandshake(login, say.OPEN)
    handshake.receive_data(say.V38 + say.types(19) + say.vencrypt(number) + b"\1")
    assert handshake.needs_tls == TLSRequest(anonymous=number < 260, pinned=False)


def test_a_plain_type_inside_needs_no_tls():
    said = say.V38 + say.types(19) + say.vencrypt(2) + say.CHALLENGE + say.OK
    every_way(lambda: TargetHandshake(say.PASSWORD, say.OPEN), said)


def test_a_newer_version_is_answered_with_ours():
    said = say.V38 + say.types(19) + say.vencrypt(2, version=b"\0\3") + say.CHALLENGE + say.OK
    every_way(lambda: TargetHandshake(say.PASSWORD, say.OPEN), said, sent=say.V38 + b"\x13\0\2\0\0\0\2" + say.RESPONSE)


@pytest.mark.parametrize(
    ("data", "fragment"),
    [
        (b"\0\1", "VeNCrypt 0.1"),
        (b"\0\0", "VeNCrypt 0.0"),
        (b"\0\2\xff", "does not agree"),
        (say.vencrypt(), "the desktop offers nothing"),
        (say.vencrypt(263, 99), "the desktop offers TLSSASL (263), type 99"),
        (say.vencrypt(19), "the desktop offers VeNCrypt (19)"),
        (say.vencrypt(261) + b"\0", "cannot do it"),
    ],
)
def test_what_is_refused(data, fragment):
    said = say.V38 + say.types(19) + data
    error = fails_every_way(lambda: TargetHandshake(say.PASSWORD, say.OPEN), said).exc
    assert isinstance(error, TargetProtocolError)
    assert fragment in str(error)


class TestTheMomentOfTLS:
    BEFORE = say.V38 + say.types(19) + say.vencrypt(261) + b"\1"

    def waiting(self):
        handshake = TargetHandshake(say.PASSWORD, say.OPEN)
        handshake.receive_data(self.BEFORE)
        assert handshake.needs_tls
        return handshake

    def test_bytes_ahead_of_it_are_refused(self):
        handshake = TargetHandshake(say.PASSWORD, say.OPEN)
        handshake.receive_data(self.BEFORE + say.CHALLENGE)
        assert "ahead of TLS" in str(handshake.exc)
        handshake = self.waiting()
        handshake.receive_data(say.CHALLENGE)
        assert "ahead of TLS" in str(handshake.exc)

    def test_a_server_that_closes(self):
        handshake = self.waiting()
        handshake.receive_eof()
        assert isinstance(handshake.exc, TargetUnreachable)


class TestPin:
    CERTIFICATE = b"a certificate"
    POLICY = replace(say.OPEN, certificate_sha256=hashlib.sha256(CERTIFICATE).digest())
    BEFORE = say.V38 + say.types(19) + say.vencrypt(261) + b"\1"

    def shown(self, certificate):
        handshake = TargetHandshake(say.PASSWORD, self.POLICY)
        handshake.receive_data(self.BEFORE)
        assert handshake.needs_tls == TLSRequest(anonymous=False, pinned=True)
        handshake.data_to_send()
        handshake.tls_established(certificate)
        handshake.receive_data(say.CHALLENGE + say.OK)
        return handshake

    def test_the_pinned_certificate_is_the_one(self):
        assert self.shown(self.CERTIFICATE).done

    @pytest.mark.parametrize("certificate", [b"another", b"", None])
    def test_another_certificate_receives_nothing(self, certificate):
        handshake = self.shown(certificate)
        assert isinstance(handshake.exc, TargetProtocolError)
        assert hashlib.sha256(certificate or b"").hexdigest() in handshake.exc.detail
        assert handshake.data_to_send() == b""
