"""Security types of the target leg: how we log in to a VNC server.

Each scheme is a small class with one generator, :meth:`.scheme.Scheme.run`. Which of them may be used, and in which
order, is ours to say (:class:`.policy.SecurityPolicy`); a server's own order means nothing.
"""

from __future__ import annotations

from .choice import choose
from .policy import LOCAL_ORDER, STRONGEST_FIRST, TLS_TYPES, Login, SecurityPolicy
from .registry import SCHEMES
from .scheme import Leg, Scheme, TLSRequest, Transform
from .tight import TightServerInit

__all__ = [
    "LOCAL_ORDER",
    "SCHEMES",
    "STRONGEST_FIRST",
    "TLS_TYPES",
    "Leg",
    "Login",
    "Scheme",
    "SecurityPolicy",
    "TLSRequest",
    "TightServerInit",
    "Transform",
    "choose",
]
