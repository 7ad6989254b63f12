"""None, VNC authentication, Plain."""

from unittest import mock

import pytest
from cryptography.exceptions import UnsupportedAlgorithm

from jupyter_vnc.exceptions import TargetProtocolError
from jupyter_vnc.rfb.handshake import TargetHandshake
from jupyter_vnc.rfb.security import Login, basic
from jupyter_vnc.rfb.security.basic import vnc_response
from tests.rfb import scripts as say
from tests.rfb.feeding import every_way


def handshake(login):
    return lambda: TargetHandshake(login, say.OPEN)


@pytest.mark.parametrize(
    ("password", "challenge", "response"),
    [
        (b"password", say.CHALLENGE, say.RESPONSE),
        (b"password, and what nobody reads", say.CHALLENGE, say.RESPONSE),
        # FIPS 81's key and first block; DES sees the key mirrored, so the password is the key's mirror image.
        (bytes.fromhex("80c4a2e691d5b3f7"), b"Now is the time ", bytes.fromhex("3fa40e8a984d4815")),
    ],
)
def test_published_vectors(password, challenge, response):
    assert vnc_response(password, challenge)[: len(response)] == response


def test_a_short_password_is_filled_up():
    assert vnc_response(b"ab", say.CHALLENGE) == vnc_response(b"ab\0\0\0\0\0\0", say.CHALLENGE)
    assert vnc_response(b"ab", say.CHALLENGE) != vnc_response(b"abc", say.CHALLENGE)


def test_a_machine_without_des_says_so():
    with mock.patch.object(basic, "Cipher", side_effect=UnsupportedAlgorithm("no")):
        conversation = TargetHandshake(say.PASSWORD, say.OPEN)
        conversation.receive_data(say.V38 + say.types(2) + say.CHALLENGE)
    assert isinstance(conversation.exc, TargetProtocolError)
    assert "DES" in str(conversation.exc)


@pytest.mark.parametrize(("version", "result"), [(say.V38, say.OK), (say.V37, b"")])
def test_none_is_confirmed_by_new_servers_only(version, result):
    every_way(handshake(Login()), version + say.types(1) + result)


def test_plain_sends_both_as_they_are():
    said = say.V38 + say.types(19) + say.vencrypt(256) + say.OK
    told = say.V38 + b"\x13\0\2" + b"\0\0\1\0" + b"\0\0\0\6\0\0\0\4" + b"j\xc3\xbcrg" + b"\xff\xfe"
    told = told.replace(b"\0\0\0\6\0\0\0\4", b"\0\0\0\5\0\0\0\2")
    every_way(handshake(Login("jürg", b"\xff\xfe")), said, sent=told)
