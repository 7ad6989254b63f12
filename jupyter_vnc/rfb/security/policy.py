"""What we log in with, and what we accept: values only.

Why the defaults are as they are:

* A scheme without any login (None) is for sockets that only we can reach; elsewhere the admin opts in.
* Anonymous TLS authenticates nobody, but with VNC authentication inside it is never worse than VNC
  authentication in clear, so it is allowed where that is.
* A scheme that hands the *password itself* to the server (Plain inside TLS, RA2) needs a server that was
  verified, by certificate or by pinned key, unless the admin says otherwise. Apple's is the exception: it has
  no way to verify a Mac, and a configured user name is the admin's consent.
* On this machine the kernel knows which account a server runs under. One that is root's or our own is trusted
  with the password; any other is a stranger, to whom not even Apple's scheme gives it. VNC authentication shows
  a stranger a response to guess the password from, as it does to everyone on a network.
* A pin, or ``require_verified``, leaves only schemes that verify the server: otherwise somebody in the middle
  would simply not offer them.
* A login with a user name never goes through VNC authentication, which has no user name: it would cut an
  account's password to eight bytes and show the rest of the world a DES response to guess it from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from jupyter_vnc.rfb.wire import SecurityType as T

#: For targets that are reached over a network: what verifies the server first, what encrypts nothing last.
STRONGEST_FIRST: Final[tuple[int, ...]] = (
    T.X509_PLAIN,
    T.X509_VNC,
    T.RA2_256,
    T.RA2,
    T.X509_NONE,
    T.TLS_PLAIN,
    T.TLS_VNC,
    T.RA2NE_256,
    T.RA2NE,
    T.TLS_NONE,
    T.APPLE_DH,
    T.VNC,
    T.PLAIN,
    T.NONE,
    T.TIGHT,
)

#: For Unix sockets and loopback: encryption protects nothing there, and plain bytes can be moved by the kernel.
#: Schemes that check a login still go first; a configured password is not left unused.
LOCAL_ORDER: Final[tuple[int, ...]] = (
    T.VNC,
    T.RA2NE_256,
    T.RA2NE,
    T.APPLE_DH,
    T.PLAIN,
    T.TLS_PLAIN,
    T.TLS_VNC,
    T.RA2_256,
    T.RA2,
    T.X509_PLAIN,
    T.X509_VNC,
    T.NONE,
    T.TLS_NONE,
    T.X509_NONE,
    T.TIGHT,
)

#: Everything that runs inside TLS, for orders without it.
TLS_TYPES: Final[frozenset[int]] = frozenset(
    {T.TLS_NONE, T.TLS_VNC, T.TLS_PLAIN, T.X509_NONE, T.X509_VNC, T.X509_PLAIN}
)


@dataclass(frozen=True, slots=True)
class Login:
    """Credentials for one target; its repr never shows the password.

    Attributes:
        username: empty when the target has no user names.
        password: text is sent as UTF-8; bytes as they are. Empty means that there is none.
    """

    username: str = ""
    password: str | bytes = field(default="", repr=False)

    @property
    def username_bytes(self) -> bytes:
        """The user name as it goes on the wire."""
        return self.username.encode()

    @property
    def password_bytes(self) -> bytes:
        """The password as it goes on the wire."""
        return self.password.encode() if isinstance(self.password, str) else self.password


@dataclass(frozen=True, slots=True)
class SecurityPolicy:
    """Which security types may be used with one target, and in which order.

    Attributes:
        order: types and VeNCrypt sub-types, best first; what is not in it is never used.
        allow_none: accept a server that asks for no login at all (None, TLSNone).
        allow_anonymous_tls: accept TLS that verifies nobody (TLSNone, TLSVnc, TLSPlain).
        allow_unverified: hand the password itself to a server that nothing has verified (TLSPlain, RA2 and
            RA2ne without a pin).
        stranger: the server may be any account's of this machine, so that no scheme may give it the password without
            having verified it, Apple's included; ``allow_unverified`` overrides that.
        allow_plain: send user name and password in clear (Plain, Tight's UnixLogin).
        require_encryption: only schemes that encrypt the whole session.
        require_verified: only schemes that verify the server.
        certificate_sha256: SHA-256 of the DER certificate that the server must show; implies
            ``require_verified``.
        server_key_sha256: SHA-256 of the RA2 key (as it is on the wire) that the server must show; implies
            ``require_verified``.
    """

    order: tuple[int, ...] = STRONGEST_FIRST
    allow_none: bool = False
    allow_anonymous_tls: bool = True
    allow_unverified: bool = False
    stranger: bool = False
    allow_plain: bool = False
    require_encryption: bool = False
    require_verified: bool = False
    certificate_sha256: bytes | None = None
    server_key_sha256: bytes | None = None

    @classmethod
    def local(cls) -> SecurityPolicy:
        """The policy for a Unix socket or a loopback address: the kernel vouches for the way there."""
        return cls(order=LOCAL_ORDER, allow_none=True, allow_unverified=True)

    @property
    def pinned(self) -> bool:
        """The server must show a certificate or key that is known beforehand."""
        return self.certificate_sha256 is not None or self.server_key_sha256 is not None
