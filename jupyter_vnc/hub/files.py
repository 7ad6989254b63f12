"""Files of the service that are read at its start: the hub's certificates, and secrets."""

from __future__ import annotations

import os
import re
import secrets
import ssl
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from jupyterhub.utils import make_ssl_context

from jupyter_vnc.connect.security import MAX_CA_FILE
from jupyter_vnc.exceptions import ConfigError
from jupyter_vnc.model.credentials import Secret
from jupyter_vnc.system.files import check_regular, is_open_to_others, read_regular_file

#: Minimum length of a cookie secret (bytes), so that it cannot be guessed. Ours has 32.
MIN_SECRET: Final = 16
MAX_SECRET: Final = 65536
#: A token that a header can have, and nobody can guess.
_TOKEN: Final = re.compile(rf"[\x21-\x7e]{{{MIN_SECRET},512}}")


def tls_context(url: str) -> ssl.SSLContext | None:
    """The hub's certificates, if the service's URL says TLS: the hub and its proxy connect as the URL says.

    Raises:
        ConfigError: it does, and there are no certificates.
    """
    if urlsplit(url).scheme != "https":
        return None
    names = ("JUPYTERHUB_SSL_KEYFILE", "JUPYTERHUB_SSL_CERTFILE", "JUPYTERHUB_SSL_CLIENT_CA")
    key, certificate, authority = (os.environ.get(name, "") for name in names)
    if not (key and certificate):
        sentence = f"{url} says TLS, which needs c.JupyterHub.internal_ssl = True, or {names[0]} and {names[1]}"
        raise ConfigError(sentence, key="JUPYTERHUB_SERVICE_URL")
    for file in filter(None, (key, certificate, authority)):
        check_regular(file, MAX_CA_FILE)
    context: ssl.SSLContext = make_ssl_context(key, certificate, cafile=authority, purpose=ssl.Purpose.CLIENT_AUTH)
    return context


def cookie_secret(file: Path) -> bytes:
    """Return the secret of a file, which is created if it does not exist.

    Raises:
        ConfigError: it cannot be read or created, or others can read it.
    """
    try:
        if not file.exists():
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as opened:
                opened.write(secrets.token_bytes(32))
        if is_open_to_others(file.stat()):
            raise ConfigError(f"{file} can be read by others: chmod 600 it", key="VNCHub.cookie_secret_file")
        secret = read_regular_file(file, MAX_SECRET)
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}", key="VNCHub.cookie_secret_file") from None
    if len(secret) < MIN_SECRET:
        sentence = f"{file} has {len(secret)} bytes, which somebody could guess; remove it, and a new one is made"
        raise ConfigError(sentence, key="VNCHub.cookie_secret_file")
    return secret


def metrics_token(file: str) -> Secret | None:
    """Return the token with which metrics can be read, if a file is configured.

    Raises:
        ConfigError: it cannot be read, others can read it, or it has no token.
    """
    if not file:
        return None
    key = "VNCHub.metrics_token_file"
    try:
        text = read_regular_file(file, MAX_SECRET).decode("utf-8", "replace").strip()
        readable = is_open_to_others(Path(file).stat())
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}", key=key) from None
    if readable:
        raise ConfigError(f"{file} can be read by others: chmod 600 it", key=key)
    if not _TOKEN.fullmatch(text):
        sentence = f"{file} must have one token of {MIN_SECRET} to 512 ASCII characters without spaces"
        raise ConfigError(f"{sentence}, as `openssl rand -hex 32` makes one", key=key)
    return Secret(text)
