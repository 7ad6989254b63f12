"""What VNC servers say, as bytes, for each security type; written from RFC 6143 and rfbproto.

Where a server's bytes depend on what it is told, :func:`script` plays the server against a handshake of ours, and
returns everything that it said. With the same seed, and with our own random numbers held still
(:func:`steady`), the same bytes can be played again in other pieces.
"""

import contextlib
import hashlib
import random
import struct
from collections.abc import Callable, Generator, Iterator
from functools import cache
from unittest import mock

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from jupyter_vnc.rfb.handshake import TargetHandshake
from jupyter_vnc.rfb.security import Login, SecurityPolicy, apple, ra2
from jupyter_vnc.rfb.security.eax import EAX

V33, V37, V38 = b"RFB 003.003\n", b"RFB 003.007\n", b"RFB 003.008\n"
OK = struct.pack(">I", 0)
CHALLENGE = bytes(range(16))
#: The answer to CHALLENGE with "password", the same from OpenSSL's DES and from noVNC's own.
RESPONSE = bytes.fromhex("b866924125c8eebb9debc1db61c538e2")

LOGIN = Login("alice", "password")
PASSWORD = Login(password="password")
#: Everything is allowed; the order alone decides.
OPEN = SecurityPolicy(allow_none=True, allow_unverified=True, allow_plain=True)


def reason(text: bytes) -> bytes:
    return struct.pack(">I", len(text)) + text


def failed(text: bytes, result: int = 1) -> bytes:
    return struct.pack(">I", result) + reason(text)


def types(*numbers: int) -> bytes:
    return bytes([len(numbers), *numbers])


def vencrypt(*subtypes: int, version: bytes = b"\0\2", ack: bytes = b"\0") -> bytes:
    """The server's part of VeNCrypt up to the choice."""
    return version + ack + bytes([len(subtypes)]) + struct.pack(f">{len(subtypes)}I", *subtypes)


def capabilities(*items: tuple[int, bytes]) -> bytes:
    """A list of Tight's capabilities."""
    return struct.pack(">I", len(items)) + b"".join(struct.pack(">I", code) + name for code, name in items)


NO_TUNNEL = (0, b"TGHTNOTUNNEL")
NO_LOGIN = (1, b"STDVNOAUTH__")
VNC_LOGIN = (2, b"STDVVNCAUTH_")
UNIX_LOGIN = (129, b"TGHTULGNAUTH")

#: A server's part is a generator: it yields what it says, and is sent everything that it has been told since.
Server = Generator[bytes, bytes, None]


def script(handshake: TargetHandshake, server: Server) -> bytes:
    """Play a server against a handshake until either is through; return all that the server said."""
    said = bytearray()
    part = next(server)
    with contextlib.suppress(StopIteration):
        while handshake.exc is None:
            said += part
            handshake.receive_data(part)
            part = server.send(handshake.data_to_send()) if handshake.exc is None else b""
    return bytes(said)


@contextlib.contextmanager
def steady(seed: int = 1) -> Iterator[None]:
    """Let our own random numbers be the same each time."""

    def noise(size: int) -> bytes:
        return random.Random(f"{seed}/{size}").randbytes(size)

    with (
        mock.patch.object(ra2.secrets, "token_bytes", noise),
        mock.patch.object(apple.secrets, "randbits", lambda bits: int.from_bytes(noise(bits // 8))),
    ):
        yield


@cache
def server_key(bits: int = 1024) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def key_on_wire(key: rsa.RSAPublicKey) -> bytes:
    numbers, size = key.public_numbers(), (key.key_size + 7) // 8
    return struct.pack(">I", key.key_size) + numbers.n.to_bytes(size) + numbers.e.to_bytes(size)


class RA2Server:
    """The server's side of RSA-AES.

    Args:
        number: 5, 6, 129 or 130.
        asks: 1 for user name and password, 2 for the password alone.
        result: what follows the login.
        bits: size of its key.
        tamper: changes a message on the way, named by what it says; the server then minds nothing itself.
    """

    def __init__(
        self,
        number: int,
        *,
        asks: int = 1,
        result: bytes = OK,
        bits: int = 1024,
        tamper: Callable[[str, bytes], bytes] | None = None,
    ) -> None:
        self.number, self.asks, self.result = number, asks, result
        self.tamper = tamper or (lambda name, data: data)
        self.minds = tamper is None
        self.key = server_key(bits)
        self.digest, self.length = ("sha1", 16) if number in {5, 6} else ("sha256", 32)
        self.whole = number in {5, 129}
        self.login = b""
        self.sent = self.received = 0

    @property
    def pin(self) -> bytes:
        return hashlib.sha256(key_on_wire(self.key.public_key())).digest()

    def hash(self, *parts: bytes) -> bytes:
        return hashlib.new(self.digest, b"".join(parts)).digest()

    def seal(self, data: bytes) -> bytes:
        length = struct.pack(">H", len(data))
        nonce, self.sent = self.sent.to_bytes(16, "little"), self.sent + 1
        return length + EAX(self.ours).encrypt(nonce, data, length)

    def open(self, message: bytes) -> bytes:
        nonce, self.received = self.received.to_bytes(16, "little"), self.received + 1
        text = EAX(self.theirs).decrypt(nonce, message[2:], message[:2])
        assert text is not None or not self.minds, "the viewer's message is not in order"
        return text or b""

    def run(self) -> Server:
        told = yield V38 + types(self.number)
        our_key = key_on_wire(self.key.public_key())
        told = yield self.tamper("key", our_key)
        bits = struct.unpack(">I", told[:4])[0]
        size = bits // 8
        their_key, rest = told[: 4 + 2 * size], told[4 + 2 * size :]
        n, e = int.from_bytes(their_key[4 : 4 + size]), int.from_bytes(their_key[4 + size :])
        client = rsa.RSAPublicNumbers(e, n).public_key()
        assert struct.unpack(">H", rest[:2])[0] == self.key.key_size // 8 == len(rest) - 2
        their_random = self.key.decrypt(rest[2:], PKCS1v15())
        our_random = random.Random(7).randbytes(self.length)
        sealed = client.encrypt(self.tamper("random", our_random), PKCS1v15())
        self.ours = self.hash(their_random, our_random)[: self.length]
        self.theirs = self.hash(our_random, their_random)[: self.length]
        told = yield self.tamper("sealed", struct.pack(">H", len(sealed)) + sealed)
        assert self.open(told) == self.hash(their_key, our_key) or not self.minds
        told = yield self.tamper("proof", self.seal(self.tamper("hash", self.hash(our_key, their_key))))
        told = yield self.tamper("kind", self.seal(bytes([self.asks])))
        self.login = self.open(told)
        result = self.tamper("result", self.result)
        yield self.seal(result) if self.whole else result


class AppleServer:
    """A Mac's side of security type 30.

    Args:
        result: what follows the login.
    """

    private = 0x1234567890ABCDEF << 200

    def __init__(self, result: bytes = OK) -> None:
        self.result = result
        self.login: tuple[bytes, bytes] = (b"", b"")

    @staticmethod
    def hello(generator: int = 2, modulus: int | None = None, public: int | None = None, length: int = 128) -> bytes:
        modulus = oakley_2() if modulus is None else modulus
        public = pow(2, AppleServer.private, oakley_2()) if public is None else public
        return struct.pack(">HH", generator, length) + modulus.to_bytes(length) + public.to_bytes(length)

    def run(self) -> Server:
        yield b"RFB 003.889\n" + types(30, 33, 36, 35)
        told = yield self.hello()
        assert len(told) == 128 + 128
        shared = pow(int.from_bytes(told[128:]), self.private, oakley_2())
        key = hashlib.md5(shared.to_bytes(128)).digest()
        decryptor = Cipher(AES(key), ECB()).decryptor()
        text = decryptor.update(told[:128]) + decryptor.finalize()
        self.login = (text[:64].partition(b"\0")[0], text[64:].partition(b"\0")[0])
        yield self.result


@cache
def oakley_2() -> int:
    """The prime of RFC 2409 section 6.2: 2^1024 - 2^960 - 1 + 2^64 * (floor(2^894 * pi) + 129093)."""
    digits = 320
    unity = 10**digits
    pi = 4 * (4 * _arctan(5, unity) - _arctan(239, unity))
    return (1 << 1024) - (1 << 960) - 1 + (1 << 64) * ((pi << 894) // unity + 129093)


def _arctan(x: int, unity: int) -> int:
    """arctan(1/x) in fixed point."""
    total = term = unity // x
    n, sign = 3, -1
    while term:
        term //= x * x
        total += sign * (term // n)
        sign, n = -sign, n + 2
    return total
