"""From an administrator's configuration to a :class:`~jupyter_vnc.model.targets.Target`: one table of keys.

Every mistake becomes a :class:`~jupyter_vnc.exceptions.ConfigError` that names the target and the key. Nothing here
connects anywhere; the only I/O is a look at the files that the configuration names, because a password file that
others can read is a mistake that should be found at start and not at the first login.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from jupyter_vnc.exceptions import ConfigError
from jupyter_vnc.model.addresses import (
    MAX_RETRY,
    Address,
    DesktopAddress,
    DesktopSpec,
    PoolAddress,
    PoolMachine,
    TCPAddress,
    UnixAddress,
)
from jupyter_vnc.model.credentials import Credentials, Secret
from jupyter_vnc.model.targets import (
    MAX_CONFIG_NAME,
    Mode,
    Sharing,
    Target,
    TargetLimits,
    TLSOptions,
    ViewerOptions,
    check_name,
)

from . import checks, icons

#: The four keys that say where a target is.
_KINDS: Final = ("host", "socket", "desktop", "pool")
#: A machine of a list: host name or IPv4, or IPv6 in brackets, and the port.
_HOST_PORT: Final = re.compile(r"(?:\[([^\[\]]+)\]|([^:\[\]]+)):([0-9]{1,5})")

_PASSWORD_FORMS: Final = ("password", "password_file", "password_env", "password_command")

_TLS_KEYS: Final[Mapping[str, checks.Check]] = {
    "mode": checks.choice("auto", "x509", "anonymous", "off"),
    "ca_file": checks.file,
    "cert_file": checks.file,
    "key_file": checks.private_file,
    "fingerprint": checks.fingerprint,
    "check_hostname": checks.flag,
}

_DESKTOP_KEYS: Final[Mapping[str, checks.Check]] = {
    "command": checks.argv,
    "geometry": checks.geometry,
    "dpi": checks.integer(40, 600),
    "fullscreen": checks.flag,
}

#: Where one server is, and how to log in there: keys of a target, and of each machine of a pool.
_SERVER_KEYS: Final[Mapping[str, checks.Check]] = {
    "host": checks.host,
    "port": checks.integer(1, 65535),
    "port_owner": checks.text,
    "socket": checks.socket,
    "socket_owner": checks.text,
    "username": checks.text,
    "password": lambda value: Secret(checks.text(value)),
    "password_file": checks.private_file,
    "password_env": checks.text,
    "password_command": checks.argv,
}


def _machine(raw: Any) -> dict[str, Any]:
    """Check one machine of a pool, including keys that depend on each other."""
    values = checks.table(_SERVER_KEYS, "machine")(raw)
    address = _address(values, ("host", "socket"))
    if "{username}" in str(address):
        raise ConfigError("the machines of a pool are shared: {username} is not permitted", key=_kinds(values)[0])
    _credentials(values)
    return {**values, "address": address}


def _machines(raw: Any) -> dict[str, dict[str, Any]]:
    """Check the machines of a pool; those of a list are named by their position, because names are shown to users."""
    if not isinstance(raw, Mapping) and not isinstance(raw, list | tuple):
        raise ValueError("must be a dictionary of machines, or a list of 'host:port'")
    if not raw:
        raise ValueError("needs a machine")
    named = raw if isinstance(raw, Mapping) else {f"m{place}": _split(raw, place) for place in range(1, len(raw) + 1)}
    machines: dict[str, dict[str, Any]] = {}
    taken: dict[str, str] = {}
    for name, entry in named.items():
        with checks.inside(name):
            check_name(name)
            machines[name] = _machine(entry)
            other = taken.setdefault(PoolMachine(name, machines[name]["address"]).key, name)
            if other != name:
                raise ConfigError(f"has the address of {other!r}")
    return machines


def _split(raw: Sequence[Any], place: int) -> dict[str, Any]:
    """Take ``host:port`` apart; an IPv6 address is in brackets."""
    match = _HOST_PORT.fullmatch(raw[place - 1]) if isinstance(raw[place - 1], str) else None
    if match is None:
        raise ConfigError("must be 'host:port' or '[IPv6 address]:port'", key=f"m{place}")
    return {"host": match[1] or match[2], "port": int(match[3])}


_POOL_KEYS: Final[Mapping[str, checks.Check]] = {
    "machines": _machines,
    "idle_timeout": checks.seconds(30 * 86400, never=True),
    "max_lease": checks.seconds(365 * 86400, never=True),
    "retry_after": checks.seconds(MAX_RETRY),
}


#: Every key that a target may have, and the check of its value.
_KEYS: Final[Mapping[str, checks.Check]] = {
    "title": checks.text,
    "description": checks.text,
    "icon": icons.icon,
    "category": checks.text,
    **_SERVER_KEYS,
    "desktop": checks.table(_DESKTOP_KEYS, "desktop"),
    "pool": checks.table(_POOL_KEYS, "pool"),
    "tls": checks.table(_TLS_KEYS, "TLS"),
    "allow_unauthenticated": checks.flag,
    "mode": lambda value: Mode(checks.choice(*Mode)(value)),
    "sharing": lambda value: Sharing(checks.choice(*Sharing)(value)),
    "clipboard": checks.choice("both", "to-desktop", "from-desktop", "off"),
    "resize": checks.choice("remote", "scale", "off"),
    "quality": checks.integer(0, 9),
    "compression": checks.integer(0, 9),
    "power": checks.flag,
    "max_sessions": checks.integer(1, 1000),
    "connect_timeout": checks.seconds(),
    "handshake_timeout": checks.seconds(),
    "stall_timeout": checks.seconds(),
    "allow_users": checks.names,
    "allow_groups": checks.names,
}

_VIEWER: Final = ("clipboard", "resize", "quality", "compression", "power")
_LIMITS: Final = ("max_sessions", "connect_timeout", "handshake_timeout", "stall_timeout")
_PLAIN: Final = (
    *("title", "description", "icon", "category", "mode", "sharing"),
    *("allow_unauthenticated", "allow_users", "allow_groups"),
)


def _pick(values: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: values[key] for key in keys if key in values}


def _kinds(values: Mapping[str, Any]) -> list[str]:
    return [kind for kind in _KINDS if kind in values]


def _address(values: Mapping[str, Any], possible: tuple[str, ...]) -> TCPAddress | UnixAddress | None:
    """Make the address of one server; None if there is a desktop or a pool instead."""
    if len(_kinds(values)) != 1:
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


def _place(values: Mapping[str, Any], credentials: Credentials) -> Address:
    """Make the address of a target, of whatever kind."""
    if (address := _address(values, _KINDS)) is not None:
        return address
    if "pool" in values:
        return _pool(values["pool"], credentials)
    sends = values.get("clipboard", "both") in {"both", "from-desktop"}
    return DesktopAddress(DesktopSpec(**values["desktop"], sends_clipboard=sends))


def _pool(values: Mapping[str, Any], credentials: Credentials) -> PoolAddress:
    if "machines" not in values:
        raise ConfigError("is missing", key="pool.machines")
    machines = tuple(
        PoolMachine(name, machine["address"], _own_credentials(machine, credentials))
        for name, machine in values["machines"].items()
    )
    return PoolAddress(machines, **_pick(values, ("idle_timeout", "max_lease", "retry_after")))


def _own_credentials(machine: Mapping[str, Any], usual: Credentials) -> Credentials | None:
    """Return a machine's own credentials, completed by the target's; None if it has none of its own."""
    own = _credentials(machine)
    if own == Credentials() and "username" not in machine:
        return None
    username = own.username if "username" in machine else usual.username
    return replace(own if own.form else usual, username=username)


def _tls(values: Mapping[str, Any]) -> TLSOptions:
    pair = {"cert_file", "key_file"}
    if (there := pair & values.keys()) and there != pair:
        raise ConfigError(f"is of no use without tls.{min(pair - there)}", key=f"tls.{min(there)}")
    return TLSOptions(**values)


def _credentials(values: Mapping[str, Any]) -> Credentials:
    forms = [form for form in _PASSWORD_FORMS if form in values]
    if len(forms) > 1:
        raise ConfigError(f"only one of {', '.join(forms)} can be given", key=forms[1])
    if "desktop" in values and (forms or "username" in values):
        raise ConfigError("a managed desktop needs no credentials", key=(forms or ["username"])[0])
    form = forms[0] if forms else ""
    return Credentials(values.get("username", ""), form, values.get(form, ""))


def parse_target(name: str, raw: Mapping[str, Any], *, longest_name: int = MAX_CONFIG_NAME) -> Target:
    """Make a target of one entry of ``c.VNCBroker.targets``.

    Raises:
        ConfigError: names the target and the key that is wrong, and says what is valid.
    """
    check_name(name, longest=longest_name)
    try:
        if not isinstance(raw, Mapping):
            raise ConfigError("must be a dictionary of target options")  # noqa: TRY301 - gets the name below
        values = checks.checked(raw, _KEYS)
        credentials = _credentials(values)
        return Target(
            name=name,
            address=_place(values, credentials),
            credentials=credentials,
            tls=_tls(values.get("tls", {})),
            viewer=ViewerOptions(**_pick(values, _VIEWER)),
            limits=TargetLimits(**_pick(values, _LIMITS)),
            **_pick(values, _PLAIN),
        )
    except ConfigError as error:
        raise ConfigError(error.message, target=name, key=error.key) from None


def parse_targets(raw: Mapping[str, Any]) -> tuple[dict[str, Target], list[ConfigError]]:
    """Parse all entries: the good targets in order, and one error for each bad one."""
    targets: dict[str, Target] = {}
    errors: list[ConfigError] = []
    for name, entry in raw.items():
        try:
            targets[name] = parse_target(name, entry)
        except ConfigError as error:
            errors.append(error)
        except Exception as error:  # noqa: BLE001 - a mistake in one must not affect the others
            errors.append(ConfigError(f"cannot be understood ({type(error).__name__})", target=str(name)))
    return targets, errors
