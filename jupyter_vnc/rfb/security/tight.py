"""Tight, security type 16: a wrapper that TightVNC and TurboVNC put around other schemes (rfbproto, "Tight").

It changes ServerInit as well, which our viewer never asked for: :class:`TightServerInit` makes it ordinary again.
"""

from __future__ import annotations

from collections.abc import Mapping

from jupyter_vnc.exceptions import TargetProtocolError
from jupyter_vnc.rfb.server_init import ServerInit
from jupyter_vnc.rfb.stream import Steps
from jupyter_vnc.rfb.wire import MAX_SUBTYPES, U16, U32, SecurityType

from .choice import choose
from .scheme import Leg, Scheme

#: A capability: code, vendor, signature; all three must match.
_CAPABILITY = 16
_NO_TUNNEL = U32.pack(0) + b"TGHTNOTUNNEL"
_LOGINS: Mapping[bytes, int] = {
    U32.pack(1) + b"STDVNOAUTH__": SecurityType.NONE,
    U32.pack(2) + b"STDVVNCAUTH_": SecurityType.VNC,
    # Unix login sends the same as VeNCrypt's Plain: user name and password in clear.
    U32.pack(129) + b"TGHTULGNAUTH": SecurityType.PLAIN,
}


class Tight(Scheme):
    """Agrees on no tunnel, chooses a login, and runs that.

    Args:
        schemes: where to find the logins, by security type.
    """

    number = SecurityType.TIGHT
    wrapper = True

    def __init__(self, schemes: Mapping[int, Scheme]) -> None:
        self._schemes = schemes

    def run(self, leg: Leg) -> Steps[None]:
        """Choose among the logins by our order."""
        leg.tight = True
        yield from self._choose_tunnel(leg)
        offered = yield from self._read_capabilities(leg)
        codes = {_LOGINS.get(capability, -1): capability[: U32.size] for capability in offered}
        # A server that lists no login requires none.
        scheme = choose(codes or [SecurityType.NONE], self._schemes, leg.policy, leg.login, inside=True)
        leg.names.append(scheme.title)
        leg.stream.write(codes.get(scheme.number, b""))
        yield from scheme.run(leg)

    def _choose_tunnel(self, leg: Leg) -> Steps[None]:
        """Decline tunnels; none was ever registered."""
        tunnels = yield from self._read_capabilities(leg)
        if not tunnels:
            return
        if _NO_TUNNEL not in tunnels:
            raise TargetProtocolError("The desktop insists on a tunnel (Tight), which is not supported.")
        leg.stream.write(_NO_TUNNEL[: U32.size])

    def _read_capabilities(self, leg: Leg) -> Steps[list[bytes]]:
        """Read a list of capabilities."""
        (count,) = U32.unpack((yield from leg.stream.read_exact(U32.size)))
        if count > MAX_SUBTYPES:
            raise TargetProtocolError("The desktop lists too many capabilities.", detail=f"Tight, {count}")
        data = yield from leg.stream.read_exact(_CAPABILITY * count)
        return [data[start : start + _CAPABILITY] for start in range(0, len(data), _CAPABILITY)]


class TightServerInit(ServerInit):
    """Reads the ServerInit of a server that Tight has extended, and leaves out what RFC 6143 does not know."""

    #: Counts of server messages, client messages and encodings, and two bytes of padding.
    _COUNTS = 8

    def _read(self) -> Steps[bytes]:
        message = yield from super()._read()
        counts = yield from self._stream.read_exact(self._COUNTS)
        for position in range(0, 3 * U16.size, U16.size):
            yield from self._stream.skip(U16.unpack_from(counts, position)[0] * _CAPABILITY)
        return message
