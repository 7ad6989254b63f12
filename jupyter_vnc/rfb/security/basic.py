"""Schemes without a secret channel: None and VNC authentication (RFC 6143 section 7.2), and Plain (rfbproto)."""

from __future__ import annotations

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.modes import ECB

from jupyter_vnc.exceptions import TargetProtocolError
from jupyter_vnc.rfb.stream import Steps
from jupyter_vnc.rfb.wire import U32, VNC_CHALLENGE_LENGTH, VNC_PASSWORD_LENGTH, SecurityType

from .scheme import Leg, Needs, Scheme

#: Each byte with its bits in reverse: the first VNC fed DES its keys that way round, and so does everybody.
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class NoAuthentication(Scheme):
    """No login: nothing is exchanged; before 3.8 not even a SecurityResult (RFC 6143 section 7.2.1)."""

    number = SecurityType.NONE

    def run(self, leg: Leg) -> Steps[None]:
        """Note that an old server confirms nothing."""
        leg.confirmed = False
        yield from ()


class VNCAuthentication(Scheme):
    """A challenge, answered with DES under the first eight bytes of the password (RFC 6143 section 7.2.2)."""

    number = SecurityType.VNC
    needs = Needs.PASSWORD

    def run(self, leg: Leg) -> Steps[None]:
        """Answer the challenge."""
        challenge = yield from leg.stream.read_exact(VNC_CHALLENGE_LENGTH)
        leg.send_login(vnc_response(leg.login.password_bytes, challenge))


class Plain(Scheme):
    """User name and password as they are: in clear, unless it runs inside TLS (rfbproto, "VeNCrypt")."""

    number = SecurityType.PLAIN
    needs = Needs.ACCOUNT
    wants_proof = True
    reveals = True
    clear = True

    def run(self, leg: Leg) -> Steps[None]:
        """Send both."""
        username, password = leg.login.username_bytes, leg.login.password_bytes
        leg.send_login(U32.pack(len(username)) + U32.pack(len(password)) + username + password)
        yield from ()


def vnc_response(password: bytes, challenge: bytes) -> bytes:
    """Return the answer to a VNC challenge (RFC 6143 section 7.2.2).

    Args:
        password: bytes after the eighth do not count.
        challenge: 16 bytes.

    Raises:
        TargetProtocolError: this machine's OpenSSL refuses DES (a FIPS build).
    """
    key = password[:VNC_PASSWORD_LENGTH].ljust(VNC_PASSWORD_LENGTH, b"\0").translate(_MIRRORED)
    try:
        # Three equal keys make Triple DES plain DES; that spelling is the one that stays supported.
        encryptor = Cipher(TripleDES(key * 3), ECB()).encryptor()  # noqa: S305
    except UnsupportedAlgorithm as exc:
        sentence = "VNC authentication needs DES, which the cryptography of this server does not have."
        raise TargetProtocolError(sentence, detail=str(exc)) from exc
    return encryptor.update(challenge) + encryptor.finalize()
