"""What we log in with, and what we put up with."""

from dataclasses import FrozenInstanceError, replace

import pytest

from jupyter_vnc.rfb.security import LOCAL_ORDER, SCHEMES, STRONGEST_FIRST, TLS_TYPES, Login, SecurityPolicy
from jupyter_vnc.rfb.wire import SecurityType


@pytest.mark.parametrize(
    ("password", "wire"),
    [("", b""), ("secret", b"secret"), ("grün", b"gr\xc3\xbcn"), (b"gr\xfcn", b"gr\xfcn"), (b"", b"")],
)
def test_a_password_is_utf_8_unless_it_is_bytes(password, wire):
    assert Login(password=password).password_bytes == wire


def test_a_user_name_is_utf_8():
    assert Login("jürgen").username_bytes == b"j\xc3\xbcrgen"


def test_a_login_never_shows_its_password():
    login = Login("alice", "s3cret")
    assert "s3cret" not in f"{login!r} {login!s} {login}"
    assert "alice" in repr(login)


def test_values_do_not_change():
    with pytest.raises(FrozenInstanceError):
        Login().password = "x"
    with pytest.raises(FrozenInstanceError):
        SecurityPolicy().allow_none = True


@pytest.mark.parametrize("order", [STRONGEST_FIRST, LOCAL_ORDER])
def test_both_orders_name_every_scheme_once(order):
    assert sorted(order) == sorted(set(order)) == sorted(set(SCHEMES) - {SecurityType.VENCRYPT})


def test_tls_types_are_those_inside_tls():
    assert {number for number in SCHEMES if number > SecurityType.PLAIN} == TLS_TYPES


def test_a_network_is_not_trusted():
    policy = SecurityPolicy()
    assert not any((policy.allow_none, policy.allow_unverified, policy.allow_plain, policy.pinned))
    assert policy.order == STRONGEST_FIRST


def test_this_machine_is():
    policy = SecurityPolicy.local()
    assert policy.allow_none
    assert policy.allow_unverified
    assert not policy.allow_plain
    assert policy.order == LOCAL_ORDER


@pytest.mark.parametrize("name", ["certificate_sha256", "server_key_sha256"])
def test_a_pin_is_noticed(name):
    assert replace(SecurityPolicy(), **{name: bytes(32)}).pinned
