"""Every error of the package, in one tree.

An error is data: it keeps what happened and writes its own sentences. ``str(error)`` is what a *person at the browser*
may read: never an address, a credential or more than 200 escaped characters of a server's text. ``error.detail`` is for
the log. ``http_status`` and ``close_code`` say how it leaves the process, so that no handler needs a table of its own::

    VNCError                    500  1011
    ├── ConfigError             500  1011   a target or option in Jupyter's config is wrong
    ├── MalformedRequest        400  4400   the request is not what the contract says
    │   ├── BodyTooLarge        413  4400   its body is too long
    │   └── InvalidTarget       400  4400   keys of a target are wrong; says which
    ├── NotPermitted            403  4403   not permitted, or no longer
    │   ├── LoginExpired        403  4401   the login that opened the session is gone
    │   ├── OriginRefused       403  4403   the page has a different origin than the server
    │   └── TokenRefused        403  4403   unknown, spent, expired or somebody else's token
    ├── TargetNotFound          404  4404   unknown, or not permitted: one answer for both
    │   └── TargetUncertain     404  4404   a source of targets failed, so it may be there
    │       └── ServerAway      503  4502   it is in a user's server that is not connected now
    ├── InMaintenance           409  4502   nobody new gets the target at present
    ├── TargetBusy              409  4409   exclusive target in use, or taken over
    ├── NameTaken               409  1011   a registered target of this name exists
    ├── EditConflict            412  1011   somebody else has changed what is being edited
    ├── LimitExceeded           429  4429   which limit, and when to try again
    ├── StoreUnavailable        503  1013   the token store or the database is down
    ├── SessionEnded            410  4410   ended by somebody or by a rule: the sentence names them
    ├── MachineMoved            503  4411   its machine is gone or failed, the user gets another one
    ├── ServerStopping          503  1001   this server is shutting down
    ├── ViewerError             400  4400   the viewer leg broke the protocol
    ├── Stalled                 504  4408   a peer made no progress in time
    └── TargetError             502  4502   the target leg failed
        ├── TargetUnreachable   502  4502   refused, no such host, timed out, socket missing
        ├── TargetRefused       502  4503   our credentials were refused
        ├── TargetProtocolError 502  4504   not RFB, or no security type in common
        └── DesktopFailed       502  4505   a managed desktop did not start
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from .close_codes import CloseCode
from .escaping import printable, quote_remote


class VNCError(Exception):
    """Base of all errors: a sentence for a person, a detail for the log.

    Args:
        message: what the person at the browser reads. Never an address, never a credential.
        detail: what the log gets in addition; empty if the message is complete.
    """

    http_status: ClassVar[int] = 500
    close_code: ClassVar[CloseCode] = CloseCode.INTERNAL_ERROR
    #: Machine-readable class of the error, for REST clients (the ``reason`` of a JSON error).
    reason: ClassVar[str] = "error"

    def __init__(self, message: str = "", *, detail: str = "") -> None:
        super().__init__(message)
        # Both may quote text of others, and appear in log lines and close reasons.
        self.message = printable(message) or (type(self).__doc__ or "").splitlines()[0]
        self.detail = printable(detail)

    def __str__(self) -> str:
        return self.message

    @property
    def log_line(self) -> str:
        """The message with its detail, for the log only."""
        return f"{self.message} ({self.detail})" if self.detail else self.message


class ConfigError(VNCError):
    """The configuration is wrong; names the target (if any) and the key."""

    reason = "config"

    def __init__(self, message: str, *, target: str = "", key: str = "") -> None:
        super().__init__(message)
        self.target = target
        self.key = key

    def __str__(self) -> str:
        where = [f"target {self.target!r}" if self.target else "", f"key {self.key!r}" if self.key else ""]
        return ", ".join(filter(None, where)) + (": " if any(where) else "") + self.message


class MalformedRequest(VNCError):
    """The request is malformed."""

    http_status = 400
    close_code = CloseCode.VIEWER_PROTOCOL
    reason = "malformed"


class BodyTooLarge(MalformedRequest):
    """The request's body is too large."""

    http_status = 413
    reason = "too_large"


class InvalidTarget(MalformedRequest):
    """Keys of the target are wrong.

    Args:
        errors: what is wrong, by key; the empty key for the target as a whole.
    """

    reason = "invalid"

    def __init__(self, errors: Mapping[str, str]) -> None:
        self.errors = {printable(key): printable(sentence) for key, sentence in errors.items()}
        super().__init__("; ".join(f"{key} {said}" if key else said for key, said in self.errors.items()) + ".")


class NotPermitted(VNCError):
    """You are not permitted to do this."""

    http_status = 403
    close_code = CloseCode.NOT_PERMITTED
    reason = "not_permitted"


class LoginExpired(NotPermitted):
    """Your login has expired. Log in again."""

    close_code = CloseCode.LOGIN_EXPIRED
    reason = "login_expired"


class OriginRefused(NotPermitted):
    """The page's ``Origin`` is another one than the server's ``Host``: another site's, or a proxy changes ``Host``."""

    reason = "origin"

    def __init__(self, host: str, origin: str) -> None:
        self.host, self.origin = quote_remote(host), quote_remote(origin)
        super().__init__(
            f"The page is at {self.origin}, and the server was asked as {self.host}. If both are this server, a proxy "
            "in between changes the Host header: let it pass it on (nginx: proxy_set_header Host $http_host;), or set "
            f'allow_origin to "{self.origin}" in the configuration of the server.'
        )


class TokenRefused(NotPermitted):
    """This token cannot be used."""

    reason = "token_refused"


class TargetNotFound(VNCError):
    """There is no such desktop, or you may not use it."""

    http_status = 404
    close_code = CloseCode.TARGET_GONE
    reason = "not_found"


class TargetUncertain(TargetNotFound):
    """There is no such desktop, or you may not use it.

    A source of targets failed, so this may be wrong: who asks for a session is told the same, and running ones go on.
    """

    reason = "source_failed"


class ServerAway(TargetUncertain):
    """The server of this desktop is not connected at present. Try again in a moment."""

    http_status = 503
    close_code = CloseCode.UNREACHABLE
    reason = "server_away"


class TargetBusy(VNCError):
    """Another viewer uses this desktop."""

    http_status = 409
    close_code = CloseCode.TAKEN_OVER
    reason = "busy"


class InMaintenance(VNCError):
    """This desktop is in maintenance. Try again later."""

    http_status = 409
    close_code = CloseCode.UNREACHABLE
    reason = "maintenance"


class NameTaken(VNCError):
    """There is a target of this name already."""

    http_status = 409
    reason = "name_taken"


class EditConflict(VNCError):
    """Somebody has changed this target meanwhile. Look at what it is now, and change it again."""

    http_status = 412
    reason = "changed"


class LimitExceeded(VNCError):
    """A limit is reached; ``retry_after`` is in seconds."""

    http_status = 429
    close_code = CloseCode.LIMIT
    reason = "limit"

    def __init__(self, message: str, *, retry_after: float = 1.0, detail: str = "") -> None:
        super().__init__(message, detail=detail)
        self.retry_after = retry_after


class StoreUnavailable(VNCError):
    """The token store does not answer. Try again in a moment."""

    http_status = 503
    close_code = CloseCode.TRY_AGAIN_LATER
    reason = "store_unavailable"


class SessionEnded(VNCError):
    """This session was ended."""

    http_status = 410
    close_code = CloseCode.ENDED
    reason = "ended"


class MachineMoved(VNCError):
    """You get another machine."""

    http_status = 503
    close_code = CloseCode.MOVED
    reason = "moved"


class ServerStopping(VNCError):
    """The server is shutting down."""

    http_status = 503
    close_code = CloseCode.GOING_AWAY
    reason = "stopping"


class ViewerError(VNCError):
    """The viewer did not keep to the protocol."""

    http_status = 400
    close_code = CloseCode.VIEWER_PROTOCOL
    reason = "viewer"


class Stalled(VNCError):
    """The connection made no progress for too long."""

    http_status = 504
    close_code = CloseCode.STALLED
    reason = "stalled"


class TargetError(VNCError):
    """The connection to the desktop failed."""

    http_status = 502
    close_code = CloseCode.UNREACHABLE
    reason = "target"


class TargetUnreachable(TargetError):
    """The desktop cannot be reached."""

    reason = "unreachable"


class TargetRefused(TargetError):
    """The desktop refused the credentials that are configured for it. Tell your administrator."""

    close_code = CloseCode.CREDENTIALS_REFUSED
    reason = "credentials_refused"


class TargetProtocolError(TargetError):
    """The desktop does not speak the protocol that we expected."""

    close_code = CloseCode.NOT_RFB
    reason = "not_rfb"


class DesktopFailed(TargetError):
    """The desktop failed to start."""

    close_code = CloseCode.DESKTOP_FAILED
    reason = "desktop_failed"
