"""Where targets come from. Authors of plug-ins find here what their own source needs."""

from jupyter_vnc.model.addresses import DesktopAddress, DesktopSpec, TCPAddress, UnixAddress
from jupyter_vnc.model.credentials import Credentials, Secret
from jupyter_vnc.model.targets import Mode, Sharing, Target, TargetLimits, TLSOptions, ViewerOptions
from jupyter_vnc.model.users import User

from .base import TargetSource

__all__ = [
    "Credentials",
    "DesktopAddress",
    "DesktopSpec",
    "Mode",
    "Secret",
    "Sharing",
    "TCPAddress",
    "TLSOptions",
    "Target",
    "TargetLimits",
    "TargetSource",
    "UnixAddress",
    "User",
    "ViewerOptions",
]
