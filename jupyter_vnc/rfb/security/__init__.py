"""Security types of the target leg: how we log in to a VNC server.

Each scheme is a small class with one generator, :meth:`.scheme.Scheme.run`. Which of them may be used, and in
which order, is ours to say (:class:`.policy.SecurityPolicy`); a server's own order means nothing.
"""

from jupyter_vnc.rfb.security.policy import LOCAL_ORDER, STRONGEST_FIRST, Login, SecurityPolicy
from jupyter_vnc.rfb.security.registry import SCHEMES, choose
from jupyter_vnc.rfb.security.scheme import Leg, Needs, Proof, Scheme, TLSRequest, Transform

__all__ = [
    "LOCAL_ORDER",
    "SCHEMES",
    "STRONGEST_FIRST",
    "Leg",
    "Login",
    "Needs",
    "Proof",
    "Scheme",
    "SecurityPolicy",
    "TLSRequest",
    "Transform",
    "choose",
]
