"""RSA-AES, against a server's side that noVNC's own implementation logs in to."""

import struct
from unittest import mock

import pytest

from jupyter_vnc.exceptions import TargetProtocolError, TargetRefused
from jupyter_vnc.rfb.handshake import TargetHandshake
from jupyter_vnc.rfb.security import Login, SecurityPolicy, ra2
from tests.rfb import scripts as say
from tests.rfb.feeding import every_way, fails_every_way

TYPES = {5: "RA2 (5)", 6: "RA2ne (6)", 129: "RA2_256 (129)", 130: "RA2ne_256 (130)"}


def play(server, login=say.LOGIN, policy=None):
    handshake = TargetHandshake(login, policy or SecurityPolicy(server_key_sha256=server.pin))
    say.script(handshake, server.run())
    return handshake


@pytest.mark.parametrize("number", TYPES)
@pytest.mark.parametrize(("asks", "login"), [(1, b"\x05alice\x08password"), (2, b"\x00\x08password")])
def test_logging_in(number, asks, login):
    server = say.RA2Server(number, asks=asks)
    handshake = play(server)
    assert handshake.done
    assert server.login == login
    assert handshake.security == TYPES[number]
    assert handshake.server_key_sha256 == server.pin
    assert (handshake.transform is not None) is (number in {5, 129})


@pytest.mark.parametrize("number", TYPES)
def test_it_does_so_however_the_bytes_come(number):
    with say.steady():
        said = say.script(TargetHandshake(say.LOGIN, say.OPEN), say.RA2Server(number).run())
        if number in {6, 130}:
            every_way(lambda: TargetHandshake(say.LOGIN, say.OPEN), said)
        else:
            # What follows is encrypted, so no other bytes can trail; test_handshake.py has those that can.
            for step in (1, 7, len(said)):
                handshake = TargetHandshake(say.LOGIN, say.OPEN)
                for start in range(0, len(said), step):
                    handshake.receive_data(said[start : start + step])
                assert handshake.done


@pytest.mark.parametrize("bits", [1024, 1032, 2048, 3072])
def test_keys_of_any_size_will_do(bits):
    assert play(say.RA2Server(6, bits=bits)).done


@pytest.mark.parametrize("number", TYPES)
def test_a_wrong_password(number):
    handshake = play(say.RA2Server(number, result=say.failed(b"Authentication failed")))
    assert isinstance(handshake.exc, TargetRefused)
    assert "Authentication failed" in str(handshake.exc)


def test_without_a_user_name_the_password_alone_will_do_if_the_server_asks_for_no_more():
    server = say.RA2Server(6, asks=2)
    assert play(server, say.PASSWORD).done
    handshake = play(say.RA2Server(6, asks=1), say.PASSWORD)
    assert "asks for a user name" in str(handshake.exc)


class TestPin:
    def test_another_key_receives_nothing(self):
        server = say.RA2Server(6)
        handshake = play(server, policy=SecurityPolicy(server_key_sha256=bytes(32)))
        assert isinstance(handshake.exc, TargetProtocolError)
        assert server.pin.hex() in handshake.exc.detail
        assert handshake.data_to_send() == b""
        assert not server.login

    def test_without_one_it_takes_consent(self):
        assert isinstance(play(say.RA2Server(6), policy=SecurityPolicy()).exc, TargetProtocolError)
        assert play(say.RA2Server(6), policy=SecurityPolicy(allow_unverified=True)).done
        assert play(say.RA2Server(6), policy=SecurityPolicy.local()).done


def changed(what, change):
    return lambda name, data: change(data) if name == what else data


def last_byte(data):
    return data[:-1] + bytes([data[-1] ^ 1])


@pytest.mark.parametrize(
    ("what", "change", "fragment"),
    [
        pytest.param("sealed", lambda data: b"\0\x80" + data[2:130], "answered our key wrongly", id="short number"),
        pytest.param("sealed", lambda data: b"\xff\xff" + data[2:], "answered our key wrongly", id="long number"),
        pytest.param("sealed", last_byte, "answered our key wrongly", id="broken number"),
        pytest.param(
            "sealed", lambda data: data[:2] + b"\xff" * 256, "answered our key wrongly", id="too large number"
        ),
        pytest.param("random", lambda data: data + b"x", "answered our key wrongly", id="number of another size"),
        pytest.param("random", lambda data: data[::-1], "tampered with", id="another number"),
        pytest.param("hash", last_byte, "somebody intercepts", id="proof"),
        pytest.param("proof", last_byte, "tampered with", id="changed proof"),
        pytest.param("kind", last_byte, "tampered with", id="changed kind"),
    ],
)
@pytest.mark.parametrize("number", [6, 129])
def test_what_somebody_in_between_could_do(number, what, change, fragment):
    server = say.RA2Server(number, tamper=changed(what, change))
    handshake = TargetHandshake(say.LOGIN, say.OPEN)
    say.script(handshake, server.run())
    assert isinstance(handshake.exc, TargetProtocolError), handshake.exc
    assert fragment in str(handshake.exc)
    assert not handshake._leg.login_sent


@pytest.mark.parametrize("kind", [0, 3, 255])
def test_an_unknown_kind_of_login(kind):
    assert "unknown kind of login" in str(play(say.RA2Server(6, asks=kind)).exc)


@pytest.mark.parametrize("login", [Login("u" * 256, "p"), Login("u", "p" * 256)])
def test_a_login_that_does_not_fit_is_not_cut(login):
    server = say.RA2Server(6)
    assert "too long" in str(play(server, login).exc)
    assert not server.login


def test_more_than_the_login_needs():
    """Without encryption behind it, nobody could say where such bytes belong."""

    class Talkative(say.RA2Server):
        def seal(self, data):
            return super().seal(data + b"!" if len(data) == 1 else data)

    assert "too much" in str(play(Talkative(6)).exc)
    assert play(Talkative(5, result=say.OK[1:])).exc is None


def key(bits, modulus, exponent):
    size = (bits + 7) // 8
    return struct.pack(">I", bits) + modulus.to_bytes(size) + exponent.to_bytes(size)


GOOD = say.server_key().public_key().public_numbers().n


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(struct.pack(">I", 1023), id="1023 bits"),
        pytest.param(struct.pack(">I", 8193), id="8193 bits"),
        pytest.param(struct.pack(">I", 0), id="no bits"),
        pytest.param(struct.pack(">I", 0xFFFFFFFF), id="4 Gi bits"),
        pytest.param(key(1024, 0, 65537), id="zero modulus"),
        pytest.param(key(2048, GOOD >> 8, 65537), id="small modulus"),
        pytest.param(key(1031, 1 << 1031, 65537), id="large modulus"),
        pytest.param(key(1024, GOOD, 0), id="exponent 0"),
        pytest.param(key(1024, GOOD, 1), id="exponent 1"),
        pytest.param(key(1024, GOOD, 65536), id="even exponent"),
        pytest.param(key(1024, GOOD, GOOD + 2), id="exponent over modulus"),
        pytest.param(key(4096, (1 << 4095) | 1, (1 << 4000) | 1), id="exponent that takes for ever"),
        pytest.param(key(1024, GOOD - 1, 65537), id="even modulus"),
    ],
)
def test_numbers_that_are_no_key(data):
    handshake = fails_every_way(lambda: TargetHandshake(say.LOGIN, say.OPEN), say.V38 + say.types(6) + data + b"\0\x10")
    assert isinstance(handshake.exc, TargetProtocolError)
    assert not handshake._leg.login_sent


def test_our_own_key_is_made_once():
    ra2._our_key.cache_clear()  # a test before this one may have made it
    assert ra2._our_key() is ra2._our_key()
    assert ra2._our_key().key_size == 2048


def test_a_key_that_cannot_encrypt_after_all():
    """What the numbers do not show, OpenSSL may."""
    with mock.patch.object(ra2, "PKCS1v15", side_effect=ValueError("no")):
        handshake = TargetHandshake(say.LOGIN, say.OPEN)
        handshake.receive_data(say.V38 + say.types(6) + say.key_on_wire(say.server_key().public_key()))
    assert "cannot be used for encryption" in str(handshake.exc)
