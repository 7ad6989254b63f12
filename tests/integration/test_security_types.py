"""Logging in to VNC servers as they are: each with each of its security types, as ``compatibility.py`` lists them.

TCP means a host name that is not this machine's, so the rules of a network count: what is not encrypted or not
verified has to be allowed.
"""

import asyncio
import re
import socket
from dataclasses import replace

import pytest

from jupyter_vnc.connect import login
from jupyter_vnc.connect import security as secure
from tests.fakes import scripted, vnc_server
from tests.integration import machines, real
from tests.integration.certificates import HOST, Authority
from tests.integration.compatibility import ACCOUNT, CASES, PASSWORD, REAL, SCRIPTED, TCP, UNIX, each
from tests.integration.real import LAMP_HAND, wait_until
from tests.integration.viewer import Viewer
from tests.rfb import viewer_says as say
from tests.rfb.scripts import V38, types

pytestmark = pytest.mark.real

PLAYED = {name: case for name, case in each(CASES).items() if case[0].play}
STARTED = {name: case for name, case in each(CASES).items() if not case[0].play}


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority") / "ca")


@pytest.fixture(autouse=True)
def network(monkeypatch):
    """Let a host name that says nothing of this machine lead to it."""
    resolve = socket.getaddrinfo

    def here(host, *more, **options):
        return resolve("127.0.0.1" if host == HOST else host, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", here)


@pytest.fixture
def in_order(monkeypatch):
    """Insist on an order of security types; what they may be used for stays."""

    def insist(order):
        policy_of = secure.policy_of
        monkeypatch.setattr(login, "policy_of", lambda *target: replace(policy_of(*target), order=order))

    return insist


@pytest.fixture
def secret(tmp_path):
    """Write a password for a target's ``password_file``."""

    def write(password):
        path = tmp_path / f"{password}.password"
        path.write_text(f"{password}\n")
        path.chmod(0o600)
        return {"password_file": str(path)}

    return write


@pytest.fixture
def keys_of(secret, authority):
    """The keys of a target for a case: right, or with another password."""

    def keys(case, over, address, *, right=True):
        network = {"host": HOST, "port": getattr(address, "port", 0)} | case.network
        keys = {"socket": address.path} if over == UNIX else network
        if case.login == "account":
            keys |= {"username": ACCOUNT[0]}
        if case.login:
            keys |= secret((ACCOUNT[1] if case.login == "account" else PASSWORD) if right else "notthis")
        if case.certified:
            keys |= {"tls": {"ca_file": str(authority.certificate)}}
        if case.pin:
            keys |= {"tls": {"fingerprint": case.pin}}
        return keys

    return keys


@pytest.fixture
def ending(client):
    """Try to open a target; return close code and sentence."""

    async def ending(target):
        return await Viewer(await client.connect((await client.issue(target))["token"])).until_closed()

    return ending


def logged_in(logged, target):
    """What the last login to a target went through."""
    return re.findall(rf"Logged in to {target}: RFB [\d.]+, security (.*)", logged())[-1]


def short(cases):
    """Each case over its first way, and of each server the first one over each way; ``make endurance`` has the others.

    What a way changes is in the policy, which is the same for all of them.
    """
    shown, names = set(), []
    for name, (case, over) in cases.items():
        is_short = over == case.over[0] or (case.server, over) not in shown
        shown.add((case.server, over))
        names.append(pytest.param(name, marks=() if is_short else pytest.mark.endurance))
    return names


@pytest.mark.parametrize("name", short(STARTED))
async def test_a_real_server(name, start, add_target, look, ending, keys_of, authority, in_order, logged):
    case, over = STARTED[name]
    desktop = start(case.start, unix=over == UNIX, certificate=authority.sign())
    watch = start.also(desktop.watching())
    if case.order:
        in_order(case.order)
    add_target("lab", keys_of(case, over, desktop.address))
    add_target("wrong", keys_of(case, over, desktop.address, right=False))
    if case.login:
        code, sentence = await ending("wrong")
        assert (code, "notthis" in sentence) == (4503, False), sentence
    async with look("lab") as user, look("lab", mode="view") as onlooker:
        assert logged_in(logged, "lab") == case.security
        assert desktop.title in user.name
        for viewer in (user, onlooker):
            await viewer.until_pixel(5, 5, desktop.background)
        await user.move(*LAMP_HAND)
        await onlooker.key("x")
        await onlooker.click(*LAMP_HAND)
        await onlooker.pixel(5, 5)  # by now the server would have seen the key
        await user.key("g")
        await asyncio.to_thread(wait_until, lambda: watch.events, "the key arrives")
    assert watch.events == ["key g"]


@pytest.mark.parametrize("name", short(PLAYED))
async def test_a_scripted_server(name, add_target, look, ending, keys_of, tmp_path, logged):
    case, over = PLAYED[name]
    async with scripted.playing(case.play, tmp_path / "vnc.sock" if over == UNIX else None) as server:
        add_target("lab", keys_of(case, over, server.address))
        add_target("wrong", keys_of(case, over, server.address, right=False))
        code, sentence = await ending("wrong")
        assert (code, "notthis" in sentence) == (4503, False), sentence
        async with look("lab", mode="view") as onlooker:
            await onlooker.send(say.key() + say.update_request())
            await server.until(lambda: say.update_request() in server.received)
        assert say.key() not in server.received
        async with look("lab") as user:
            assert logged_in(logged, "lab") == case.security
            assert user.name == vnc_server.NAME.decode()
            await user.send(say.key())
            await server.until(lambda: server.received.endswith(say.key()))
    assert server.shared == [1, 1]


def test_every_way_of_every_server_is_in_the_table_once():
    assert len(each(CASES)) == sum(len(case.over) for case in REAL + SCRIPTED)


# -- what a certificate has to be -------------------------------------------------------------------------------


def tigervnc(kind, certificate):
    """A TigerVNC's options for a security type inside TLS, with this certificate."""
    files = ["-X509Cert", str(certificate.certificate), "-X509Key", str(certificate.key)]
    return {"password": PASSWORD, "options": ["-SecurityTypes", kind, *files]}


@pytest.fixture
def shown(start, add_target, keys_of, authority):
    """Start a TigerVNC with X509Vnc that shows a certificate; add a target of it with these TLS options."""
    case, _ = each(CASES)["TigerVNC 1.12, X509Vnc, TCP"]

    def shown(certificate, **tls):
        desktop = start(real.tigervnc, **tigervnc("X509Vnc", certificate))
        add_target("lab", keys_of(case, TCP, desktop.address) | {"tls": tls})

    return shown


async def test_one_that_has_expired(shown, authority, ending):
    shown(authority.sign(expired=True), ca_file=str(authority.certificate))
    code, sentence = await ending("lab")
    assert (code, "it has expired" in sentence) == (4504, True), sentence


async def test_one_for_another_host(shown, authority, ending):
    shown(authority.sign("other.example"), ca_file=str(authority.certificate))
    code, sentence = await ending("lab")
    assert (code, "it is for another host name" in sentence) == (4504, True), sentence


async def test_one_for_another_host_where_that_is_allowed(shown, authority, look):
    shown(authority.sign("other.example"), ca_file=str(authority.certificate), check_hostname=False)
    async with look("lab") as viewer:
        assert await viewer.pixel(5, 5) == real.BACKGROUND


async def test_one_for_another_address(shown, authority, ending, add_target, broker):
    shown(authority.sign("10.1.2.3"), ca_file=str(authority.certificate))
    target = broker.sources[0].by_name["lab"]
    broker.sources[0].by_name["lab"] = replace(target, address=replace(target.address, host="127.0.0.1"))
    code, sentence = await ending("lab")
    assert (code, "it is for another address" in sentence) == (4504, True), sentence


@pytest.mark.parametrize("tls", [{}, {"mode": "x509"}])
async def test_one_of_an_unknown_authority(tls, shown, authority, ending):
    shown(authority.sign(), **tls)
    code, sentence = await ending("lab")
    assert (code, "signer" in sentence, "ca_file" in sentence) == (4504, True, True), sentence


async def test_one_of_another_authority(shown, authority, ending, tmp_path):
    shown(authority.sign(), ca_file=str(Authority(tmp_path / "other").certificate))
    code, sentence = await ending("lab")
    assert (code, "its signer is not known" in sentence) == (4504, True), sentence


@pytest.mark.parametrize("expired", [False, True])
async def test_one_whose_fingerprint_is_pinned(expired, shown, authority, look, logged):
    certificate = authority.sign("other.example", expired=expired)
    shown(certificate, fingerprint=certificate.fingerprint)
    async with look("lab") as viewer:
        assert await viewer.pixel(5, 5) == real.BACKGROUND
    assert logged_in(logged, "lab") == "VeNCrypt (19), X509Vnc (261)"


async def test_one_with_another_fingerprint(shown, authority, ending):
    shown(authority.sign(), fingerprint=authority.sign("other.example").fingerprint)
    code, sentence = await ending("lab")
    assert (code, "another certificate than the one that is pinned" in sentence) == (4504, True), sentence


async def test_another_key_than_the_one_that_is_pinned(add_target, ending, keys_of):
    case, over = PLAYED["RealVNC, RA2_256, TCP"]
    async with scripted.playing(case.play) as server:
        add_target("lab", keys_of(replace(case, pin="ab" * 32), over, server.address))
        code, sentence = await ending("lab")
    assert (code, "another key than the one that is pinned" in sentence) == (4504, True), sentence
    assert not server.received


# -- a certificate of ours ---------------------------------------------------------------------------------------


@pytest.fixture
def strict(start, add_target, authority):
    """Start a QEMU that wants to see certificates; add targets of it with these TLS options."""
    machine = start(machines.qemu, credentials="x509", certificate=authority.sign(), verify_peer=True)

    def strict(name, certificate=None, **tls):
        if certificate is not None:
            tls |= {"cert_file": str(certificate.certificate), "key_file": str(certificate.key)}
        network = {"host": HOST, "port": machine.address.port, "allow_unauthenticated": True}
        add_target(name, network | {"tls": {"ca_file": str(authority.certificate)} | tls})

    return strict


async def test_a_server_that_wants_to_see_our_certificate(strict, authority, look, ending, logged, tmp_path):
    ours = authority.sign("viewer", client=True)
    strict("lab", ours)
    async with look("lab") as viewer:
        assert await viewer.pixel(5, 5) == "#000000"
    assert logged_in(logged, "lab") == "VeNCrypt (19), X509None (260)"
    strict("none")
    code, sentence = await ending("none")
    assert (code, "client certificate" in sentence, "tls.cert_file" in sentence) == (4504, True, True), sentence
    strict("other", Authority(tmp_path / "strangers").sign("viewer", client=True))
    code, sentence = await ending("other")
    assert (code, "did not accept the client certificate" in sentence) == (4504, True), sentence
    strict("broken", replace(ours, key=Authority(tmp_path / "again").sign("viewer").key))
    code, sentence = await ending("broken")
    assert (code, "cannot be used" in sentence) == (4504, True), sentence


# -- what is put up with ----------------------------------------------------------------------------------------

ALL = "None,VncAuth,TLSNone,TLSVnc,X509None,X509Vnc"


@pytest.mark.parametrize(
    ("offered", "tls", "security"),
    [
        ("TLSVnc,VncAuth", {}, "VeNCrypt (19), TLSVnc (258)"),
        ("TLSVnc,VncAuth", {"mode": "off"}, "VNC (2)"),
        ("TLSVnc,VncAuth", {"mode": "anonymous"}, "VeNCrypt (19), TLSVnc (258)"),
        (ALL, {"mode": "off"}, "VNC (2)"),
        (ALL, {"mode": "x509", "ca": True}, "VeNCrypt (19), X509Vnc (261)"),
        (ALL, {"ca": True}, "VeNCrypt (19), X509Vnc (261)"),
        ("None,TLSNone,VncAuth", {}, "VeNCrypt (19), VNC (2)"),
    ],
)
async def test_of_what_is_offered_we_take_the_best_that_is_allowed(
    offered, tls, security, start, add_target, look, keys_of, authority, logged
):
    case, _ = each(CASES)["TigerVNC 1.12, VncAuth, TCP"]
    desktop = start(real.tigervnc, **tigervnc(offered, authority.sign()))
    tls = {key: value for key, value in tls.items() if key != "ca"} | (
        {"ca_file": str(authority.certificate)} if "ca" in tls else {}
    )
    add_target("lab", keys_of(case, TCP, desktop.address) | {"tls": tls})
    async with look("lab") as viewer:
        assert await viewer.pixel(5, 5) == real.BACKGROUND
    assert logged_in(logged, "lab") == security


@pytest.mark.parametrize(
    ("offered", "keys", "sentence"),
    [
        ("None", {}, "with None (1): it asks for no login"),
        ("TLSNone", {}, "with TLSNone (257): it asks for no login"),
        ("VncAuth", {"tls": {"mode": "x509"}}, "with VNC (2): it does not encrypt"),
        ("VncAuth", {"tls": {"mode": "anonymous"}}, "with VNC (2): it does not encrypt"),
        ("VncAuth", {"password_file": None}, "it needs a password, and none is configured"),
        ("VncAuth", {"username": "alice"}, "it has no user names, and one is configured"),
        ("VncAuth", {"tls": {"fingerprint": "ab" * 32}}, "with VNC (2): it does not show the certificate"),
        ("TLSVnc", {"tls": {"mode": "x509"}}, "it does not verify the desktop, and that is required"),
        ("TLSVnc", {"ca": True}, "it does not verify the desktop, and that is required"),
        ("TLSVnc", {"tls": {"mode": "off"}}, "The desktop offers VeNCrypt (19)."),
        ("TLSPlain", {"username": "alice"}, "it gives away the password, and nothing verifies the desktop"),
        ("Plain", {"username": "alice"}, "it sends the password in clear, which is for Unix sockets only"),
    ],
)
async def test_nothing_weaker_is_used_silently(offered, keys, sentence, start, add_target, ending, keys_of, authority):
    case, _ = each(CASES)["TigerVNC 1.12, VncAuth, TCP"]
    desktop = start(real.tigervnc, **tigervnc(offered, authority.sign()))
    if "ca" in keys:
        keys = {"tls": {"ca_file": str(authority.certificate)}}
    keys = keys_of(case, TCP, desktop.address) | keys
    add_target("lab", {key: value for key, value in keys.items() if value is not None})
    code, told = await ending("lab")
    assert (code, sentence in told) == (4504, True), told


@pytest.mark.parametrize(
    ("greeting", "sentence"),
    [
        (V38 + types(113), "the desktop offers MS-Logon II (113)."),
        (
            b"RFB 003.889\n" + types(33, 36, 35),
            "the desktop offers Apple RSA (33), Apple SRP (36), Apple Kerberos (35).",
        ),
        (b"RFB 005.000\n" + types(13, 133, 192), "RealVNC RA2 in two steps (13)"),
        (V38 + types(20), "the desktop offers SASL (20)."),
        (b"RFB 000.000\n", "UltraVNC repeater"),
    ],
)
async def test_an_unsupported_security_type_is_named(greeting, sentence, add_target, ending):
    async with vnc_server.talking(greeting) as server:
        add_target("lab", {"host": HOST, "port": server.address.port, "username": "alice", "password": "secret"})
        code, told = await ending("lab")
    assert (code, sentence in told) == (4504, True), told


async def test_a_key_that_nobody_pinned_gets_no_password(add_target, ending, keys_of):
    case, over = PLAYED["RealVNC, RA2_256, TCP"]
    async with scripted.playing(case.play) as server:
        add_target("lab", keys_of(replace(case, pin=""), over, server.address))
        code, sentence = await ending("lab")
    assert (code, "pin its key" in sentence) == (4504, True), sentence
