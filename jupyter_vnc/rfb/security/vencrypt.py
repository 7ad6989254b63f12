"""VeNCrypt 0.2: TLS, and one of the plainer schemes inside it (rfbproto, "VeNCrypt")."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from jupyter_vnc.exceptions import TargetProtocolError
from jupyter_vnc.rfb.stream import Steps
from jupyter_vnc.rfb.wire import U32, SecurityType

from .choice import choose
from .scheme import Leg, Proof, Scheme, TLSRequest

_VERSION = b"\x00\x02"
_ACCEPTED = b"\x00"
_TLS_FOLLOWS = b"\x01"


class VeNCrypt(Scheme):
    """Agrees on a version and a sub-type, and runs that.

    Args:
        schemes: where to find the sub-types, by number.
    """

    number = SecurityType.VENCRYPT
    wrapper = True

    def __init__(self, schemes: Mapping[int, Scheme]) -> None:
        self._schemes = schemes

    def run(self, leg: Leg) -> Steps[None]:
        """Choose among the sub-types by our order; a sub-type may also be a plain security type."""
        yield from self._agree_on_version(leg)
        offered = yield from self._read_offer(leg)
        scheme = choose(offered, self._schemes, leg.policy, leg.login, inside=True)
        leg.names.append(scheme.title)
        leg.stream.write(U32.pack(scheme.number))
        yield from scheme.run(leg)

    def _agree_on_version(self, leg: Leg) -> Steps[None]:
        """0.1 is another protocol, and no longer in use."""
        version = yield from leg.stream.read_exact(2)
        if version < _VERSION:
            raise TargetProtocolError(f"The desktop speaks VeNCrypt {version[0]}.{version[1]}; 0.2 is needed.")
        leg.stream.write(_VERSION)
        if (yield from leg.stream.read_exact(1)) != _ACCEPTED:
            raise TargetProtocolError("The desktop does not agree on VeNCrypt 0.2.")

    def _read_offer(self, leg: Leg) -> Steps[list[int]]:
        """Read the sub-types; a U8 counts them, so 1020 bytes are the limit."""
        (count,) = yield from leg.stream.read_exact(1)
        offered = yield from leg.stream.read_exact(U32.size * count)
        return [number for (number,) in U32.iter_unpack(offered)]


class InsideTLS(Scheme):
    """A VeNCrypt sub-type: TLS first, then another scheme inside it.

    Args:
        number: of the sub-type.
        inner: the scheme inside.
        anonymous: nobody shows a certificate (the TLS… sub-types), or the server does (the X509… ones).
    """

    encrypts = True

    def __init__(self, number: int, inner: Scheme, *, anonymous: bool) -> None:
        self.number = number
        self.needs = inner.needs
        self.wants_proof = inner.wants_proof
        self.reveals = inner.reveals
        self.proof = Proof.NOTHING if anonymous else Proof.CERTIFICATE
        self._inner = inner

    def run(self, leg: Leg) -> Steps[None]:
        """Wait until the caller has made the leg TLS, compare the pin, log in."""
        if (yield from leg.stream.read_exact(1)) != _TLS_FOLLOWS:
            raise TargetProtocolError("The desktop offers TLS, but cannot do it.", detail=self.title)
        yield from self._start_tls(leg)
        yield from self._inner.run(leg)

    def _start_tls(self, leg: Leg) -> Steps[None]:
        """Pause for TLS. Bytes that come before it are unauthenticated: they could pass as the server's later."""
        pin = leg.policy.certificate_sha256
        leg.ask_for_tls(TLSRequest(anonymous=self.proof is Proof.NOTHING, pinned=pin is not None))
        while leg.needs_tls is not None:
            if leg.stream.unread:
                raise TargetProtocolError("The desktop sent something ahead of TLS.", detail=self.title)
            if leg.stream.eof:
                raise EOFError
            yield
        shown = hashlib.sha256(leg.certificate or b"").digest()
        if pin is not None and pin != shown:
            raise TargetProtocolError(
                "The desktop shows another certificate than the one that is pinned for it.",
                detail=f"it shows SHA-256 {shown.hex()}",
            )
