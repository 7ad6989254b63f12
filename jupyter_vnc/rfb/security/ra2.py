"""RSA-AES: security types 5, 6, 129 and 130 (rfbproto, "RA2"), of RealVNC, TigerVNC, wayvnc and UltraVNC.

Both sides show an RSA key, each sends the other a random number under it, and the two numbers make the AES keys of
both directions. Then each proves what it has seen with a hash, and the login goes through that channel. RA2 and
RA2_256 keep the channel for the whole session; the "ne" types (not encrypted) leave it after the login.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from functools import cache

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from jupyter_vnc.exceptions import TargetProtocolError
from jupyter_vnc.rfb.stream import Steps
from jupyter_vnc.rfb.wire import MAX_RSA_BITS, MIN_RSA_BITS, U16, U32, SecurityType

from .eax import BLOCK, MessageCipher
from .scheme import Leg, Needs, Proof, Scheme

#: Bits of our own key. It hides one random number for as long as the other side's does; its size is ours to choose.
_OUR_BITS = 2048
_ACCOUNT, _PASSWORD_ONLY = 1, 2
_LONGEST = 255


@dataclass(frozen=True, slots=True)
class _Server:
    """The server's key, and how it was on the wire (what gets pinned and hashed)."""

    key: rsa.RSAPublicKey
    wire: bytes


class RA2(Scheme):
    """One of the four RSA-AES types.

    Args:
        number: security type.
        digest: hash of keys and proofs: ``"sha1"`` (AES-128) or ``"sha256"`` (AES-256).
        whole: encrypt the whole session.
    """

    needs = Needs.PASSWORD
    proof = Proof.KEY
    wants_proof = True
    reveals = True

    def __init__(self, number: SecurityType, digest: str, *, whole: bool) -> None:
        self.number = number
        self.encrypts = whole
        self._digest = digest
        self._key_length = 32 if digest == "sha256" else 16

    def run(self, leg: Leg) -> Steps[None]:
        """Exchange keys and numbers, check the proof, log in."""
        server = yield from _read_server_key(leg)
        ours = _our_key()
        our_wire = _on_wire(ours.public_key())
        our_random = secrets.token_bytes(self._key_length)
        sealed = _sealed(server.key, our_random)
        leg.stream.write(our_wire + U16.pack(len(sealed)) + sealed)
        their_random = yield from self._read_random(leg, ours)
        cipher = MessageCipher(self._key(their_random, our_random), self._key(our_random, their_random))
        channel = _Channel(leg, cipher)
        channel.send(self._hash(our_wire, server.wire))
        yield from self._check_proof(channel, self._hash(server.wire, our_wire))
        yield from self._log_in(channel)
        self._leave(channel)

    def _read_random(self, leg: Leg, ours: rsa.RSAPrivateKey) -> Steps[bytes]:
        """Read the server's random number, under our key."""
        (length,) = U16.unpack((yield from leg.stream.read_exact(U16.size)))
        if length != _OUR_BITS // 8:
            raise TargetProtocolError("The desktop answered our key wrongly.", detail=f"{length} bytes")
        sealed = yield from leg.stream.read_exact(length)
        try:
            number = ours.decrypt(sealed, PKCS1v15())
        except ValueError as exc:
            raise TargetProtocolError("The desktop answered our key wrongly.", detail=str(exc)) from exc
        # OpenSSL answers a broken padding with noise of any length, so that nobody learns about the padding.
        if len(number) != self._key_length:
            raise TargetProtocolError("The desktop answered our key wrongly.", detail=f"{len(number)} bytes inside")
        return number

    def _check_proof(self, channel: _Channel, expected: bytes) -> Steps[None]:
        """Compare the server's hash of both keys with ours: neither was exchanged on the way."""
        proof = yield from channel.read_exact(len(expected))
        if not hmac.compare_digest(proof, expected):
            raise TargetProtocolError(
                "The desktop received other keys than were sent: somebody intercepts the connection."
            )

    def _log_in(self, channel: _Channel) -> Steps[None]:
        """Send what the server asks for: user name and password, or the password alone."""
        (asked,) = yield from channel.read_exact(1)
        login = channel.leg.login
        if asked not in {_ACCOUNT, _PASSWORD_ONLY}:
            raise TargetProtocolError("The desktop asks for an unknown kind of login.", detail=f"RA2, kind {asked}")
        if asked == _ACCOUNT and not login.username:
            raise TargetProtocolError("The desktop asks for a user name, and none is configured for it.")
        username = login.username_bytes if asked == _ACCOUNT else b""
        if max(len(username), len(login.password_bytes)) > _LONGEST:
            raise TargetProtocolError(f"The login that is configured is too long: {_LONGEST} bytes at most.")
        fields = (bytes([len(field)]) + field for field in (username, login.password_bytes))
        channel.send(b"".join(fields), login=True)

    def _leave(self, channel: _Channel) -> None:
        """Keep the channel for the session, or leave it."""
        if self.encrypts:
            channel.keep()
        elif channel.unread:
            raise TargetProtocolError("The desktop sent too much during the login.", detail=self.title)

    def _key(self, first: bytes, second: bytes) -> bytes:
        return self._hash(first, second)[: self._key_length]

    def _hash(self, first: bytes, second: bytes) -> bytes:
        return hashlib.new(self._digest, first + second, usedforsecurity=False).digest()


class _Channel:
    """The encrypted channel while the login goes through it: exact reads over whole messages."""

    def __init__(self, leg: Leg, cipher: MessageCipher) -> None:
        self.leg = leg
        self._cipher = cipher
        self._plain = bytearray()

    @property
    def unread(self) -> int:
        """How many bytes of the last message are unread."""
        return len(self._plain)

    def send(self, data: bytes, *, login: bool = False) -> None:
        """Queue a message."""
        (self.leg.send_login if login else self.leg.stream.write)(self._cipher.encrypt(data))

    def read_exact(self, size: int) -> Steps[bytes]:
        """Read exactly so many bytes, message by message; never more ciphertext than they need."""
        while len(self._plain) < size:
            length = yield from self.leg.stream.read_exact(U16.size)
            body = yield from self.leg.stream.read_exact(U16.unpack(length)[0] + BLOCK)
            self._plain += self._cipher.open(length, body)
        data = bytes(self._plain[:size])
        del self._plain[:size]
        return data

    def keep(self) -> None:
        """Put the leg's stream on the channel, with what has come for it already."""
        waiting = bytes(self._plain) + self._cipher.decrypt(self.leg.stream.take_unread())
        self.leg.stream.feed(waiting)
        self.leg.transform = self._cipher


def _read_server_key(leg: Leg) -> Steps[_Server]:
    """Read the server's key, of a size that can be had, and compare it with its pin."""
    bits_wire = yield from leg.stream.read_exact(U32.size)
    (bits,) = U32.unpack(bits_wire)
    if not MIN_RSA_BITS <= bits <= MAX_RSA_BITS:
        raise TargetProtocolError("The desktop's key has an impossible size.", detail=f"RSA, {bits} bits")
    size = (bits + 7) // 8
    numbers = yield from leg.stream.read_exact(2 * size)
    wire = bits_wire + numbers
    leg.server_key_sha256 = hashlib.sha256(wire).digest()
    _check_pin(leg, leg.server_key_sha256)
    modulus, exponent = int.from_bytes(numbers[:size]), int.from_bytes(numbers[size:])
    return _Server(_public_key(modulus, exponent, bits), wire)


def _check_pin(leg: Leg, shown: bytes) -> None:
    """Compare the server's key with the one that is pinned; before anything is sent to it."""
    pin = leg.policy.server_key_sha256
    if pin is not None and pin != shown:
        raise TargetProtocolError(
            "The desktop shows another key than the one that is pinned for it.",
            detail=f"it shows SHA-256 {shown.hex()}",
        )


def _public_key(modulus: int, exponent: int, bits: int) -> rsa.RSAPublicKey:
    """Return a key of two numbers that a peer sent; anything else is refused."""
    if not MIN_RSA_BITS <= modulus.bit_length() <= bits:
        detail = f"the modulus has {modulus.bit_length()} bits, not {bits}"
        raise TargetProtocolError("The desktop's key cannot be used for encryption.", detail=detail)
    try:
        return rsa.RSAPublicNumbers(exponent, modulus).public_key()
    except ValueError as exc:
        raise TargetProtocolError("The desktop's key cannot be used for encryption.", detail=str(exc)) from exc


def _sealed(key: rsa.RSAPublicKey, number: bytes) -> bytes:
    """Return a number under the server's key."""
    try:
        return key.encrypt(number, PKCS1v15())
    except ValueError as exc:
        raise TargetProtocolError("The desktop's key cannot be used for encryption.", detail=str(exc)) from exc


def _on_wire(key: rsa.RSAPublicKey) -> bytes:
    """Return a key as it is sent: its size in bits, modulus and exponent, each as long as the modulus."""
    numbers, size = key.public_numbers(), key.key_size // 8
    return U32.pack(key.key_size) + numbers.n.to_bytes(size) + numbers.e.to_bytes(size)


@cache
def _our_key() -> rsa.RSAPrivateKey:
    """Return this process's key. Making one takes a tenth of a second, so there is one for all handshakes."""
    return rsa.generate_private_key(public_exponent=65537, key_size=_OUR_BITS)
