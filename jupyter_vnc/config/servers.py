"""One VNC server in the configuration: where it is and how to log in, for targets and for machines of a pool."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from jupyter_vnc.exceptions import ConfigError
from jupyter_vnc.model.addresses import PoolMachine, TCPAddress, UnixAddress
from jupyter_vnc.model.credentials import Credentials
from jupyter_vnc.model.targets import check_name

from . import checks
from .key import Key

#: The four keys that say where a target is.
KINDS: Final = ("host", "socket", "desktop", "pool")
#: A machine of a list: host name or IPv4, or IPv6 in brackets, and the port.
_HOST_PORT: Final = re.compile(r"(?:\[([^\[\]]+)\]|([^:\[\]]+)):([0-9]{1,5})")

_PASSWORD_FORMS: Final = ("password", "password_file", "password_env", "password_command")

#: Where one server is.
PLACE_KEYS: Final[Mapping[str, Key]] = {
    "host": Key(
        checks.host,
        "Host name, IPv4 or IPv6 address. `{username}` is replaced by the user's name, as a part of a label.",
    ),
    "port": Key(checks.integer(1, 65535), "Port, 1 to 65535. Display `:1` of a VNC server is 5901.", "5900"),
    "port_owner": Key(
        checks.text,
        "Account, by name or number, that may own the port in addition to root and Jupyter's account, where "
        "`host` is this machine; `*` for any account. See [ports of this machine](#ports-of-this-machine).",
        "none",
        local=True,
    ),
    "socket": Key(
        checks.socket,
        "Absolute path of a Unix socket, at most 107 bytes. `{username}` is replaced by the user's name, and "
        "the socket may belong to that user.",
        local=True,
    ),
    "socket_owner": Key(
        checks.text,
        "Account, by name or number, that may own the socket in addition to root and Jupyter's account.",
        "none",
        local=True,
    ),
}

#: How to log in there.
LOGIN_KEYS: Final[Mapping[str, Key]] = {
    "password": Key(
        checks.secret,
        "The password itself. The database encrypts it; in a configuration file it is visible in `--show-config`.",
        "none",
        secret=True,
    ),
    "password_file": Key(
        checks.private_file,
        "A file that only its owner may read. It has the password on its first line, or was written by `vncpasswd`.",
        "none",
        local=True,
    ),
    "password_env": Key(
        checks.text,
        "Name of an environment variable of the server. It is taken out of the environment when the "
        "configuration is read, so kernels, terminals and desktops do not have it.",
        "none",
        local=True,
    ),
    "password_command": Key(
        checks.argv,
        "A command, run without a shell. The first line of its output is the password. It may take up to 10 "
        "seconds and print up to 4,096 bytes.",
        "none",
        local=True,
    ),
    "username": Key(
        checks.text,
        "User name, for security types that have one (Plain, RA2, Apple). If it is set, VNC authentication "
        "is refused, because it has no user names.",
        "none",
    ),
}

SERVER_KEYS: Final = {**PLACE_KEYS, **LOGIN_KEYS}


def kinds_in(values: Mapping[str, Any]) -> list[str]:
    """List the keys that say where it is."""
    return [kind for kind in KINDS if kind in values]


def address_of(values: Mapping[str, Any], possible: tuple[str, ...]) -> TCPAddress | UnixAddress | None:
    """Make the address of one server; None if there is a desktop or a pool instead.

    Raises:
        ConfigError: there is none, or more than one, or a key that belongs to another kind.
    """
    if len(kinds_in(values)) != 1:
        *most, last = [f"{kind!r}" + " (with 'port')" * (kind == "host") for kind in possible]
        raise ConfigError(f"needs exactly one of {', '.join(most)} and {last}", key="host")
    for key, kind in (("port", "host"), ("port_owner", "host"), ("socket_owner", "socket")):
        if key in values and kind not in values:
            raise ConfigError(f"goes with {kind!r} only", key=key)
    if "host" in values:
        return TCPAddress(values["host"], values.get("port", 5900), values.get("port_owner", ""))
    if "socket" in values:
        return UnixAddress(values["socket"], values.get("socket_owner", ""))
    return None


def credentials_of(values: Mapping[str, Any]) -> Credentials:
    """Make the credentials of one server.

    Raises:
        ConfigError: there are several forms of a password, or some where none is needed.
    """
    forms = [form for form in _PASSWORD_FORMS if form in values]
    if len(forms) > 1:
        raise ConfigError(f"only one of {', '.join(forms)} can be given", key=forms[1])
    if "desktop" in values and (forms or "username" in values):
        raise ConfigError("a managed desktop needs no credentials", key=(forms or ["username"])[0])
    form = forms[0] if forms else ""
    return Credentials(values.get("username", ""), form, values.get(form, ""))


def _machine(raw: Any) -> dict[str, Any]:
    """Check one machine of a pool, including keys that depend on each other."""
    values = checks.table(SERVER_KEYS, "machine")(raw)
    address = address_of(values, ("host", "socket"))
    if "{username}" in str(address):
        raise ConfigError("the machines of a pool are shared: {username} is not permitted", key=kinds_in(values)[0])
    credentials_of(values)
    return {**values, "address": address}


@checks.accepts(
    type=["object", "array"],
    items={"type": "string"},
    minItems=1,
    minProperties=1,
    additionalProperties=checks.object_of(SERVER_KEYS),
)
def machines(raw: Any) -> dict[str, dict[str, Any]]:
    """Check the machines of a pool; those of a list are named by their position, because names are shown to users."""
    if not isinstance(raw, Mapping) and not isinstance(raw, list | tuple):
        raise ValueError("must be a dictionary of machines, or a list of 'host:port'")
    if not raw:
        raise ValueError("needs a machine")
    named = raw if isinstance(raw, Mapping) else {f"m{place}": _split(raw, place) for place in range(1, len(raw) + 1)}
    found: dict[str, dict[str, Any]] = {}
    taken: dict[str, str] = {}
    for name, entry in named.items():
        with checks.inside(name):
            check_name(name)
            found[name] = _machine(entry)
            other = taken.setdefault(PoolMachine(name, found[name]["address"]).key, name)
            if other != name:
                raise ConfigError(f"has the address of {other!r}")
    return found


def _split(raw: Sequence[Any], place: int) -> dict[str, Any]:
    """Take ``host:port`` apart; an IPv6 address is in brackets."""
    match = _HOST_PORT.fullmatch(raw[place - 1]) if isinstance(raw[place - 1], str) else None
    if match is None:
        raise ConfigError("must be 'host:port' or '[IPv6 address]:port'", key=f"m{place}")
    return {"host": match[1] or match[2], "port": int(match[3])}
