"""Where a VNC server is and how we log in there: addresses and credentials as values.

Nothing here is sent to a browser, and a validated user name is all that a request adds to an address.
"""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass, field, replace
from typing import ClassVar, Final

from jupyter_vnc.exceptions import TargetNotFound
from jupyter_vnc.model.credentials import Credentials

from . import usernames

#: ``sun_path`` holds 108 bytes with the closing NUL (``unix(7)``).
MAX_SOCKET_PATH: Final = 107


#: No machine of a pool is set aside for longer (seconds): the pause doubles with each failure up to here.
MAX_RETRY: Final = 900.0


class _ServerAddress:
    """A VNC server that somebody else starts, the same one for everybody who has its address."""

    __slots__ = ()

    #: How the desktop there is started; None, because somebody else does that.
    spec: ClassVar[None] = None
    #: See :attr:`UserServerAddress.server`.
    server: ClassVar[None] = None

    @property
    def identity(self) -> str:
        """What a token is bound to: when it changes, the target is a different one."""
        return repr(self)

    def place(self, owner: str, name: str) -> tuple[str, ...]:
        """Name the desktop that a target is for its owner: here it is the server's, whatever the target's name."""
        return ("server", str(self))


@dataclass(frozen=True, slots=True)
class TCPAddress(_ServerAddress):
    """A VNC server on TCP: host name, IPv4 or IPv6 address (without brackets), and port.

    ``owner`` names the account that must have the port, besides root and our own, where the host is this machine;
    ``*`` for whichever; empty for none in particular.
    """

    host: str
    port: int
    owner: str = ""

    #: The socket's file; there is none.
    socket: ClassVar[None] = None
    #: Whether we know whose server answers: any account can bind a free port.
    owner_is_known: ClassVar[bool] = False
    #: Whether a server that closes without a byte is only busy.
    silence_is_busy: ClassVar[bool] = False

    @property
    def hostname(self) -> str:
        """What a certificate is for."""
        return self.host

    def for_user(self, username: str) -> TCPAddress:
        """Substitute ``{username}`` in the host name, as part of a label.

        Raises:
            TargetNotFound: see :func:`~jupyter_vnc.model.usernames.in_hostname`.
        """
        return replace(self, host=usernames.in_hostname(self.host, username))

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
class UnixAddress(_ServerAddress):
    """A VNC server on a Unix socket.

    ``owner`` names the account that must own the socket, besides root and our own; empty for no other.
    """

    path: str
    owner: str = ""

    is_local = True
    #: There is no host name that a certificate could be for.
    hostname: ClassVar[None] = None
    #: See :func:`~jupyter_vnc.connect.dial.check_socket`.
    owner_is_known: ClassVar[bool] = True
    #: A full backlog closes without a byte.
    silence_is_busy: ClassVar[bool] = True

    @property
    def socket(self) -> str:
        """The socket's file, which is there while its server runs."""
        return self.path

    def for_user(self, username: str) -> UnixAddress:
        """Substitute ``{username}`` in the path; that user's account may then own the socket.

        Raises:
            TargetNotFound: the name cannot be part of a path, or the path becomes longer than a socket's may be.
        """
        if usernames.PLACEHOLDER not in self.path:
            return self
        path = usernames.in_path(self.path, username)
        if len(path.encode()) > MAX_SOCKET_PATH:
            raise TargetNotFound(detail=f"socket path for {username!r} is over {MAX_SOCKET_PATH} bytes")
        # Digits would be taken for a uid, and whose that is does not depend on what a hub calls somebody.
        return UnixAddress(path, self.owner or ("" if username.isdecimal() else username))

    def __str__(self) -> str:
        return self.path


@dataclass(frozen=True, slots=True)
class DesktopSpec:
    """A desktop that we start: its session command (empty: the first one installed), size and resolution.

    ``sends_clipboard``: whether its X server may send the text of its clipboard. RFB has no other way to keep it back.
    ``fullscreen``: whether the windows of a command fill the screen as long as no window manager runs.
    ``sound``: whether it has a sound server, where one is installed. ``video``: whether what moves on it may be seen as
    video.
    """

    command: tuple[str, ...] = ()
    geometry: str = "1680x1050"
    dpi: int = 96
    sends_clipboard: bool = True
    fullscreen: bool = True
    sound: bool = True
    video: bool = True


@dataclass(frozen=True, slots=True)
class DesktopAddress:
    """A managed desktop: where it listens is known once it runs."""

    spec: DesktopSpec = DesktopSpec()

    is_local = True
    #: See :attr:`UserServerAddress.server`.
    server: ClassVar[None] = None

    @property
    def identity(self) -> str:
        """See :attr:`TCPAddress.identity`."""
        return repr(self)

    def place(self, owner: str, name: str) -> tuple[str, ...]:
        """Name the desktop that a target is for its owner: each has their own."""
        return ("managed", owner, name)

    def for_user(self, username: str) -> DesktopAddress:
        """Nothing to substitute: the desktop manager keeps users apart."""
        return self

    def __str__(self) -> str:
        return "managed desktop"


@dataclass(frozen=True, slots=True)
class PoolMachine:
    """One machine of a pool. ``credentials`` replace the target's; None for the target's own.

    ``key`` identifies the machine by its address, which it does not show, whatever its name. It is computed once: pools
    compare all of theirs with each change.
    """

    name: str
    address: TCPAddress | UnixAddress
    credentials: Credentials | None = None
    key: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        digest = hashlib.sha256(str(self.address).lower().encode()).hexdigest()
        object.__setattr__(self, "key", digest[:16])


@dataclass(frozen=True, slots=True)
class PoolAddress:
    """A pool of machines; each user gets one of their own.

    ``idle_timeout`` and ``max_lease`` are the seconds without input, and in total, after which a machine is taken back,
    0 for never; ``retry_after`` is the number of seconds for which a machine is first set aside when it fails.
    """

    machines: tuple[PoolMachine, ...]
    idle_timeout: float = 1800.0
    max_lease: float = 0.0
    retry_after: float = 60.0

    #: See :attr:`TCPAddress.spec`.
    spec: ClassVar[None] = None
    #: See :attr:`UserServerAddress.server`.
    server: ClassVar[None] = None
    #: A pool stays the same pool whichever machines are in it: who has which is decided after the token.
    identity: ClassVar[str] = "pool"

    def place(self, owner: str, name: str) -> tuple[str, ...]:
        """Name the desktop that a target is for its owner: their machine, whichever it is."""
        return ("pool", owner, name)

    @property
    def is_local(self) -> bool:
        """Whether traffic to its machines cannot leave this one."""
        return all(machine.address.is_local for machine in self.machines)

    def for_user(self, username: str) -> PoolAddress:
        """Nothing to substitute: which machine a user gets does not depend on their name."""
        return self

    def __str__(self) -> str:
        count = len(self.machines)
        return f"pool of {count} machine{'s' * (count != 1)}"


@dataclass(frozen=True, slots=True)
class UserServerAddress:
    """A desktop in a user's own server, which brings a connection to it when the service of the hub asks for one.

    ``server`` is the name of that server, empty for the user's default one.
    """

    server: str

    is_local = False
    #: See :attr:`TCPAddress.spec`.
    spec: ClassVar[None] = None

    @property
    def identity(self) -> str:
        """See :attr:`TCPAddress.identity`."""
        return repr(self)

    def place(self, owner: str, name: str) -> tuple[str, ...]:
        """Name the desktop that a target is for its owner: each server has its own."""
        return ("user server", owner, self.server, name)

    def for_user(self, username: str) -> UserServerAddress:
        """Nothing to substitute: whose server it is stands beside the address."""
        return self

    def __str__(self) -> str:
        return "user's server"


Address = TCPAddress | UnixAddress | DesktopAddress | PoolAddress | UserServerAddress
