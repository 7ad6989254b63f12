"""Where targets come from. A plug-in's author finds here what a source of their own needs."""

from jupyter_vnc.exceptions import ConfigError
from jupyter_vnc.model.addresses import TCPAddress, UnixAddress
from jupyter_vnc.model.credentials import Credentials, Secret
from jupyter_vnc.model.targets import Mode, Target
from jupyter_vnc.model.users import User

from .base import TargetSource

__all__ = [
    "ConfigError",
    "Credentials",
    "Mode",
    "Secret",
    "TCPAddress",
    "Target",
    "TargetSource",
    "UnixAddress",
    "User",
]
