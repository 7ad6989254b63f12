"""The way from a program to the Jupyter server that started it: never through a proxy, and to that server only.

A server with TLS of its own mostly has a certificate that no authority has signed, for a name that is not in its
address. It is known all the same: the server tells its kernels and terminals which certificate it has.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import socket
import ssl
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from jupyter_vnc.system import files

#: The variable in which a server with TLS tells the programs that it starts the SHA-256 of its certificate.
CERTIFICATE: Final = "JUPYTER_VNC_CERTIFICATE"
#: A hub with ``internal_ssl`` gives a user's server a certificate, and only those who have one are let in.
_OWN: Final = ("JUPYTERHUB_SSL_CERTFILE", "JUPYTERHUB_SSL_KEYFILE")
#: A certificate with its chain takes some kilobytes (bytes).
MAX_CERTIFICATE: Final = 1024 * 1024


class OtherServerError(OSError):
    """Another certificate than the server's: somebody else has its port."""

    def __init__(self) -> None:
        super().__init__("it has another certificate than the server that started this program")


def fingerprint(certificate_file: Path | str) -> str:
    """Return the SHA-256 of the first certificate of a PEM file, which is the server's own.

    Raises:
        OSError: it cannot be read.
        ValueError: it holds no certificate.
    """
    text = files.read_text(certificate_file, MAX_CERTIFICATE, errors="replace")
    start, end = text.index(ssl.PEM_HEADER), text.index(ssl.PEM_FOOTER) + len(ssl.PEM_FOOTER)
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(text[start:end])).hexdigest()


def open_socket(url: str, certificate: str, timeout: float) -> socket.socket:
    """Connect to the server of a URL (``http`` or ``https``).

    Args:
        url: where it is.
        certificate: the SHA-256 of its certificate; empty where it has to be one that the system trusts.
        timeout: for each step (seconds).

    Raises:
        OSError: it cannot be reached, or it is another one; nothing was sent then.
    """
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    host = parts.hostname or "localhost"
    sock = socket.create_connection((host, parts.port or (443 if secure else 80)), timeout)
    if not secure:
        return sock
    try:
        wrapped = _context(certificate).wrap_socket(sock, server_hostname=host)
    except BaseException:
        sock.close()
        raise
    seen = wrapped.getpeercert(binary_form=True) or b""
    if certificate and hashlib.sha256(seen).hexdigest() != certificate:
        wrapped.close()
        raise OtherServerError
    return wrapped


def _context(certificate: str, environ: Mapping[str, str] = os.environ) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if certificate:  # it is compared whole, which says more than a chain
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    own = [environ.get(name, "") for name in _OWN]
    if all(own) and all(Path(file).is_file() for file in own):
        context.load_cert_chain(*own)
    return context


class _Connection(http.client.HTTPConnection):
    """HTTP over :func:`open_socket`."""

    def __init__(self, *args: Any, url: str, certificate: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self._whole, self._certificate = url, certificate

    def connect(self) -> None:
        """Connect."""
        self.sock = open_socket(self._whole, self._certificate, self.timeout or 60.0)


class _Handler(urllib.request.HTTPHandler, urllib.request.HTTPSHandler):
    """Opens URLs over :func:`open_socket`."""

    def __init__(self, certificate: str) -> None:
        super().__init__()
        self._certificate = certificate

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        """Open a URL of either scheme."""
        return self.do_open(_Connection, req, url=req.full_url, certificate=self._certificate)  # type: ignore[arg-type]

    https_open = http_open


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Leaves an answer that names another place as it is: urllib would show our token there."""

    def redirect_request(self, *args: Any) -> None:
        """Follow no redirect; the answer becomes an :class:`urllib.error.HTTPError`."""


def opener(certificate: str) -> urllib.request.OpenerDirector:
    """Return what opens URLs of the server and of no other; proxies of the environment are for other servers."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects(), _Handler(certificate))
