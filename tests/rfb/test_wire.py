"""Names for numbers, and numbers that must not drift."""

import pytest

from jupyter_vnc.rfb import wire


@pytest.mark.parametrize(
    ("number", "name"),
    [(2, "VNC (2)"), (36, "Apple SRP (36)"), (262, "X509Plain (262)"), (77, "type 77"), (1 << 31, "type 2147483648")],
)
def test_security_types_have_names_or_at_least_numbers(number, name):
    assert wire.security_name(number) == name


def test_every_type_that_we_play_has_a_name():
    assert {number for number in wire.SecurityType if number} <= set(wire.SECURITY_NAMES)


def test_the_registered_numbers():
    """rfbproto's and IANA's registry; a typo here would only show with a real server."""
    assert int.from_bytes(bytes.fromhex("c0a1e5ce"), signed=True) == wire.Encoding.EXTENDED_CLIPBOARD
    assert [wire.SecurityType.VENCRYPT, wire.SecurityType.APPLE_DH, wire.SecurityType.RA2NE_256] == [19, 30, 130]
    assert [int(number) for number in wire.SecurityType][-7:] == list(range(256, 263))
