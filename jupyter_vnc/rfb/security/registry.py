"""Every scheme that we support."""

from __future__ import annotations

from typing import Final

from jupyter_vnc.rfb.wire import SecurityType as T

from .apple import AppleDH
from .basic import NoAuthentication, Plain, VNCAuthentication
from .ra2 import RA2
from .scheme import Scheme
from .tight import Tight
from .vencrypt import InsideTLS, VeNCrypt

_none, _vnc, _plain = NoAuthentication(), VNCAuthentication(), Plain()

#: By security type or VeNCrypt sub-type. The order means nothing; a policy's does.
SCHEMES: Final[dict[int, Scheme]] = {}

for _scheme in (
    _none,
    _vnc,
    _plain,
    AppleDH(),
    RA2(T.RA2, "sha1", whole=True),
    RA2(T.RA2NE, "sha1", whole=False),
    RA2(T.RA2_256, "sha256", whole=True),
    RA2(T.RA2NE_256, "sha256", whole=False),
    InsideTLS(T.TLS_NONE, _none, anonymous=True),
    InsideTLS(T.TLS_VNC, _vnc, anonymous=True),
    InsideTLS(T.TLS_PLAIN, _plain, anonymous=True),
    InsideTLS(T.X509_NONE, _none, anonymous=False),
    InsideTLS(T.X509_VNC, _vnc, anonymous=False),
    InsideTLS(T.X509_PLAIN, _plain, anonymous=False),
    VeNCrypt(SCHEMES),
    Tight(SCHEMES),
):
    SCHEMES[_scheme.number] = _scheme
