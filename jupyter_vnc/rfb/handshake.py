"""Both handshakes: we are the server of the viewer leg and the viewer of the target leg.

Theory of operation (RFC 6143 section 7.1)::

    viewer                 ViewerHandshake   TargetHandshake                      VNC server
      │ ◀── RFB 003.008 ─────────┤                 │ ◀─────── RFB 003.00x ────────────┤
      │ ◀── 1 type: None ────────┤                 ├──── RFB 003.00y (y <= x) ───────▶│
      ├─── RFB 003.008 ─────────▶│                 │ ◀─────── types, or one U32 ──────┤
      ├─── None ────────────────▶│                 ├──── our choice ─────────────────▶│
      │                    waiting = True          │ ◀═══════ its login ═════════════▶│
      │                          │                 │ ◀─────── SecurityResult ─────────┤
      │                          │               done, then: client_init(shared) ────▶│
      │                          │                 │ ◀─────── ServerInit ─────────────┤
      │ ◀── SecurityResult ──── accept(ServerInit) │
      │ ◀── ServerInit ──────────┤
      ├─── ClientInit ──────────▶│
                               done

The two never meet here. The viewer is told that it is logged in only when the target leg is through, so a page
can learn nothing of that login: neither its bytes nor its timing. The caller writes the shared byte, whatever
a viewer's ClientInit asks for, since a viewer must not be able to disconnect the others.

A viewer has no choice in any of this, so it is told everything without being waited for: it reads in order, and far
away it has its first picture three round trips sooner. What it says is checked all the same, in the same order.
"""

from __future__ import annotations

import re
from typing import Final

from jupyter_vnc.escaping import quote_remote
from jupyter_vnc.exceptions import TargetProtocolError, TargetRefused, TargetUnreachable, ViewerError, VNCError

from .security import SCHEMES, Leg, Login, Scheme, SecurityPolicy, TLSRequest, Transform, choose
from .stream import Conversation, Steps, Stream
from .wire import MAX_REASON, U32, VERSION_3_8, VERSION_LENGTH, SecurityResult, SecurityType, security_name

_VERSION: Final = re.compile(rb"RFB (\d{3})\.(\d{3})\n")
_MAGIC: Final = b"RFB "


def client_init(*, shared: bool) -> bytes:
    """Return ClientInit (RFC 6143 section 7.3.1).

    Args:
        shared: leave the other viewers connected; without it a server disconnects them all.
    """
    return bytes([shared])


class ViewerHandshake(Conversation):
    """We are the server: RFB 3.8 and the single security type None.

    The login of the person behind the viewer was Jupyter's business, before the first byte.

    Attributes:
        waiting: the viewer has done its part and waits for :meth:`accept`.
    """

    fault = ViewerError

    def __init__(self) -> None:
        self.waiting = False
        self._accepted = False
        super().__init__(Stream())

    def accept(self, server_init: bytes = b"") -> None:
        """Let the viewer in, at any time, even before :attr:`waiting`. It is :attr:`done` when it has answered.

        Only the first call counts, and a viewer that has failed gets nothing more.

        Args:
            server_init: what the desktop has said already; it follows at once.
        """
        if not self._accepted and self.exc is None:
            self._accepted = True
            self._stream.write(U32.pack(SecurityResult.OK) + server_init)
        self._advance()

    def _run(self) -> Steps[None]:
        self._stream.write(VERSION_3_8 + bytes([1, SecurityType.NONE]))
        yield from self._agree()
        yield from self._wait()
        yield from self._stream.read_exact(1)

    def _agree(self) -> Steps[None]:
        """Version and security type: there is one of each (RFC 6143 sections 7.1.1 and 7.1.2)."""
        version = yield from self._stream.read_exact(VERSION_LENGTH)
        if version != VERSION_3_8:
            raise ViewerError("The viewer does not speak RFB 3.8.", detail=quote_remote(version))
        (chosen,) = yield from self._stream.read_exact(1)
        if chosen != SecurityType.NONE:
            raise ViewerError("The viewer chose a security type that was not offered.", detail=f"type {chosen}")

    def _wait(self) -> Steps[None]:
        """Wait until the viewer may come in (RFC 6143 section 7.1.3)."""
        self.waiting = True
        while not self._accepted:
            if self._stream.eof:
                raise EOFError
            yield
        self.waiting = False

    def _closed_early(self) -> VNCError:
        return ViewerError("The viewer left during the handshake.")


class TargetHandshake(Conversation):
    """We are the viewer: agree on a version and log in, through the SecurityResult.

    What to do with it, after each call of :meth:`receive_data`: write :meth:`data_to_send`; when
    :attr:`needs_tls` is set, make the connection TLS and call :meth:`tls_established`; when :attr:`exc` is set,
    close; when :attr:`done`, go on with :func:`client_init`. From then on :attr:`transform`, if there is one,
    encrypts and decrypts everything (:meth:`leftover` is already decrypted).

    Args:
        login: what to log in with.
        policy: which security types may be used.

    Attributes:
        version: what is spoken: ``"3.3"``, ``"3.7"`` or ``"3.8"``; empty until it is known.

    Errors in :attr:`exc`: :class:`.TargetUnreachable` (closed early, or refused for now: worth another try),
    :class:`.TargetRefused` (our login is wrong), :class:`.TargetProtocolError` (not RFB, no security type in
    common, a length out of range, not the server that is pinned).
    """

    fault = TargetProtocolError

    def __init__(self, login: Login, policy: SecurityPolicy) -> None:
        self.version = ""
        self._leg = Leg(login, policy)
        super().__init__(self._leg.stream)

    @property
    def security(self) -> str:
        """What the login went through, for logs: ``"VNC (2)"``, ``"VeNCrypt (19), X509Vnc (261)"``."""
        return ", ".join(self._leg.names)

    @property
    def needs_tls(self) -> TLSRequest | None:
        """The TLS that the handshake waits for. Send :meth:`data_to_send` first."""
        return self._leg.needs_tls

    @property
    def transform(self) -> Transform | None:
        """The encryption to apply to everything after the handshake, if the scheme brings its own."""
        return self._leg.transform

    @property
    def extended_server_init(self) -> bool:
        """ServerInit will have Tight's capabilities at its end: pass it through :class:`.TightServerInit`."""
        return self._leg.tight

    @property
    def login_sent(self) -> bool:
        """A password, or a proof of it, was sent."""
        return self._leg.login_sent

    @property
    def server_key_sha256(self) -> bytes | None:
        """What to pin for this server, if it has shown an RA2 key."""
        return self._leg.server_key_sha256

    def tls_established(self, certificate: bytes | None) -> None:
        """Go on: the connection is TLS now.

        Args:
            certificate: the server's, as DER; None if TLS is anonymous.
        """
        self._leg.certificate = certificate
        self._leg.needs_tls = None
        self._advance()

    def _feed(self, data: bytes) -> None:
        """Decrypt what comes behind a login that brings its own encryption."""
        transform = self._leg.transform
        self._stream.feed(transform.decrypt(data) if transform else data)

    def _run(self) -> Steps[None]:
        self.version = yield from self._agree_on_version()
        scheme = yield from (self._told_type() if self.version == "3.3" else self._chosen_type())
        self._leg.names.append(scheme.title)
        yield from scheme.run(self._leg)
        if self._leg.confirmed or self.version == "3.8":
            yield from self._read_result()

    def _agree_on_version(self) -> Steps[str]:
        """Read the server's version and answer with ours (RFC 6143 section 7.1.1)."""
        start = yield from self._stream.read_exact(len(_MAGIC))
        if start != _MAGIC:
            raise TargetProtocolError(
                "The desktop's address does not speak VNC.", detail=f"it says {quote_remote(start)}"
            )
        rest = yield from self._stream.read_exact(VERSION_LENGTH - len(_MAGIC))
        version = speak(start + rest)
        self._stream.write(f"RFB 003.00{version[-1]}\n".encode())
        return version

    def _told_type(self) -> Steps[Scheme]:
        """RFB 3.3: the server decides, with one U32 (RFC 6143 appendix A)."""
        (number,) = U32.unpack((yield from self._stream.read_exact(U32.size)))
        if number == SecurityType.INVALID:
            yield from self._read_refusal()
        if number not in {SecurityType.NONE, SecurityType.VNC}:
            raise TargetProtocolError(f"The desktop insists on {security_name(number)}, which RFB 3.3 does not have.")
        return choose([number], SCHEMES, self._leg.policy, self._leg.login)

    def _chosen_type(self) -> Steps[Scheme]:
        """RFB 3.7 and 3.8: the server lists, we choose (RFC 6143 section 7.1.2)."""
        (count,) = yield from self._stream.read_exact(1)
        if count == 0:
            yield from self._read_refusal()
        offered = yield from self._stream.read_exact(count)
        scheme = choose(dict.fromkeys(offered), SCHEMES, self._leg.policy, self._leg.login)
        self._stream.write(bytes([scheme.number]))
        return scheme

    def _read_refusal(self) -> Steps[None]:
        """Read why the server refuses everybody now: too many failures, too many viewers.

        A TigerVNC that has blacklisted our address says so in 3.3, whatever it spoke before.
        """
        reason = yield from self._read_reason()
        raise TargetUnreachable(f"The desktop turns connections away for now: {reason}.")

    def _read_result(self) -> Steps[None]:
        """Read the SecurityResult (RFC 6143 section 7.1.3)."""
        (result,) = U32.unpack((yield from self._stream.read_exact(U32.size)))
        if result == SecurityResult.OK:
            return
        reason = (yield from self._read_reason()) if self.version == "3.8" else "no reason given"
        if result == SecurityResult.TOO_MANY:
            raise TargetUnreachable(f"The desktop has seen too many failed logins: {reason}.")
        raise TargetRefused(
            f"The desktop refused the login that is configured for it: {reason}.",
            detail=f"{self.security}, result {result}",
        )

    def _read_reason(self) -> Steps[str]:
        """Read a reason text: a line, whatever length the server claims for it."""
        (length,) = U32.unpack((yield from self._stream.read_exact(U32.size)))
        text = yield from self._stream.read_at_most(min(length, MAX_REASON))
        return quote_remote(text).rstrip(".") or "no reason given"

    def _closed_early(self) -> VNCError:
        if self._leg.login_sent:
            return TargetRefused("The desktop closed the connection instead of answering the login.")
        return TargetUnreachable("The desktop closed the connection during the handshake.")


def speak(announced: bytes) -> str:
    """Return the RFB version to speak with a server that announces this one.

    Real servers announce numbers that never were versions: 3.4 to 3.6 (UltraVNC and others) mean 3.3; 3.889
    (Apple), 4.0 (Intel AMT), 4.1 and 5.0 (RealVNC) mean 3.8. Integers are compared, never fractions.

    Raises:
        TargetProtocolError: not RFB, older than 3.3, or a repeater, which is not a desktop.
    """
    match = _VERSION.fullmatch(announced)
    if match is None:
        raise TargetProtocolError("The desktop does not speak RFB.", detail=f"it says {quote_remote(announced)}")
    version = int(match[1]), int(match[2])
    if version == (0, 0):
        raise TargetProtocolError("The desktop's address is that of an UltraVNC repeater, not of a desktop.")
    if version < (3, 3):
        raise TargetProtocolError(
            f"The desktop speaks RFB {version[0]}.{version[1]}; 3.3 is the oldest that is supported."
        )
    return "3.3" if version < (3, 7) else "3.7" if version == (3, 7) else "3.8"
