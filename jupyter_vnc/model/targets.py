"""Targets: what a user may view, and who lists them.

A :class:`Target` is an immutable value. It knows where a VNC server is and how to log in there, and it is never
serialised as a whole: what a browser learns is :meth:`Target.public`, which has neither address nor credential.
This module does no I/O; it does not know how a target is dialled, only what one is.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from jupyter_vnc.escaping import printable
from jupyter_vnc.exceptions import ConfigError, TargetNotFound

from .addresses import Address, PoolMachine
from .credentials import Credentials
from .pictures import Picture
from .users import User

#: Names of targets: safe in a URL, a file name and a log line. So long because a name may be a signed token (JWT)
#: that a websockify plug-in looks up; what an admin writes has at most 64 characters.
TARGET_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,1023}")
MAX_CONFIG_NAME: Final = 64


class Mode(StrEnum):
    """What a viewer may do with a target."""

    CONTROL = "control"
    VIEW = "view"


class Sharing(StrEnum):
    """What happens when a second viewer connects."""

    SHARED = "shared"
    EXCLUSIVE = "exclusive"
    TAKEOVER = "takeover"


class State(StrEnum):
    """What is known about a target without connecting to it.

    ``FAILED`` is a desktop of ours that did not start, or crashed; ``BUSY`` one of which others have all that there is.
    ``MAINTENANCE`` is one that nobody new gets until an administrator says so.
    """

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"
    STARTING = "starting"
    STOPPED = "stopped"
    FAILED = "failed"
    BUSY = "busy"
    MAINTENANCE = "maintenance"


@dataclass(frozen=True, slots=True)
class TLSOptions:
    """What we require of a target's TLS.

    ``mode`` is ``auto`` (encryption when offered), ``x509`` (a verified server or nothing), ``anonymous`` (encrypted,
    without verifying the server) or ``off`` (no TLS).
    ``fingerprint`` is the SHA-256 of the certificate, or of the server key under RA2, as hex digits.
    ``cert_file`` and ``key_file`` are what a server that asks for it is shown as ours: both, or none.
    """

    mode: str = "auto"
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    fingerprint: str = ""
    check_hostname: bool = True


@dataclass(frozen=True, slots=True)
class ViewerOptions:
    """How the viewer starts: the user can change all of it except the clipboard policy and the power switch."""

    resize: str = "remote"
    quality: int = 6
    compression: int = 2
    clipboard: str = "both"
    power: bool = False

    def public(self) -> dict[str, str | int]:
        """As the REST answer has it."""
        return {
            "resize": self.resize,
            "quality": self.quality,
            "compression": self.compression,
            "clipboard": self.clipboard,
            "power": self.power,
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
    """Something that a user may view."""

    name: str
    address: Address
    title: str = ""
    description: str = ""
    #: The name of one of JupyterLab's icons, or a picture of the administrator's; empty for one that shows the state.
    icon: str | Picture = ""
    category: str = "Desktops"
    credentials: Credentials = field(default_factory=Credentials)
    tls: TLSOptions = TLSOptions()
    allow_unauthenticated: bool = False
    mode: Mode = Mode.CONTROL
    sharing: Sharing = Sharing.SHARED
    viewer: ViewerOptions = ViewerOptions()
    limits: TargetLimits = TargetLimits()
    allow_users: frozenset[str] = frozenset()
    allow_groups: frozenset[str] = frozenset()
    #: Whether viewers send pictures for the wall of an instructor; None for what is usual on this server.
    wall: bool | None = None

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

    def can_be_for(self, user: User) -> bool:
        """Whether :meth:`for_user` has an address for this user."""
        try:
            self.for_user(user)
        except TargetNotFound:
            return False
        return True

    def on_machine(self, machine: PoolMachine) -> Target:
        """The target on one machine of its pool."""
        return replace(self, address=machine.address, credentials=machine.credentials or self.credentials)

    @property
    def generation(self) -> str:
        """Changes when the name comes to mean another server, so that an older token no longer fits."""
        return hashlib.sha256(self.address.identity.encode()).hexdigest()[:16]

    @property
    def _public_icon(self) -> str:
        """A name, or where the picture is below the root of our routes."""
        if isinstance(self.icon, Picture):
            return f"api/targets/{self.name}/icon?v={self.icon.version}"
        return self.icon

    def public(self, *, mode: Mode, state: State) -> dict[str, Any]:
        """What a browser may know: one row of ``GET api/targets``."""
        return {
            "name": self.name,
            "title": printable(self.title) or self.name,
            "description": printable(self.description),
            "icon": self._public_icon,
            "category": self.category,
            "mode": mode.value,
            "state": state.value,
            "managed": self.address.spec is not None,
            "viewer": self.viewer.public(),
        }


def check_name(name: object, *, longest: int = MAX_CONFIG_NAME) -> str:
    """Return the name, if it is permitted for a target.

    Raises:
        ConfigError: it is not permitted; says which names are.
    """
    if isinstance(name, str) and len(name) <= longest and TARGET_NAME.fullmatch(name):
        return name
    hint = f"a name is 1 to {longest} letters, digits, '.', '_' or '-', and starts with a letter or digit"
    raise ConfigError(hint, target=str(name)[:80])
