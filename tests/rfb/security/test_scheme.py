"""What schemes have in common, and the leg that they run on."""

import pytest

from jupyter_vnc.rfb.security import SCHEMES, Login, Scheme, SecurityPolicy, TLSRequest
from jupyter_vnc.rfb.security.scheme import Leg


def test_a_leg_notes_that_the_login_is_on_its_way():
    leg = Leg(Login(), SecurityPolicy())
    assert not leg.login_sent
    leg.send_login(b"proof")
    assert leg.login_sent
    assert leg.stream.take_outgoing() == b"proof"


def test_a_leg_asks_for_tls():
    leg = Leg(Login(), SecurityPolicy())
    leg.ask_for_tls(TLSRequest(anonymous=True))
    assert leg.needs_tls == TLSRequest(anonymous=True, pinned=False)


def test_a_scheme_says_its_name_and_number():
    assert SCHEMES[2].title == "VNC (2)"


def test_a_scheme_has_to_run():
    with pytest.raises(TypeError):
        Scheme()
