"""Targets: what a user may look at, and who lists them.

A :class:`Target` is an immutable value. It knows where a VNC server is and how to log in there, and it is never
serialised as a whole: what a browser learns is :meth:`Target.public`, which has neither address nor credential.
This module does no I/O; it does not know how a target is dialled, only what one is.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from .exceptions import ConfigError, TargetNotFound
from .people import User

#: Names of targets: safe in a URL, a file name and a log line. So long because a name may be a signed token (JWT)
#: that a websockify plug-in looks up; what an admin writes has at most 64 characters.
TARGET_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,1023}")
MAX_CONFIG_NAME: Final = 64

#: User names that may become a part of an address. No separator, no dot-dot, nothing that a shell or a URL reads.
SAFE_USERNAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,63}")

#: ``sun_path`` holds 108 bytes with the closing NUL (``unix(7)``).
MAX_SOCKET_PATH: Final = 107


class Mode(StrEnum):
    """What a viewer may do with a target."""

    CONTROL = "control"
    VIEW = "view"


class Sharing(StrEnum):
    """What happens when a second viewer comes."""

    SHARED = "shared"
    EXCLUSIVE = "exclusive"
    TAKEOVER = "takeover"


class State(StrEnum):
    """What is known about a target without connecting to it."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"
    STARTING = "starting"
    STOPPED = "stopped"


class Secret:
    """A text that no repr, log line or traceback shows; :meth:`reveal` is the only way to it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the text itself."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)


@dataclass(frozen=True, slots=True)
class TCPAddress:
    """A VNC server on TCP: host name, IPv4 or IPv6 address (without brackets), and port."""

    host: str
    port: int

    def for_user(self, username: str) -> TCPAddress:
        """Substitute ``{username}`` in the host name."""
        return replace(self, host=_substitute(self.host, username))

    @property
    def is_local(self) -> bool:
        """Whether traffic to it cannot leave this machine."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """A VNC server on a Unix socket.

    ``owner`` names the account that must own the socket, besides root and our own; empty for no other.
    """

    path: str
    owner: str = ""

    is_local = True

    def for_user(self, username: str) -> UnixAddress:
        """Substitute ``{username}`` in the path; that user may then own the socket.

        Raises:
            TargetNotFound: the resulting path is longer than a socket's may be.
        """
        if "{username}" not in self.path:
            return self
        path = _substitute(self.path, username)
        if len(path.encode()) > MAX_SOCKET_PATH:
            raise TargetNotFound(detail=f"socket path for {username!r} is over {MAX_SOCKET_PATH} bytes")
        return UnixAddress(path, self.owner or username)

    def __str__(self) -> str:
        return self.path


@dataclass(frozen=True, slots=True)
class DesktopSpec:
    """A desktop that we start: its session command (empty: the first one installed), size and resolution.

    ``sends_clipboard``: whether its X server may send the text of its clipboard. RFB has no other way to keep it back.
    """

    command: tuple[str, ...] = ()
    geometry: str = "1680x1050"
    dpi: int = 96
    sends_clipboard: bool = True


@dataclass(frozen=True, slots=True)
class DesktopAddress:
    """A managed desktop: where it listens is known once it runs."""

    spec: DesktopSpec = DesktopSpec()

    is_local = True

    def for_user(self, username: str) -> DesktopAddress:
        """Nothing to substitute: the desktop manager keeps users apart."""
        return self

    def __str__(self) -> str:
        return "managed desktop"


Address = TCPAddress | UnixAddress | DesktopAddress


def _substitute(template: str, username: str) -> str:
    """Put a validated user name into an address; nothing else from a request ever gets there.

    Raises:
        TargetNotFound: the name holds a character that could change the address's meaning.
    """
    if "{username}" not in template:
        return template
    if not SAFE_USERNAME.fullmatch(username) or ".." in username:
        raise TargetNotFound(detail=f"user name {username!r} cannot be part of an address")
    return template.replace("{username}", username)


@dataclass(frozen=True, slots=True)
class Credentials:
    """How we log in to a target.

    ``form`` is the config key that says where the password is (``password``, ``password_file``, ``password_env``,
    ``password_command``, or empty for none) and ``value`` what stood there. It is read anew for each login, so a
    rotated password needs no restart.
    """

    username: str = ""
    form: str = ""
    value: Secret | str | tuple[str, ...] = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class TLSOptions:
    """What we ask of a target's TLS.

    ``mode`` is ``auto`` (encryption when offered), ``x509`` (a verified server or nothing), ``anonymous`` (encrypted,
    and an unverified server will do) or ``off`` (no TLS).
    ``fingerprint`` is the SHA-256 of the certificate, or of the server key under RA2, as hex digits.
    """

    mode: str = "auto"
    ca_file: str = ""
    fingerprint: str = ""
    check_hostname: bool = True


@dataclass(frozen=True, slots=True)
class ViewerOptions:
    """How the viewer starts: all of it is the user's to change but the clipboard policy."""

    resize: str = "remote"
    quality: int = 6
    compression: int = 2
    clipboard: str = "both"

    def public(self) -> dict[str, str | int]:
        """As the REST answer has it."""
        return {
            "resize": self.resize,
            "quality": self.quality,
            "compression": self.compression,
            "clipboard": self.clipboard,
        }


@dataclass(frozen=True, slots=True)
class TargetLimits:
    """Limits of one target that differ from the broker's; None for the broker's own. Times in seconds."""

    max_sessions: int | None = None
    connect_timeout: float | None = None
    handshake_timeout: float | None = None
    stall_timeout: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Something a user may look at."""

    name: str
    address: Address
    title: str = ""
    description: str = ""
    icon: str = ""
    category: str = "Desktops"
    credentials: Credentials = Credentials()
    tls: TLSOptions = TLSOptions()
    allow_unauthenticated: bool = False
    mode: Mode = Mode.CONTROL
    sharing: Sharing = Sharing.SHARED
    viewer: ViewerOptions = ViewerOptions()
    limits: TargetLimits = TargetLimits()
    allow_users: frozenset[str] = frozenset()
    allow_groups: frozenset[str] = frozenset()

    def admits(self, user: User) -> bool:
        """Whether ``allow_users`` and ``allow_groups`` let the user in; both empty admit everybody."""
        if not self.allow_users and not self.allow_groups:
            return True
        return user.name in self.allow_users or bool(user.groups & self.allow_groups)

    def for_user(self, user: User) -> Target:
        """The target as this user has it: ``{username}`` in its address substituted.

        Raises:
            TargetNotFound: the user's name cannot be part of an address.
        """
        address = self.address.for_user(user.name)
        return self if address is self.address else replace(self, address=address)

    @property
    def generation(self) -> str:
        """Changes when the name comes to mean another server, so that an older token no longer fits."""
        return hashlib.sha256(repr(self.address).encode()).hexdigest()[:16]

    def public(self, *, mode: Mode, state: State) -> dict[str, Any]:
        """What a browser may know: one row of ``GET api/targets``."""
        return {
            "name": self.name,
            "title": self.title or self.name,
            "description": self.description,
            "icon": self.icon,
            "category": self.category,
            "mode": mode.value,
            "state": state.value,
            "managed": isinstance(self.address, DesktopAddress),
            "viewer": self.viewer.public(),
        }


def check_name(name: object, *, longest: int = MAX_CONFIG_NAME) -> str:
    """Return the name, if a target may be called so.

    Raises:
        ConfigError: it may not; says which names are possible.
    """
    if isinstance(name, str) and len(name) <= longest and TARGET_NAME.fullmatch(name):
        return name
    hint = f"a name is 1 to {longest} letters, digits, '.', '_' or '-', and starts with a letter or digit"
    raise ConfigError(hint, target=str(name)[:80])


class TargetSource:
    """A plug-in that lists the targets of a user. Subclass it, and override what the source can do.

    A source that can list needs :meth:`targets` only. One that can only look a name up (an API, a signed token)
    overrides :meth:`target`. Both are asked for each request: keep answers in memory, and do blocking work in a
    thread. An error raised here is logged; the other sources' targets stay usable.
    """

    async def targets(self, user: User) -> Sequence[Target]:
        """List what this user may see, in the order in which tiles should appear."""
        return ()

    async def target(self, user: User, name: str) -> Target | None:
        """Return one target by name, or None if this source has none for the user."""
        return next((target for target in await self.targets(user) if target.name == name), None)

    async def close(self) -> None:
        """Give back what the source holds; called once, when the server stops."""
