"""Apple's Diffie-Hellman, security type 30, of macOS Screen Sharing (rfbproto, "Diffie-Hellman")."""

from __future__ import annotations

import hashlib
import secrets

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from jupyter_vnc.exceptions import TargetProtocolError
from jupyter_vnc.rfb.stream import Steps
from jupyter_vnc.rfb.wire import DH_PRIVATE_BITS, MAX_DH_LENGTH, MIN_DH_LENGTH, U16, SecurityType

from .scheme import Leg, Needs, Scheme

#: Bytes for each half of the login, its closing zero included.
_FIELD = 64


class AppleDH(Scheme):
    """A key from Diffie-Hellman encrypts user name and password; nothing after them is encrypted.

    It protects the password against eavesdropping, but nothing can verify the server. Macs have nothing better; that a
    user name is configured for the target is the admin's consent to it, so ``wants_proof`` stays off. It is no
    consent to whichever account has a port of this machine.
    """

    number = SecurityType.APPLE_DH
    needs = Needs.ACCOUNT
    reveals = True

    def run(self, leg: Leg) -> Steps[None]:
        """Agree on a key, send the login under it."""
        header = yield from leg.stream.read_exact(2 * U16.size)
        generator, length = U16.unpack_from(header)[0], U16.unpack_from(header, U16.size)[0]
        if not MIN_DH_LENGTH <= length <= MAX_DH_LENGTH:
            raise TargetProtocolError("The desktop's key has an impossible size.", detail=f"DH, {length} bytes")
        modulus = int.from_bytes((yield from leg.stream.read_exact(length)))
        theirs = int.from_bytes((yield from leg.stream.read_exact(length)))
        _check_group(generator, modulus, theirs)
        private = secrets.randbits(DH_PRIVATE_BITS)
        shared = pow(theirs, private, modulus).to_bytes(length)
        leg.send_login(_sealed(leg, shared) + pow(generator, private, modulus).to_bytes(length))


def _check_group(generator: int, modulus: int, theirs: int) -> None:
    """Refuse numbers with which the arithmetic fails or the shared key would be known to everybody.

    A modulus as short as a hostile server likes would make the padded secret guessable; an even one, or zero, has
    crashed viewers. 0, 1 and p - 1 leave one or two possible keys.
    """
    tiny = modulus.bit_length() <= 8 * (MIN_DH_LENGTH - 1)
    if tiny or modulus % 2 == 0 or not 2 <= generator <= modulus - 2 or not 2 <= theirs <= modulus - 2:
        raise TargetProtocolError("The desktop's key cannot be used to encrypt a password.", detail="Apple DH")


def _sealed(leg: Leg, shared: bytes) -> bytes:
    """Return both halves of the login, padded with noise and encrypted."""
    key = hashlib.md5(shared, usedforsecurity=False).digest()
    encryptor = Cipher(AES(key), ECB()).encryptor()  # noqa: S305 - the protocol's choice
    fields = _field(leg.login.username_bytes) + _field(leg.login.password_bytes)
    return encryptor.update(fields) + encryptor.finalize()


def _field(text: bytes) -> bytes:
    """Return one half of the login: ended by a zero, filled up with noise."""
    if len(text) >= _FIELD:
        raise TargetProtocolError(
            f"The user name or password that is configured for the desktop is too long: {_FIELD - 1} bytes at most."
        )
    return text + b"\0" + secrets.token_bytes(_FIELD - 1 - len(text))
