"""The server's environment: what the programs that it starts do not inherit, and passwords that are taken out of it.

A child inherits every variable unless told otherwise, and the environment of a desktop's programs ends up in crash
reports and core dumps. Kernels and terminals are Jupyter's own children, and keep what it gives them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from jupyter_vnc.model.credentials import Secret

#: Variables that no program of ours inherits, and what they are; ``*`` stands for any characters.
SECRET_VARIABLES: Final[Mapping[str, str]] = {
    "JUPYTER*TOKEN*": "Jupyter's login (JUPYTER_TOKEN), and the API token of a hub's server or service",
    "JUPYTER*PASSWORD*": "passwords of Jupyter",
    "JUPYTER_GATEWAY_*PWD*": "JUPYTER_GATEWAY_HTTP_PWD, the password at a gateway for kernels",
    "JUPYTER_GATEWAY_HEADERS": "what a gateway for kernels is shown with each request, such as a login",
    "JUPYTER*SECRET*": "JUPYTERHUB_COOKIE_SECRET, with which login cookies are signed",
    "JUPYTER*KEY*": "JUPYTERHUB_CRYPT_KEY, JUPYTER_VNC_KEYS, and where a hub's TLS key is",
    "JPY*TOKEN*": "JPY_API_TOKEN, the older name of a hub's API token",
    "JPY*SECRET*": "JPY_COOKIE_SECRET",
    "CONFIGPROXY*TOKEN*": "CONFIGPROXY_AUTH_TOKEN, with which a hub commands its proxy",
    "CONFIGPROXY*PASSPHRASE*": "passphrases of the proxy's TLS keys",
}

#: Ours alone: taken out of the server's environment at start, and available from :func:`take` only.
OWN_VARIABLES: Final = ("JUPYTER_VNC_KEYS",)

#: What the server, its kernels and its terminals cannot do without stays, even where ``password_env`` names it.
_VITAL: Final = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "LANG", "LC_*", "XDG_*", "JUPYTERHUB_*", "JPY_*")

#: A process has one environment, and one store of what was in it.
_TAKEN: Final[dict[str, Secret]] = {}


def without_secrets(environ: Mapping[str, str], more: Iterable[str] = ()) -> dict[str, str]:
    """Return an environment without :data:`SECRET_VARIABLES`; ``more`` are further names or patterns."""
    patterns = (*SECRET_VARIABLES, *more)
    return {name: value for name, value in environ.items() if not _is_any(name, patterns)}


def take(name: str) -> Secret:
    """Take a variable out of this process's environment, so that nothing inherits it; return its value.

    Asked again, it gives the value that it took, or a newer one that somebody has set since.

    Raises:
        KeyError: it is not set, and never was.
    """
    if name in os.environ:
        kept = _is_any(name, _VITAL)
        _TAKEN[name] = Secret(os.environ[name] if kept else os.environ.pop(name))
    return _TAKEN[name]


def take_own() -> None:
    """Take out what is ours alone, where it is set."""
    for name in OWN_VARIABLES:
        if name in os.environ:
            take(name)


def take_passwords(raw: Any) -> None:
    """Take out the variables that a configuration names as ``password_env``, wherever in it, as far as they are set."""
    for name in _password_variables(raw):
        if name in os.environ:
            take(name)


def _password_variables(raw: Any) -> Iterator[str]:
    rest = [raw]
    while rest:
        part = rest.pop()
        if isinstance(part, Mapping):
            name = part.get("password_env")
            if isinstance(name, str):
                yield name
            rest += part.values()
        elif isinstance(part, list | tuple):
            rest += part


def _is_any(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name.upper(), pattern.upper()) for pattern in patterns)
