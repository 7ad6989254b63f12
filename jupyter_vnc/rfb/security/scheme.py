"""What a security scheme is, and what it may do to the leg that it runs on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum, Flag, auto
from typing import Protocol

from jupyter_vnc.rfb.stream import Steps, Stream
from jupyter_vnc.rfb.wire import security_name

from .policy import Login, SecurityPolicy


class Needs(Flag):
    """What of a login a scheme cannot do without."""

    NOTHING = 0
    USERNAME = auto()
    PASSWORD = auto()
    ACCOUNT = USERNAME | PASSWORD


class Proof(Enum):
    """How a scheme can verify the server."""

    NOTHING = auto()
    CERTIFICATE = auto()
    KEY = auto()


@dataclass(frozen=True, slots=True)
class TLSRequest:
    """The leg must become TLS before the handshake can go on.

    Attributes:
        anonymous: no certificate on either side (``aNULL``); otherwise the server shows one.
        pinned: the handshake compares the certificate with its pin, so the caller need not verify its chain
            and its host name. It must hand over the certificate.
    """

    anonymous: bool
    pinned: bool = False


class Transform(Protocol):
    """Encryption of a session that the scheme itself defines (RA2); incremental and without I/O."""

    def encrypt(self, data: bytes) -> bytes:
        """Return what goes on the wire for these bytes."""

    def decrypt(self, data: bytes) -> bytes:
        """Return the bytes that can be read now that these have come from the wire.

        Raises:
            TargetProtocolError: they were tampered with, or are not such a stream.
        """


class Leg:
    """The target leg during its handshake: what a scheme reads and writes, and what it leaves behind.

    Attributes:
        stream: bytes of the server, and bytes for it.
        login: what to log in with.
        policy: which schemes may be used.
        needs_tls: what the handshake waits for, while it does.
        certificate: the server's, as DER, once the leg is TLS with a certificate.
        transform: encryption of everything after the login, if the scheme brings its own.
        login_sent: the password, or a proof of it, is on its way; a server that closes now means it.
        confirmed: a server older than 3.8 sends a SecurityResult too.
        server_key_sha256: what to pin for this server, once it has shown an RA2 key.
        tight: ServerInit will have Tight's capabilities at its end.
        names: the schemes that were chosen, from the outside in.
    """

    def __init__(self, login: Login, policy: SecurityPolicy) -> None:
        self.stream = Stream()
        self.login = login
        self.policy = policy
        self.needs_tls: TLSRequest | None = None
        self.certificate: bytes | None = None
        self.transform: Transform | None = None
        self.login_sent = False
        self.confirmed = True
        self.server_key_sha256: bytes | None = None
        self.tight = False
        self.names: list[str] = []

    def ask_for_tls(self, request: TLSRequest) -> None:
        """Ask for TLS; :attr:`needs_tls` is None again when the leg has become it."""
        self.needs_tls = request

    def send_login(self, data: bytes) -> None:
        """Queue bytes that carry, or prove, the password."""
        self.login_sent = True
        self.stream.write(data)


class Scheme(ABC):
    """One security type.

    Attributes:
        number: security type or VeNCrypt sub-type.
        needs: what it takes of the login.
        proof: how it verifies the server.
        encrypts: the whole session is encrypted, not only the login.
        wants_proof: the server gets the password itself, so it must be verified where the scheme has a way to.
        reveals: the server gets the password itself, whether or not the scheme has a way to verify it.
        clear: the password crosses the wire unencrypted.
        wrapper: the real scheme is chosen inside; nothing but the order can be said of it beforehand.
    """

    number: int
    needs: Needs = Needs.NOTHING
    proof: Proof = Proof.NOTHING
    encrypts: bool = False
    wants_proof: bool = False
    reveals: bool = False
    clear: bool = False
    wrapper: bool = False

    @property
    def title(self) -> str:
        """Name and number, for a log or a sentence."""
        return security_name(self.number)

    @abstractmethod
    def run(self, leg: Leg) -> Steps[None]:
        """Log in, from behind the choice of the type to just before the SecurityResult.

        Raises:
            TargetProtocolError: the server broke the scheme's protocol, or is not the one that is pinned.
            EOFError: the server closed.
        """
