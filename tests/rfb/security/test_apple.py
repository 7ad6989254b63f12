"""Apple's Diffie-Hellman, against a Mac's side written from rfbproto."""

import pytest

from jupyter_vnc.exceptions import TargetProtocolError, TargetRefused
from jupyter_vnc.rfb.handshake import TargetHandshake
from jupyter_vnc.rfb.security import Login, SecurityPolicy
from tests.rfb import scripts as say
from tests.rfb.feeding import every_way, fails_every_way

LOGIN = Login("jürgen", "p" * 63)


def handshake(login=LOGIN):
    return TargetHandshake(login, SecurityPolicy())


def test_a_mac_learns_user_name_and_password():
    server = say.AppleServer()
    conversation = handshake()
    say.script(conversation, server.run())
    assert conversation.done
    assert conversation.security == "Apple DH (30)"
    assert server.login == ("jürgen".encode(), b"p" * 63)


def test_it_does_so_however_the_bytes_come():
    with say.steady():
        server = say.AppleServer()
        first = handshake()
        said = say.script(first, server.run())
        every_way(handshake, said)


def test_the_key_of_oakley_group_2_is_what_it_should_be():
    """RFC 2409 section 6.2, first and last words."""
    prime = f"{say.oakley_2():x}"
    assert prime.startswith("ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd1")
    assert prime.endswith("49286651ece65381ffffffffffffffff")


def test_noise_is_new_each_time():
    sent = set()
    for _ in range(2):
        conversation = handshake()
        conversation.receive_data(b"RFB 003.889\n" + say.types(30) + say.AppleServer.hello())
        sent.add(conversation.data_to_send())
    assert len(sent) == 2


def test_a_wrong_password():
    conversation = handshake()
    say.script(conversation, say.AppleServer(say.failed(b"Authentication failed")).run())
    assert isinstance(conversation.exc, TargetRefused)


PRIME = say.oakley_2()
SMALL = (1 << 1016) - 17


@pytest.mark.parametrize(
    "hello",
    [
        pytest.param(say.AppleServer.hello(length=127, modulus=SMALL, public=2), id="too short"),
        pytest.param(say.AppleServer.hello(length=1025), id="too long"),
        pytest.param(b"\0\2\0\0", id="of no length"),
        pytest.param(b"\0\2\xff\xff", id="of every length"),
        pytest.param(say.AppleServer.hello(modulus=0), id="zero modulus"),
        pytest.param(say.AppleServer.hello(modulus=1), id="modulus one"),
        pytest.param(say.AppleServer.hello(modulus=PRIME - 1), id="even modulus"),
        pytest.param(say.AppleServer.hello(modulus=SMALL), id="small modulus"),
        pytest.param(say.AppleServer.hello(generator=0), id="generator 0"),
        pytest.param(say.AppleServer.hello(generator=1), id="generator 1"),
        pytest.param(say.AppleServer.hello(public=0), id="public 0"),
        pytest.param(say.AppleServer.hello(public=1), id="public 1"),
        pytest.param(say.AppleServer.hello(public=PRIME - 1), id="public p - 1"),
        pytest.param(say.AppleServer.hello(public=PRIME), id="public p"),
        pytest.param(say.AppleServer.hello(public=PRIME + 5), id="public over p"),
    ],
)
def test_numbers_that_are_no_key(hello):
    conversation = fails_every_way(handshake, b"RFB 003.889\n" + say.types(30) + hello)
    assert isinstance(conversation.exc, TargetProtocolError)
    assert not conversation._leg.login_sent


@pytest.mark.parametrize("login", [Login("u" * 64, "p"), Login("u", "p" * 64)])
def test_a_login_that_does_not_fit_is_not_cut(login):
    conversation = handshake(login)
    say.script(conversation, say.AppleServer().run())
    assert "too long" in str(conversation.exc)
    assert not conversation._leg.login_sent


def test_the_largest_key_passes():
    modulus = (1 << 8191) | 0x12345677
    conversation = handshake()
    hello = say.AppleServer.hello(modulus=modulus, public=12345, length=1024)
    conversation.receive_data(b"RFB 003.889\n" + say.types(30) + hello)
    assert conversation.exc is None
    assert len(conversation.data_to_send()) == 12 + 1 + 128 + 1024
