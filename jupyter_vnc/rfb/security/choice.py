"""Which scheme is used with a server: our order, our conditions, and the sentence when nothing is left."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from jupyter_vnc.exceptions import TargetProtocolError
from jupyter_vnc.rfb.wire import SecurityType, security_name

from .policy import Login, SecurityPolicy
from .scheme import Needs, Proof, Scheme

#: How many types a sentence, or a line of the log, lists.
_LISTED: Final = 6

Hindrance = Callable[[Scheme, SecurityPolicy, Login], bool]


def choose(
    offered: Collection[int],
    schemes: Mapping[int, Scheme],
    policy: SecurityPolicy,
    login: Login,
    *,
    inside: bool = False,
) -> Scheme:
    """Return the scheme to use with a server that offers these types: the first of *our* order.

    Args:
        offered: as the server lists them, unknown types among them.
        schemes: those that we support.
        policy: order and conditions.
        login: what there is to log in with.
        inside: the list is that of a wrapper, so it names sub-types; in a server's first list VeNCrypt
            stands for all of its own, and which of them there are comes only after it was chosen.

    Raises:
        TargetProtocolError: none of them may be used. The sentence names them and what can be done.
    """
    stand_in = {number: number if inside else _outer(number) for number in policy.order}
    reasons = {
        number: hindrance(schemes[number], policy, login, inside=inside)
        for number in policy.order
        if stand_in[number] in offered
    }
    for number, reason in reasons.items():
        if not reason:
            return schemes[stand_in[number]]
    raise _refusal(offered, reasons)


def _refusal(offered: Collection[int], reasons: Mapping[int, str]) -> TargetProtocolError:
    """Return the error for a server none of whose types may be used: what would help most, and what it offers.

    A browser gets 123 bytes at most (a close frame's), so the remedy comes first.
    """
    listed = _some([security_name(number) for number in offered]) or "nothing"
    sentences = [f"{security_name(number)}: {reason}" for number, reason in reasons.items()]
    if not sentences:
        advice = "Let it offer VNC authentication, or look at the target's TLS settings"
        return TargetProtocolError(f"Cannot log in: the desktop offers {listed}. {advice}.")
    return TargetProtocolError(
        f"Cannot log in with {sentences[0]}. The desktop offers {listed}.",
        detail=_some(sentences[1:], "; "),
    )


def hindrance(scheme: Scheme, policy: SecurityPolicy, login: Login, *, inside: bool = False) -> str:
    """Return why a scheme may not be used; empty when it may."""
    if scheme.wrapper:
        return "it cannot be inside another" if inside else ""
    return next((why for holds, why in _HINDRANCES if holds(scheme, policy, login)), "")


def _outer(number: int) -> int:
    """Return what stands in a server's first list, whose entries are one byte, for this type."""
    return SecurityType.VENCRYPT if number >= SecurityType.PLAIN else number


def _some(names: Sequence[str], separator: str = ", ") -> str:
    """Return the first of these, and how many more there are."""
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return separator.join(names[:_LISTED]) + more


def _lacks_password(scheme: Scheme, policy: SecurityPolicy, login: Login) -> bool:
    return Needs.PASSWORD in scheme.needs and not login.password


def _lacks_username(scheme: Scheme, policy: SecurityPolicy, login: Login) -> bool:
    return Needs.USERNAME in scheme.needs and not login.username


def _loses_username(scheme: Scheme, policy: SecurityPolicy, login: Login) -> bool:
    """VNC authentication, inside TLS or not; RA2 carries a user name if the server asks for it."""
    return scheme.needs is Needs.PASSWORD and scheme.proof is not Proof.KEY and bool(login.username)


def _lacks_encryption(scheme: Scheme, policy: SecurityPolicy, login: Login) -> bool:
    return policy.require_encryption and not scheme.encrypts


def _lacks_verification(scheme: Scheme, policy: SecurityPolicy, login: Login) -> bool:
    return policy.require_verified and _is_unverified(scheme, policy)


def _shows_no_pin(scheme: Scheme, policy: SecurityPolicy, login: Login) -> bool:
    """A pin is set, but not of the kind that this scheme shows."""
    pins = {Proof.CERTIFICATE: policy.certificate_sha256, Proof.KEY: policy.server_key_sha256}
    return policy.pinned and pins.get(scheme.proof) is None


def _lacks_login(scheme: Scheme, policy: SecurityPolicy, login: Login) -> bool:
    nothing = scheme.needs is Needs.NOTHING and scheme.proof is Proof.NOTHING
    return nothing and not policy.allow_none


def _is_anonymous(scheme: Scheme, policy: SecurityPolicy, login: Login) -> bool:
    return scheme.encrypts and scheme.proof is Proof.NOTHING and not policy.allow_anonymous_tls


def _is_clear(scheme: Scheme, policy: SecurityPolicy, login: Login) -> bool:
    return scheme.clear and not policy.allow_plain


def _hands_over_password(scheme: Scheme, policy: SecurityPolicy, login: Login) -> bool:
    trusting = policy.allow_unverified or scheme.clear
    return scheme.wants_proof and not trusting and _is_unverified(scheme, policy)


def _meets_stranger(scheme: Scheme, policy: SecurityPolicy, login: Login) -> bool:
    return policy.stranger and not policy.allow_unverified and scheme.reveals and _is_unverified(scheme, policy)


def _is_unverified(scheme: Scheme, policy: SecurityPolicy) -> bool:
    """Nothing would verify the server: no certificate, and no key that is pinned."""
    if scheme.proof is Proof.KEY:
        return policy.server_key_sha256 is None
    return scheme.proof is Proof.NOTHING


#: Why a scheme may not be used, and what an admin can do about it; the first that holds is reported.
_HINDRANCES: Final[tuple[tuple[Hindrance, str], ...]] = (
    (_lacks_password, "it needs a password, and none is configured"),
    (_lacks_username, "it needs a user name, and none is configured"),
    (_loses_username, "it has no user names, and one is configured"),
    (_lacks_encryption, "it does not encrypt, and encryption is required"),
    (_lacks_verification, "it does not verify the desktop, and that is required"),
    (_shows_no_pin, "it does not show the certificate or key that is pinned"),
    (_lacks_login, "it asks for no login; set a password on the desktop, or allow it for this target"),
    (_is_anonymous, "nothing verifies the desktop; give it a certificate, or allow this for the target"),
    (_is_clear, "it sends the password in clear, which is for Unix sockets only"),
    (_meets_stranger, "it gives away the password, and the port may be another account's; see port_owner"),
    (_hands_over_password, "it gives away the password, and nothing verifies the desktop; pin its key"),
)
