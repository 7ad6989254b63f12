"""What a security scheme is, and what it may do to the leg that it runs on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum, Flag, auto
from typing import Protocol

from jupyter_vnc.rfb.security.policy import Login, SecurityPolicy
from jupyter_vnc.rfb.stream import Steps, Stream
from jupyter_vnc.rfb.wire import security_name


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
        anonymous: no certificate on either side (``aNULL``); else the server shows one.
        pinned: the handshake itself compares the certificate with its pin, so the caller need not verify
            chain and host name; it must hand over the certificate.
    """

    anonymous: bool
    pinned: bool = False


class Transform(Protocol):
    """Encryption of a session that the scheme itself defines (RA2); incremental and without I/O."""

    def encrypt(self, data: bytes) -> bytes:
        """Return what goes on the wire for these bytes."""

    def decrypt(self, data: bytes) -> bytes:
        """Return the bytes that can be read so far, after these came from the wire.

        Raises:
            TargetProtocolError: they were tampered with or are no such stream.
        """


class Leg:
    """The target leg during its handshake: what a scheme reads, writes and leaves behind.

    Attributes:
        login_sent: the password, or an answer made with it, is on its way; a server that closes now means it.
        server_key_sha256: what to pin for this server, once it has shown an RA2 key.
        tight: the server will append Tight's capabilities to ServerInit.
    """

    def __init__(self, login: Login, policy: SecurityPolicy) -> None:
        self.stream = Stream()
        self.login = login
        self.policy = policy
        self.needs_tls: TLSRequest | None = None
        self.certificate: bytes | None = None
        self.transform: Transform | None = None
        self.login_sent = False
        self.server_key_sha256: bytes | None = None
        self.tight = False
        self.names: list[str] = []

    def send_login(self, data: bytes) -> None:
        """Queue bytes that carry, or prove, the password."""
        self.login_sent = True
        self.stream.write(data)


class Scheme(ABC):
    """One security type.

    Attributes:
        number: security type or VeNCrypt sub-type.
        needs: what it takes from the login.
        proof: how it verifies the server.
        encrypts: the whole session is encrypted, not only the login.
        wants_proof: the server is handed the password itself, so it has to be verified first.
        clear: the password crosses the wire unencrypted.
    """

    number: int
    needs: Needs = Needs.NOTHING
    proof: Proof = Proof.NOTHING
    encrypts: bool = False
    wants_proof: bool = False
    clear: bool = False

    @property
    def title(self) -> str:
        """Name and number, for a log or a sentence."""
        return security_name(self.number)

    @property
    def confirmed(self) -> bool:
        """A server older than 3.8 sends a SecurityResult after this scheme (RFC 6143 appendix A)."""
        return self.needs is not Needs.NOTHING

    @abstractmethod
    def run(self, leg: Leg) -> Steps[None]:
        """Log in, from the choice of the type to just before the SecurityResult.

        Raises:
            TargetProtocolError: the server broke the scheme's protocol, or is not the pinned one.
            EOFError: the server closed.
        """
