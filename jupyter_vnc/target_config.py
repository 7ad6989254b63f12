"""From what an admin writes to a :class:`~jupyter_vnc.targets.Target`: one table of keys, one error per mistake.

Every mistake becomes a :class:`~jupyter_vnc.exceptions.ConfigError` that names the target and the key. Nothing here
connects anywhere; the only I/O is a look at the files that the configuration names, because a password file that
others can read is a mistake that should be found at start and not at the first login.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
import shlex
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from .exceptions import ConfigError
from .targets import (
    MAX_CONFIG_NAME,
    MAX_SOCKET_PATH,
    Address,
    Credentials,
    DesktopAddress,
    DesktopSpec,
    Mode,
    Secret,
    Sharing,
    Target,
    TargetLimits,
    TCPAddress,
    TLSOptions,
    UnixAddress,
    ViewerOptions,
    check_name,
)

#: What a host name may look like (RFC 1123), ``{username}`` included as one label's part.
_HOSTNAME: Final = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?")
_GEOMETRY: Final = re.compile(r"([1-9][0-9]{2,4})x([1-9][0-9]{2,4})")
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")

_PASSWORD_FORMS: Final = ("password", "password_file", "password_env", "password_command")

Check = Callable[[Any], Any]


def _text(value: Any) -> str:
    if not isinstance(value, str) or any(not char.isprintable() for char in value):
        raise ValueError("must be a line of text")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be True or False")
    return value


def _integer(low: int, high: int) -> Check:
    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return value

    return check


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 86400:
        raise ValueError("must be a number of seconds, more than 0")
    return float(value)


def _choice(*choices: str) -> Check:
    def check(value: Any) -> str:
        if value not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return str(value)

    return check


def _names(value: Any) -> frozenset[str]:
    if isinstance(value, str) or not all(isinstance(item, str) and item for item in value):
        raise ValueError("must be a list of names")
    return frozenset(value)


def _argv(value: Any) -> tuple[str, ...]:
    words = shlex.split(value) if isinstance(value, str) else tuple(value)
    if not words or not all(isinstance(word, str) and word and "\0" not in word for word in words):
        raise ValueError("must be a command: a list of words, or one line of text")
    return tuple(words)


def _host(value: Any) -> str:
    text = _text(value).strip("[]")
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        pass
    if not _HOSTNAME.fullmatch(text.replace("{username}", "user")):
        raise ValueError("must be a host name, an IPv4 or an IPv6 address")
    return text


def _socket(value: Any) -> str:
    path = _text(value)
    if not path.startswith("/") or ".." in Path(path).parts:
        raise ValueError("must be an absolute path")
    if len(path.encode()) > MAX_SOCKET_PATH:
        raise ValueError(f"is {len(path.encode())} bytes long; a Unix socket's path has at most {MAX_SOCKET_PATH}")
    return path


def private_file(value: Any) -> str:
    """A file that only its owner can read: a secret that others can read is none."""
    path = Path(_text(value))
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    if not stat.S_ISREG(mode):
        raise ValueError("is not a file")
    if mode & 0o077:
        raise ValueError(f"can be read or changed by others (mode {mode & 0o777:04o}): chmod 600 it")
    return str(path)


def _file(value: Any) -> str:
    path = Path(_text(value))
    if not path.is_file():
        raise ValueError("is not a file")
    return str(path)


def _fingerprint(value: Any) -> str:
    digits = _text(value).lower().removeprefix("sha256:").replace(":", "").replace(" ", "")
    if not _FINGERPRINT.fullmatch(digits):
        raise ValueError("must be a SHA-256 fingerprint: 64 hexadecimal digits")
    return digits


def _geometry(value: Any) -> str:
    match = _GEOMETRY.fullmatch(_text(value))
    if not match or max(map(int, match.groups())) > 16384:
        raise ValueError("must be WIDTHxHEIGHT in pixels, such as 1680x1050")
    return str(value)


_TLS_KEYS: Final[Mapping[str, Check]] = {
    "mode": _choice("auto", "x509", "anonymous", "off"),
    "ca_file": _file,
    "fingerprint": _fingerprint,
    "check_hostname": _flag,
}

_DESKTOP_KEYS: Final[Mapping[str, Check]] = {
    "command": _argv,
    "geometry": _geometry,
    "dpi": _integer(40, 600),
}


def _table(keys: Mapping[str, Check], kind: str) -> Check:
    def check(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise ValueError(f"must be a dictionary of {kind} options")
        return _checked(value, keys)

    return check


#: Every key that a target may have, and what makes its value good.
_KEYS: Final[Mapping[str, Check]] = {
    "title": _text,
    "description": _text,
    "icon": _text,
    "category": _text,
    "host": _host,
    "port": _integer(1, 65535),
    "socket": _socket,
    "socket_owner": _text,
    "desktop": _table(_DESKTOP_KEYS, "desktop"),
    "username": _text,
    "password": lambda value: Secret(_text(value)),
    "password_file": private_file,
    "password_env": _text,
    "password_command": _argv,
    "tls": _table(_TLS_KEYS, "TLS"),
    "allow_unauthenticated": _flag,
    "mode": lambda value: Mode(_choice(*Mode)(value)),
    "sharing": lambda value: Sharing(_choice(*Sharing)(value)),
    "clipboard": _choice("both", "to-desktop", "from-desktop", "off"),
    "resize": _choice("remote", "scale", "off"),
    "quality": _integer(0, 9),
    "compression": _integer(0, 9),
    "max_sessions": _integer(1, 1000),
    "connect_timeout": _seconds,
    "handshake_timeout": _seconds,
    "stall_timeout": _seconds,
    "allow_users": _names,
    "allow_groups": _names,
}

_VIEWER: Final = ("clipboard", "resize", "quality", "compression")
_LIMITS: Final = ("max_sessions", "connect_timeout", "handshake_timeout", "stall_timeout")
_PLAIN: Final = (
    *("title", "description", "icon", "category", "mode", "sharing"),
    *("allow_unauthenticated", "allow_users", "allow_groups"),
)


def _checked(raw: Mapping[str, Any], keys: Mapping[str, Check]) -> dict[str, Any]:
    """Check each value by its key.

    Raises:
        ConfigError: an unknown key (with the nearest known one) or a bad value, named by key.
    """
    values = {}
    for key, value in raw.items():
        if key not in keys:
            near = difflib.get_close_matches(str(key), keys, 1)
            raise ConfigError("unknown key" + (f", did you mean {near[0]!r}?" if near else ""), key=str(key))
        try:
            values[key] = keys[key](value)
        except ConfigError as error:
            raise ConfigError(error.message, key=f"{key}.{error.key}") from None
        except (ValueError, TypeError) as error:
            raise ConfigError(str(error), key=key) from None
    return values


def _pick(values: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: values[key] for key in keys if key in values}


def _address(values: Mapping[str, Any]) -> Address:
    kinds = [kind for kind in ("host", "socket", "desktop") if kind in values]
    if len(kinds) != 1:
        raise ConfigError("needs exactly one of 'host' (with 'port'), 'socket' and 'desktop'", key="host")
    if "port" in values and "host" not in values:
        raise ConfigError("goes with 'host' only", key="port")
    if "socket_owner" in values and "socket" not in values:
        raise ConfigError("goes with 'socket' only", key="socket_owner")
    if "host" in values:
        return TCPAddress(values["host"], values.get("port", 5900))
    if "socket" in values:
        return UnixAddress(values["socket"], values.get("socket_owner", ""))
    sends = values.get("clipboard", "both") in {"both", "from-desktop"}
    return DesktopAddress(DesktopSpec(**values["desktop"], sends_clipboard=sends))


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
        ConfigError: names the target and the key that is wrong, and what would be right.
    """
    check_name(name, longest=longest_name)
    try:
        if not isinstance(raw, Mapping):
            raise ConfigError("must be a dictionary of target options")  # noqa: TRY301 - gets the name below
        values = _checked(raw, _KEYS)
        return Target(
            name=name,
            address=_address(values),
            credentials=_credentials(values),
            tls=TLSOptions(**values.get("tls", {})),
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
    return targets, errors
