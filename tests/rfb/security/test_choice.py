"""Which scheme is used with a server, as a table of decisions."""

from dataclasses import replace

import pytest

from jupyter_vnc.exceptions import TargetProtocolError
from jupyter_vnc.rfb.security import SCHEMES, TLS_TYPES, Login, SecurityPolicy, choose
from jupyter_vnc.rfb.security.choice import hindrance
from jupyter_vnc.rfb.wire import SecurityType as T

NOBODY, PASSWORD, ACCOUNT = Login(), Login(password="p"), Login("alice", "p")
REMOTE, LOCAL = SecurityPolicy(), SecurityPolicy.local()
CERTIFICATE = replace(REMOTE, certificate_sha256=bytes(32))
KEY = replace(REMOTE, server_key_sha256=bytes(32))
VERIFIED = replace(REMOTE, require_verified=True)
ENCRYPTED = replace(REMOTE, require_encryption=True)
STRANGER = replace(LOCAL, allow_unverified=False, stranger=True)
NO_ANONYMOUS = replace(REMOTE, allow_anonymous_tls=False)
TRUSTING = replace(REMOTE, allow_unverified=True)
NO_TLS = replace(REMOTE, order=tuple(number for number in REMOTE.order if number not in TLS_TYPES))

#: id, what a server offers first, policy, login, what is chosen
FIRST = [
    ("00", [1, 2], REMOTE, PASSWORD, T.VNC),
    ("01", [1, 19], replace(REMOTE, allow_none=True), NOBODY, T.VENCRYPT),
    ("02", [1, 19], LOCAL, NOBODY, T.NONE),
    ("03", [1, 19], LOCAL, PASSWORD, T.VENCRYPT),
    ("04", [1], LOCAL, NOBODY, T.NONE),
    ("05", [1], REMOTE, NOBODY, None),
    ("06", [1], REMOTE, PASSWORD, None),
    ("07", [1], LOCAL, PASSWORD, T.NONE),
    ("08", [19, 2], REMOTE, PASSWORD, T.VENCRYPT),
    ("09", [19, 2], LOCAL, PASSWORD, T.VNC),
    ("10", [2], REMOTE, NOBODY, None),
    ("11", [2], REMOTE, ACCOUNT, None),
    ("12", [2], ENCRYPTED, PASSWORD, None),
    ("13", [2], VERIFIED, PASSWORD, None),
    ("14", [2, 19], VERIFIED, PASSWORD, T.VENCRYPT),
    ("15", [2], CERTIFICATE, PASSWORD, None),
    ("16", [2], KEY, PASSWORD, None),
    ("17", [19, 129], CERTIFICATE, PASSWORD, T.VENCRYPT),
    ("18", [19, 129], KEY, PASSWORD, T.RA2_256),
    ("19", [5, 129], KEY, PASSWORD, T.RA2_256),
    ("20", [129], REMOTE, PASSWORD, None),
    ("21", [129], TRUSTING, PASSWORD, T.RA2_256),
    ("22", [6, 130, 2], LOCAL, ACCOUNT, T.RA2NE_256),
    ("23", [6, 130], replace(KEY, require_encryption=True), ACCOUNT, None),
    ("24", [30, 33, 36], REMOTE, ACCOUNT, T.APPLE_DH),
    ("25", [30, 33, 36], REMOTE, PASSWORD, None),
    ("26", [30, 2], REMOTE, PASSWORD, T.VNC),
    ("27", [16], REMOTE, PASSWORD, T.TIGHT),
    ("28", [16, 2], REMOTE, PASSWORD, T.VNC),
    ("29", [19], NO_TLS, ACCOUNT, None),
    ("30", [19], replace(NO_TLS, allow_plain=True), ACCOUNT, T.VENCRYPT),
    ("31", [36, 113, 133, 192, 255], LOCAL, ACCOUNT, None),
    ("32", list(range(1, 256)), REMOTE, PASSWORD, T.VENCRYPT),
    ("33", [2, 1], replace(REMOTE, order=(T.NONE, T.VNC), allow_none=True), PASSWORD, T.NONE),
    ("34", [], LOCAL, PASSWORD, None),
    ("35", [30], LOCAL, ACCOUNT, T.APPLE_DH),
    ("36", [30], STRANGER, ACCOUNT, None),
    ("37", [30], replace(STRANGER, allow_unverified=True), ACCOUNT, T.APPLE_DH),
    ("38", [5, 6, 129, 130], STRANGER, ACCOUNT, None),
    ("39", [129], replace(STRANGER, server_key_sha256=bytes(32)), ACCOUNT, T.RA2_256),
    ("40", [30, 2], STRANGER, PASSWORD, T.VNC),
    ("41", [30, 1], STRANGER, ACCOUNT, T.NONE),
    ("42", [30], replace(REMOTE, stranger=True), ACCOUNT, None),
]

#: id, what a server offers inside VeNCrypt, policy, login, what is chosen
INSIDE = [
    ("00", [258, 2], REMOTE, PASSWORD, T.TLS_VNC),
    ("01", [258, 2], LOCAL, PASSWORD, T.VNC),
    ("02", [258, 2], NO_ANONYMOUS, PASSWORD, T.VNC),
    ("03", [258], NO_ANONYMOUS, PASSWORD, None),
    ("04", [257, 258, 259, 260, 261, 262], REMOTE, PASSWORD, T.X509_VNC),
    ("05", [257, 258, 259, 260, 261, 262], REMOTE, ACCOUNT, T.X509_PLAIN),
    ("06", [257, 258, 259, 260, 261, 262], REMOTE, NOBODY, T.X509_NONE),
    ("07", [259], REMOTE, ACCOUNT, None),
    ("08", [259], TRUSTING, ACCOUNT, T.TLS_PLAIN),
    ("09", [259], LOCAL, ACCOUNT, T.TLS_PLAIN),
    ("10", [257], REMOTE, NOBODY, None),
    ("11", [257], replace(REMOTE, allow_none=True), NOBODY, T.TLS_NONE),
    ("12", [260], VERIFIED, NOBODY, T.X509_NONE),
    ("13", [258, 259], VERIFIED, ACCOUNT, None),
    ("14", [256], LOCAL, ACCOUNT, None),
    ("15", [256], replace(LOCAL, allow_plain=True), ACCOUNT, T.PLAIN),
    ("16", [19, 16], replace(LOCAL, allow_plain=True), ACCOUNT, None),
    ("17", [129], KEY, ACCOUNT, T.RA2_256),
    ("18", [263, 264, 1 << 31], LOCAL, ACCOUNT, None),
    ("20", [256, 259], replace(STRANGER, allow_plain=True), ACCOUNT, None),
    ("21", [256, 259, 262], replace(STRANGER, allow_plain=True), ACCOUNT, T.X509_PLAIN),
    ("22", [258], STRANGER, PASSWORD, T.TLS_VNC),
    ("19", [256, 262], CERTIFICATE, ACCOUNT, T.X509_PLAIN),
]


@pytest.mark.parametrize(
    ("offered", "policy", "login", "chosen", "inside"),
    [pytest.param(*case, False, id=f"first-{number}") for number, *case in FIRST]
    + [pytest.param(*case, True, id=f"inside-{number}") for number, *case in INSIDE],
)
def test_decisions(offered, policy, login, chosen, inside):
    if chosen is None:
        with pytest.raises(TargetProtocolError):
            choose(offered, SCHEMES, policy, login, inside=inside)
    else:
        assert choose(offered, SCHEMES, policy, login, inside=inside).number == chosen


def refusal(offered, policy=REMOTE, login=PASSWORD, *, inside=False):
    with pytest.raises(TargetProtocolError) as caught:
        choose(offered, SCHEMES, policy, login, inside=inside)
    return caught.value


@pytest.mark.parametrize(
    ("offered", "policy", "login", "advice"),
    [
        ([2], REMOTE, NOBODY, "VNC (2): it needs a password, and none is configured."),
        ([30], REMOTE, PASSWORD, "Apple DH (30): it needs a user name, and none is configured."),
        ([2], REMOTE, ACCOUNT, "VNC (2): it has no user names, and one is configured."),
        ([2], ENCRYPTED, PASSWORD, "it does not encrypt, and encryption is required."),
        ([2], VERIFIED, PASSWORD, "it does not verify the desktop, and that is required."),
        ([2], CERTIFICATE, PASSWORD, "it does not show the certificate or key that is pinned."),
        ([1], REMOTE, NOBODY, "it asks for no login; set a password on the desktop, or allow it for this target."),
        ([129], REMOTE, PASSWORD, "it gives away the password, and nothing verifies the desktop; pin its key."),
        ([30], STRANGER, ACCOUNT, "it gives away the password, and the port may be another account's; see port_owner."),
        ([36], REMOTE, PASSWORD, "Let it offer VNC authentication, or look at the target's TLS settings."),
    ],
)
def test_the_sentence_says_what_the_admin_can_do(offered, policy, login, advice):
    sentence = str(refusal(offered, policy, login))
    assert advice in sentence[:123], "the rest does not fit into a close frame"
    assert sentence.startswith("Cannot log in")


@pytest.mark.parametrize(
    ("offered", "policy", "advice"),
    [
        ([258], NO_ANONYMOUS, "nothing verifies the desktop; give it a certificate, or allow this for the target."),
        ([256], REMOTE, "it sends the password in clear, which is for Unix sockets only."),
    ],
)
def test_so_it_does_inside_vencrypt(offered, policy, advice):
    login = PASSWORD if offered == [258] else ACCOUNT
    assert advice in str(refusal(offered, policy, login, inside=True))


def test_the_sentence_names_what_is_offered_and_stays_short():
    assert "the desktop offers Apple SRP (36), type 77." in str(refusal([36, 77]))
    assert "the desktop offers nothing." in str(refusal([]))
    error = refusal(list(range(31, 256)), KEY, NOBODY)
    assert " and 219 more." in str(error)
    assert len(error.log_line) < 800


def test_the_log_gets_the_other_reasons():
    detail = refusal([258, 2], replace(NO_ANONYMOUS, require_encryption=True), inside=True).detail
    assert detail.startswith("VNC (2): it does not encrypt")
    detail = refusal([2, 5, 30], replace(REMOTE, require_encryption=True), NOBODY).detail
    assert [part.partition(":")[0] for part in detail.split("; ")] == ["Apple DH (30)", "VNC (2)"]


@pytest.mark.parametrize(("count", "more"), [(6, ""), (7, " and 1 more")])
def test_six_types_are_named_and_a_seventh_is_counted(count, more):
    assert f"type 45{more}. Let it" in str(refusal(list(range(40, 40 + count))))


def test_a_list_is_a_servers_own_where_nothing_else_is_said():
    assert choose([19], SCHEMES, REMOTE, PASSWORD).number == T.VENCRYPT


@pytest.mark.parametrize(
    ("policy", "hindered"), [(VERIFIED, True), (replace(VERIFIED, server_key_sha256=bytes(32)), False)]
)
def test_a_key_verifies_a_desktop_only_where_it_is_pinned(policy, hindered):
    assert (hindrance(SCHEMES[T.RA2_256], policy, PASSWORD) != "") is hindered


def test_a_wrapper_is_only_held_up_inside_another():
    assert hindrance(SCHEMES[T.TIGHT], VERIFIED, NOBODY) == ""
    assert hindrance(SCHEMES[T.TIGHT], LOCAL, ACCOUNT, inside=True) == "it cannot be inside another"
    assert hindrance(SCHEMES[T.VNC], LOCAL, PASSWORD) == ""
