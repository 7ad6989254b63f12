"""What the compatibility table is made of: each VNC server with each security type, as ``test_security_types`` runs it.

A row of the table is a :class:`Case` here. ``docs/reference/compatibility.md`` shows these rows, and
``test_compatibility_table.py`` compares the two.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.fakes import scripted
from tests.integration import machines, real
from tests.rfb.scripts import RA2Server, types

PASSWORD = "k4narien"
ACCOUNT = ("alice", "wonderland")
TCP, UNIX = "TCP", "Unix socket"

#: What a target that is reached over a network has to say before this is put up with.
UNAUTHENTICATED = {"allow_unauthenticated": True}
UNVERIFIED = {"tls": {"mode": "anonymous"}}


@dataclass(frozen=True)
class Case:
    """One server with one security type.

    Attributes:
        server: which, and the version that Debian 12 has.
        types: security type, as the table names it.
        security: what the log has to say about the login.
        login: ``""``, ``"password"`` or ``"account"``: what it asks for.
        start: starts it; gets folder, whether on a Unix socket, and a certificate.
        over: how it is reached.
        network: keys of its target that it needs over a network, besides the login.
        certified: it has a certificate, so its target names the authority.
        play: a scripted server instead of a real one: makes a part.
        pin: fingerprint of the key that a scripted server shows.
        order: security types that the test insists on, where ours would take another.
    """

    server: str
    types: str
    security: str
    login: str = ""
    start: Callable[..., AbstractContextManager] | None = None
    over: tuple[str, ...] = (TCP, UNIX)
    network: dict[str, Any] = field(default_factory=dict)
    certified: bool = False
    play: Callable[[], scripted.Part] | None = None
    pin: str = ""
    order: tuple[int, ...] = ()

    @property
    def row(self):
        """The cells of this case in the table."""
        asked = {"": "—", "password": "password", "account": "user name, password"}[self.login]
        how = "scripted" if self.play else "real"
        return (self.server, self.types, asked, ", ".join(self.over), "control, view", how)


def _inside(outer, name, number):
    return f"{outer}, {name} ({number})"


def _vencrypt(name, number):
    return _inside("VeNCrypt (19)", name, number)


def _tigervnc(kind):
    def start(folder, *, unix, certificate):
        options = ["-SecurityTypes", kind, "-PlainUsers", ACCOUNT[0]]
        options += ["-X509Cert", str(certificate.certificate), "-X509Key", str(certificate.key)]
        more = machines.pam(folder / "pam", **dict([ACCOUNT])) if kind.endswith("Plain") else {}
        password = PASSWORD if "Vnc" in kind else ""
        return real.tigervnc(folder, unix=unix, password=password, options=options, more_env=more)

    return start


def _x11vnc(*, password="", tls=""):
    def start(folder, *, unix, certificate):
        if tls:
            both = folder / "both.pem"
            both.write_bytes(certificate.key.read_bytes() + certificate.certificate.read_bytes())
            options = ["-ssl", str(both), "-vencrypt", tls, "-anontls", "never", "-noshm"]
            return _killed(real.x11vnc(folder, password=password, options=options))
        return real.x11vnc(folder, unix=unix, password=password)

    return start


@contextmanager
def _killed(started):
    """End a server the hard way: with TLS, x11vnc takes its time now and then when it is asked to go."""
    with started as server:
        yield server
        server.kill()


def _libvncserver(**options):
    def start(folder, *, unix, certificate):
        return machines.libvncserver(folder, **options)

    return start


def _qemu(**options):
    def start(folder, *, unix, certificate):
        return machines.qemu(folder, unix=unix, certificate=certificate, **options)

    return start


def _wayvnc(**options):
    def start(folder, *, unix, certificate):
        return machines.wayvnc(folder, unix=unix, certificate=certificate, **options)

    return start


def _tightvnc(folder, *, unix, certificate):
    return machines.tightvnc(folder, password=PASSWORD)


TIGERVNC = (
    Case("TigerVNC 1.12", "None", "None (1)", start=_tigervnc("None"), network=UNAUTHENTICATED),
    Case("TigerVNC 1.12", "VncAuth", "VNC (2)", "password", _tigervnc("VncAuth")),
    Case("TigerVNC 1.12", "Plain", _vencrypt("Plain", 256), "account", _tigervnc("Plain"), over=(UNIX,)),
    Case("TigerVNC 1.12", "TLSNone", _vencrypt("TLSNone", 257), start=_tigervnc("TLSNone"), network=UNAUTHENTICATED),
    Case("TigerVNC 1.12", "TLSVnc", _vencrypt("TLSVnc", 258), "password", _tigervnc("TLSVnc")),
    Case("TigerVNC 1.12", "TLSPlain", _vencrypt("TLSPlain", 259), "account", _tigervnc("TLSPlain"), network=UNVERIFIED),
    Case("TigerVNC 1.12", "X509None", _vencrypt("X509None", 260), start=_tigervnc("X509None"), certified=True),
    Case("TigerVNC 1.12", "X509Vnc", _vencrypt("X509Vnc", 261), "password", _tigervnc("X509Vnc"), certified=True),
    Case("TigerVNC 1.12", "X509Plain", _vencrypt("X509Plain", 262), "account", _tigervnc("X509Plain"), certified=True),
)

#: x11vnc is built on libvncserver, which has the security types None and VNC of its own; TLS is x11vnc's.
X11VNC = (
    Case("x11vnc 0.9.16", "None", "None (1)", start=_x11vnc(), network=UNAUTHENTICATED),
    Case("x11vnc 0.9.16", "VncAuth", "VNC (2)", "password", _x11vnc(password=PASSWORD)),
    Case(
        *("x11vnc 0.9.16", "X509None", _vencrypt("X509None", 260)),
        start=_x11vnc(tls="nodh:force"),
        over=(TCP,),
        certified=True,
    ),
    Case(
        *("x11vnc 0.9.16", "X509Vnc", _vencrypt("X509Vnc", 261), "password"),
        start=_x11vnc(password=PASSWORD, tls="nodh:force"),
        over=(TCP,),
        certified=True,
    ),
)

LIBVNCSERVER = (
    Case(
        *("libvncserver 0.9.14, example.c", "None", "None (1)"),
        start=_libvncserver(),
        over=(TCP,),
        network=UNAUTHENTICATED,
    ),
    Case(
        *("libvncserver 0.9.14, example.c", "VncAuth", "VNC (2)", "password"),
        start=_libvncserver(password=PASSWORD),
        over=(TCP,),
    ),
)

QEMU = (
    Case("QEMU 7.2", "None", "None (1)", start=_qemu(), network=UNAUTHENTICATED),
    Case("QEMU 7.2", "VncAuth", "VNC (2)", "password", _qemu(password=PASSWORD)),
    Case("QEMU 7.2", "TLSNone", _vencrypt("TLSNone", 257), start=_qemu(credentials="anon"), network=UNAUTHENTICATED),
    Case("QEMU 7.2", "TLSVnc", _vencrypt("TLSVnc", 258), "password", _qemu(credentials="anon", password=PASSWORD)),
    Case("QEMU 7.2", "X509None", _vencrypt("X509None", 260), start=_qemu(credentials="x509"), certified=True),
    Case(
        *("QEMU 7.2", "X509Vnc", _vencrypt("X509Vnc", 261), "password"),
        start=_qemu(credentials="x509", password=PASSWORD),
        certified=True,
    ),
)

WAYVNC = (
    Case("wayvnc 0.5", "None", "None (1)", start=_wayvnc(), network=UNAUTHENTICATED),
    Case("wayvnc 0.5", "X509Plain", _vencrypt("X509Plain", 262), "account", _wayvnc(account=ACCOUNT), certified=True),
)

TIGHTVNC = (
    Case("TightVNC 1.3", "VncAuth", "VNC (2)", "password", _tightvnc, over=(TCP,)),
    Case(
        *("TightVNC 1.3", "Tight: VncAuth", _inside("Tight (16)", "VNC", 2), "password", _tightvnc),
        over=(TCP,),
        order=(16, 2),
    ),
)


def _ra2(server, name, number, greeting):
    return Case(
        *(server, name, f"{name} ({number})", "account"),
        play=lambda: scripted.ra2(greeting, number, *ACCOUNT),
        pin=RA2Server(number).pin.hex(),
    )


_REALVNC = b"RFB 005.000\n"

SCRIPTED = (
    Case("macOS", "Apple DH", "Apple DH (30)", "account", play=lambda: scripted.mac(*ACCOUNT)),
    _ra2("RealVNC", "RA2", 5, _REALVNC + types(13, 5, 192)),
    _ra2("RealVNC", "RA2_256", 129, _REALVNC + types(13, 133, 5, 129, 192)),
    _ra2("RealVNC", "RA2ne", 6, _REALVNC + types(13, 6, 192)),
    _ra2("RealVNC", "RA2ne_256", 130, _REALVNC + types(13, 6, 130, 192)),
    _ra2("wayvnc from 0.7", "RA2_256", 129, b"RFB 003.008\n" + types(129, 5)),
    Case(
        *("TurboVNC", "Tight: VncAuth", _inside("Tight (16)", "VNC", 2), "password"),
        play=lambda: scripted.tight(PASSWORD),
    ),
    Case(
        *("TurboVNC", "Tight: Unix login", _inside("Tight (16)", "Plain", 256), "account"),
        over=(UNIX,),
        play=lambda: scripted.tight(ACCOUNT[1], unix_login=ACCOUNT[0]),
    ),
    Case("UltraVNC", "VncAuth, RFB 3.6", "VNC (2)", "password", play=lambda: scripted.ultra(PASSWORD)),
)

REAL = TIGERVNC + X11VNC + LIBVNCSERVER + QEMU + WAYVNC + TIGHTVNC
CASES = REAL + SCRIPTED


def each(cases):
    """Every case over every way, with a name for pytest."""
    return {f"{case.server}, {case.types}, {over}": (case, over) for case in cases for over in case.over}
