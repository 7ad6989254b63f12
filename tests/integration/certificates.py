"""Certificates for tests: an authority of our own, and what it signs."""

import base64
import datetime as dt
import hashlib
import ipaddress
from dataclasses import dataclass
from functools import cache
from itertools import cycle
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from demo.processes import write_private

#: The host name that certificates are for, unless a test says otherwise.
HOST = "desktop.example"
_DAY = dt.timedelta(days=1)


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _new_key():
    """RSA, because x11vnc takes nothing else."""
    return rsa.generate_private_key(65537, 2048)


@cache
def _nth_key(number):
    return _new_key()


#: The keys of what is signed, because making one takes as long as a whole login. A test has fewer certificates than
#: this, so that each of them has another key; those of two tests differ in their serial numbers at least.
_TURNS = cycle(range(10))


@cache
def known_group():
    """The group ffdhe2048 (RFC 7919, appendix A.1) as OpenSSL's and GnuTLS's files have it (PKCS #3).

    Servers that have no file of one search for a group of their own, which takes from a second to minutes.
    """
    guard, term, number = 64, 1 << (1918 + 64), 0
    euler = 0
    while term:
        euler += term
        number += 1
        term //= number
    prime = (1 << 2048) - (1 << 1984) + (((euler >> guard) + 560316) << 64) - 1
    # In DER: a sequence of the prime and the generator, two integers.
    numbers = b"\x02\x82\x01\x01" + prime.to_bytes(257) + b"\x02\x01\x02"
    encoded = base64.encodebytes(b"\x30\x82\x01\x08" + numbers)
    return b"-----BEGIN DH PARAMETERS-----\n" + encoded + b"-----END DH PARAMETERS-----\n"


def _pem(key):
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)


def _builder(subject, issuer, key, *, expired):
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(now - 3 * _DAY).not_valid_after(now - _DAY if expired else now + _DAY)


def _alternative(host):
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


@dataclass
class Certificate:
    """A server's certificate with its key, and the certificate of who signed it, as files."""

    certificate: Path
    key: Path
    ca: Path

    @property
    def fingerprint(self):
        """SHA-256 of the certificate, in the form that ``openssl x509 -fingerprint`` prints."""
        der = x509.load_pem_x509_certificate(self.certificate.read_bytes()).public_bytes(serialization.Encoding.DER)
        return hashlib.sha256(der).digest().hex(":")


class Authority:
    """Signs certificates; one for a module is enough. No two have the same key."""

    def __init__(self, folder):
        self.folder = folder
        self._count = 0
        folder.mkdir(mode=0o700)
        self._key = _new_key()
        self._subject = _name("Authority of a test")
        builder = _builder(self._subject, self._subject, self._key, expired=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        usage = dict.fromkeys(("digital_signature", "key_cert_sign", "crl_sign"), True)
        unused = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only")
        usage |= dict.fromkeys((*unused, "decipher_only"), False)
        builder = builder.add_extension(x509.KeyUsage(**usage), critical=True)
        builder = builder.add_extension(
            x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False
        )
        self.certificate = folder / "ca.pem"
        self._write(self.certificate, builder)

    def _write(self, path, builder):
        signed = builder.sign(self._key, hashes.SHA256())
        path.write_bytes(signed.public_bytes(serialization.Encoding.PEM))

    def sign(self, *hosts, expired=False, client=False):
        """Make a certificate for these host names and addresses, or for a client of this name."""
        hosts = hosts or (HOST, "127.0.0.1")
        self._count += 1
        name = f"{hosts[0]}-{self._count}"
        path, key_file = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        key = _nth_key(next(_TURNS))
        builder = _builder(_name(hosts[0]), self._subject, key, expired=expired)
        alternatives = x509.SubjectAlternativeName([_alternative(host) for host in hosts])
        builder = builder.add_extension(alternatives, critical=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        use = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
        serving = x509.ExtendedKeyUsage([use])
        builder = builder.add_extension(serving, critical=False)
        # Python 3.13 refuses certificates that do not name their authority's key.
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = builder.add_extension(issuer, critical=False)
        self._write(path, builder)
        write_private(key_file, _pem(key))
        return Certificate(path, key_file, self.certificate)
