"""Validation of configuration values: one check for each kind of value.

A check takes what the admin wrote and returns what we use. It raises ``ValueError`` with the end of a sentence ("must
be …"); :func:`checked` puts the key before it.
"""

from __future__ import annotations

import contextlib
import difflib
import ipaddress
import re
import shlex
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from jupyter_vnc.exceptions import ConfigError
from jupyter_vnc.model.addresses import MAX_SOCKET_PATH
from jupyter_vnc.model.credentials import Secret
from jupyter_vnc.system.files import check_regular, is_open_to_others

#: What a host name may look like (RFC 1123), ``{username}`` included as one label's part.
_HOSTNAME: Final = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?")
_GEOMETRY: Final = re.compile(r"([1-9][0-9]{2,4})x([1-9][0-9]{2,4})")
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Check:
    """A check, and what it accepts as JSON Schema; as precise as that is without repeating the check."""

    run: Callable[[Any], Any]
    schema: Mapping[str, Any]

    def __call__(self, value: Any) -> Any:
        """Return the value as we use it.

        Raises:
            ValueError: it is not valid; the message is the end of a sentence.
        """
        return self.run(value)


#: What a table of keys consists of: a :class:`Check`, a key that has one, or any function that checks.
Checker = Callable[[Any], Any]


def accepts(**schema: Any) -> Callable[[Callable[[Any], Any]], Check]:
    """Make a check of a function, with the JSON Schema of what it accepts."""
    return lambda run: Check(run, schema)


@accepts(type="string")
def text(value: Any) -> str:
    """One line of text."""
    if not isinstance(value, str) or any(not char.isprintable() for char in value):
        raise ValueError("must be a line of text")
    return value


@accepts(type="boolean")
def flag(value: Any) -> bool:
    """True or False."""
    if not isinstance(value, bool):
        raise ValueError("must be True or False")
    return value


def integer(low: int, high: int) -> Check:
    """A whole number, both ends included."""

    @accepts(type="integer", minimum=low, maximum=high)
    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return value

    return check


def seconds(most: float = 86400, *, never: bool = False) -> Check:
    """A number of seconds; with ``never``, 0 is permitted and means never."""

    @accepts(type="number", maximum=most, **({"minimum": 0} if never else {"exclusiveMinimum": 0}))
    def check(value: Any) -> float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not 0 <= value <= most or (value == 0 and not never):
            low = "0 (never)" if never else "more than 0"
            raise ValueError(f"must be a number of seconds, {low}, up to {most:.0f}")
        return float(value)

    return check


def member(kind: type[StrEnum]) -> Check:
    """One of the words of an enumeration."""
    word = choice(*kind)
    return Check(lambda value: kind(word(value)), word.schema)


def choice(*choices: str) -> Check:
    """One of some words."""

    @accepts(type="string", enum=[str(one) for one in choices])
    def check(value: Any) -> str:
        if value not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return str(value)

    return check


@accepts(type="array", items={"type": "string", "minLength": 1})
def names(value: Any) -> frozenset[str]:
    """A list of names."""
    if isinstance(value, str) or not all(isinstance(item, str) and item for item in value):
        raise ValueError("must be a list of names")
    return frozenset(value)


@accepts(type=["array", "string"], items={"type": "string", "minLength": 1}, minItems=1)
def argv(value: Any) -> tuple[str, ...]:
    """A command: words, or a line of them as a shell reads it."""
    words = shlex.split(value) if isinstance(value, str) else tuple(value)
    if not words or not all(isinstance(word, str) and word and "\0" not in word for word in words):
        raise ValueError("must be a command: a list of words, or one line of text")
    return tuple(words)


@accepts(type="string", minLength=1, maxLength=300)
def host(value: Any) -> str:
    """A host name, an IPv4 or an IPv6 address; brackets are taken off."""
    name = str(text(value)).strip("[]")
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        pass
    if not _HOSTNAME.fullmatch(name.replace("{username}", "user")):
        raise ValueError("must be a host name, an IPv4 or an IPv6 address")
    return name


@accepts(type="string", pattern="^/", maxLength=MAX_SOCKET_PATH)
def socket(value: Any) -> str:
    """The path of a Unix socket."""
    path = str(text(value))
    if not path.startswith("/") or ".." in Path(path).parts:
        raise ValueError("must be an absolute path")
    if len(path.encode()) > MAX_SOCKET_PATH:
        raise ValueError(f"is {len(path.encode())} bytes long; a Unix socket's path has at most {MAX_SOCKET_PATH}")
    return path


@accepts(type="string")
def secret(value: Any) -> Secret:
    """A line of text that no log shows."""
    return Secret(text(value))


@accepts(type="string", minLength=1)
def private_file(value: Any) -> str:
    """A file that only its owner can read: a secret that others can read is not a secret."""
    path = Path(text(value))
    try:
        status = path.stat()
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("is not a file")
    if is_open_to_others(status):
        raise ValueError(f"can be read or changed by others (mode {status.st_mode & 0o777:04o}): chmod 600 it")
    return str(path)


@accepts(type="string", minLength=1)
def file(value: Any) -> str:
    """A file that exists."""
    path = Path(text(value))
    try:
        check_regular(path)
    except OSError:
        raise ValueError("is not a file") from None
    return str(path)


@accepts(type="string")
def fingerprint(value: Any) -> str:
    """A SHA-256, with colons or without."""
    digits = str(text(value)).lower().removeprefix("sha256:").replace(":", "").replace(" ", "")
    if not _FINGERPRINT.fullmatch(digits):
        raise ValueError("must be a SHA-256 fingerprint: 64 hexadecimal digits")
    return digits


@accepts(type="string", pattern="^[1-9][0-9]{2,4}x[1-9][0-9]{2,4}$")
def geometry(value: Any) -> str:
    """Width and height in pixels."""
    match = _GEOMETRY.fullmatch(text(value))
    if not match or max(map(int, match.groups())) > 16384:
        raise ValueError("must be WIDTHxHEIGHT in pixels, such as 1680x1050")
    return str(value)


@contextlib.contextmanager
def inside(key: str) -> Iterator[None]:
    """Prefix the keys that errors inside name with a key.

    Raises:
        ConfigError: instead of each error of a check.
    """
    try:
        yield
    except ConfigError as error:
        raise ConfigError(error.message, key=f"{key}.{error.key}".rstrip(".")) from None
    except (ValueError, TypeError) as error:
        raise ConfigError(str(error), key=key) from None


def checked(raw: Mapping[str, Any], keys: Mapping[str, Checker]) -> dict[str, Any]:
    """Check each value by its key.

    Raises:
        ConfigError: an unknown key (with the nearest known one) or a bad value, named by key.
    """
    values = {}
    for key, value in raw.items():
        if key not in keys:
            near = difflib.get_close_matches(str(key), keys, 1)
            raise ConfigError("unknown key" + (f", did you mean {near[0]!r}?" if near else ""), key=str(key))
        with inside(key):
            values[key] = keys[key](value)
    return values


def table(keys: Mapping[str, Checker], kind: str) -> Check:
    """A dictionary with keys of its own."""

    @accepts(**object_of(keys))
    def check(value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise ValueError(f"must be a dictionary of {kind} options")
        return checked(value, keys)

    return check


def object_of(keys: Mapping[str, Checker]) -> dict[str, Any]:
    """Return the JSON Schema of a dictionary with these keys and no others."""
    properties = {name: dict(getattr(key, "schema", {})) for name, key in keys.items()}
    return {"type": "object", "properties": properties, "additionalProperties": False}
