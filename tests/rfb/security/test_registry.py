"""Every scheme that we can play, and what is known of it before it runs."""

import pytest

from jupyter_vnc.rfb.security.registry import SCHEMES
from jupyter_vnc.rfb.security.scheme import Needs, Proof
from jupyter_vnc.rfb.wire import SecurityType as T


def test_each_is_found_by_its_own_number():
    assert all(scheme.number == number for number, scheme in SCHEMES.items())
    assert set(SCHEMES) == set(T) - {T.INVALID}


#: needs, proof, encrypts the session, gives away the password, in clear
FACTS = {
    T.NONE: (Needs.NOTHING, Proof.NOTHING, False, False, False),
    T.VNC: (Needs.PASSWORD, Proof.NOTHING, False, False, False),
    T.PLAIN: (Needs.ACCOUNT, Proof.NOTHING, False, True, True),
    T.APPLE_DH: (Needs.ACCOUNT, Proof.NOTHING, False, False, False),
    T.RA2: (Needs.PASSWORD, Proof.KEY, True, True, False),
    T.RA2_256: (Needs.PASSWORD, Proof.KEY, True, True, False),
    T.RA2NE: (Needs.PASSWORD, Proof.KEY, False, True, False),
    T.RA2NE_256: (Needs.PASSWORD, Proof.KEY, False, True, False),
    T.TLS_NONE: (Needs.NOTHING, Proof.NOTHING, True, False, False),
    T.TLS_VNC: (Needs.PASSWORD, Proof.NOTHING, True, False, False),
    T.TLS_PLAIN: (Needs.ACCOUNT, Proof.NOTHING, True, True, False),
    T.X509_NONE: (Needs.NOTHING, Proof.CERTIFICATE, True, False, False),
    T.X509_VNC: (Needs.PASSWORD, Proof.CERTIFICATE, True, False, False),
    T.X509_PLAIN: (Needs.ACCOUNT, Proof.CERTIFICATE, True, True, False),
}


@pytest.mark.parametrize("number", FACTS)
def test_facts(number):
    scheme = SCHEMES[number]
    assert (scheme.needs, scheme.proof, scheme.encrypts, scheme.wants_proof, scheme.clear) == FACTS[number]
    assert not scheme.wrapper


def test_only_two_are_wrappers():
    assert {number for number, scheme in SCHEMES.items() if scheme.wrapper} == {T.VENCRYPT, T.TIGHT}
