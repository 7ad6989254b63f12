"""AES in EAX mode, and the stream of messages that RA2 makes with it.

EAX (Bellare, Rogaway, Wagner, 2003) is CTR for secrecy and CMAC for integrity; ``cryptography`` has both parts but not
the mode. RA2 (rfbproto, "RA2") frames a stream as messages: U16 length, ciphertext, 16 bytes tag. The length is
authenticated, and the nonce is the number of the message, little endian.
"""

from __future__ import annotations

import hmac
from itertools import count

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from cryptography.hazmat.primitives.cmac import CMAC

from jupyter_vnc.exceptions import TargetProtocolError
from jupyter_vnc.rfb.wire import RA2_MESSAGE, U16

BLOCK = 16


class EAX:
    """AES-EAX under one key.

    Args:
        key: 16, 24 or 32 bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._cipher = AES(key)
        # The three uses of CMAC differ in a first block, which is the same for every message.
        self._starts = tuple(self._start(use) for use in range(3))

    def encrypt(self, nonce: bytes, data: bytes, header: bytes) -> bytes:
        """Return ciphertext and tag."""
        mask = self._mac(0, nonce)
        text = self._counted(mask, data)
        return text + self._tag(mask, header, text)

    def decrypt(self, nonce: bytes, data: bytes, header: bytes) -> bytes | None:
        """Return the plain text, or None if anything was changed."""
        mask = self._mac(0, nonce)
        text, tag = data[:-BLOCK], data[-BLOCK:]
        if not hmac.compare_digest(tag, self._tag(mask, header, text)):
            return None
        return self._counted(mask, text)

    def _tag(self, mask: bytes, header: bytes, text: bytes) -> bytes:
        """Return the tag: nonce, header and ciphertext, each under a CMAC of its own."""
        parts = (mask, self._mac(1, header), self._mac(2, text))
        first, second, third = (int.from_bytes(part) for part in parts)
        return (first ^ second ^ third).to_bytes(BLOCK)

    def _counted(self, mask: bytes, data: bytes) -> bytes:
        """Return data encrypted, or decrypted, in counter mode."""
        encryptor = Cipher(self._cipher, CTR(mask)).encryptor()
        return encryptor.update(data) + encryptor.finalize()

    def _start(self, use: int) -> CMAC:
        """Return a CMAC that has taken the block which says what it is used for."""
        mac = CMAC(self._cipher)
        mac.update(use.to_bytes(BLOCK))
        return mac

    def _mac(self, use: int, data: bytes) -> bytes:
        """Return the CMAC of data for one of the three uses."""
        mac = self._starts[use].copy()
        mac.update(data)
        return mac.finalize()


class MessageCipher:
    """RA2's messages in both directions; a :class:`.scheme.Transform`.

    Args:
        sending: key of what we send.
        receiving: key of what the server sends.
    """

    def __init__(self, sending: bytes, receiving: bytes) -> None:
        self._sending = EAX(sending)
        self._receiving = EAX(receiving)
        self._sent = count()
        self._received = count()
        self._waiting = bytearray()

    def encrypt(self, data: bytes) -> bytes:
        """Return messages for these bytes."""
        parts = (data[start : start + RA2_MESSAGE] for start in range(0, len(data), RA2_MESSAGE))
        return b"".join(map(self._seal, parts))

    def decrypt(self, data: bytes) -> bytes:
        """Return the content of the messages that these bytes complete.

        Raises:
            TargetProtocolError: a message was changed on the way, or is none.
        """
        self._waiting += data
        texts = []
        while (end := self._first_length()) and len(self._waiting) >= end:
            texts.append(self.open(bytes(self._waiting[:2]), bytes(self._waiting[2:end])))
            del self._waiting[:end]
        return b"".join(texts)

    def open(self, length: bytes, body: bytes) -> bytes:
        """Return the content of the next message, given as its length field and what follows."""
        text = self._receiving.decrypt(_nonce(next(self._received)), body, length)
        if text is None:
            raise TargetProtocolError("The desktop's encrypted connection was tampered with, or has failed.")
        return text

    def _seal(self, part: bytes) -> bytes:
        """Return one message."""
        length = U16.pack(len(part))
        return length + self._sending.encrypt(_nonce(next(self._sent)), part, length)

    def _first_length(self) -> int:
        """Return the length of the first message that waits, framing included; 0 while it is not known."""
        if len(self._waiting) < U16.size:
            return 0
        length: int = U16.unpack_from(self._waiting)[0]
        return U16.size + length + BLOCK


def _nonce(number: int) -> bytes:
    """Return the number of a message as a nonce."""
    return number.to_bytes(BLOCK, "little")
