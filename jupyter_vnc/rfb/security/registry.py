"""Which scheme is used with a server: our order, our conditions, and the sentence when nothing is left."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Final

from jupyter_vnc.exceptions import TargetProtocolError
from jupyter_vnc.rfb.security.basic import NoAuthentication, VNCAuthentication
from jupyter_vnc.rfb.security.policy import Login, SecurityPolicy
from jupyter_vnc.rfb.security.scheme import Needs, Proof, Scheme
from jupyter_vnc.rfb.wire import SecurityType, security_name

#: Every scheme that we can play, by number.
SCHEMES: Final[dict[int, Scheme]] = {scheme.number: scheme for scheme in (NoAuthentication(), VNCAuthentication())}

#: How many types a sentence lists.
_LISTED = 6

Hindrance = Callable[[Scheme, SecurityPolicy, Login], bool]


def _is_unverified(scheme: Scheme, policy: SecurityPolicy) -> bool:
    """Nothing would verify the server: no certificate, and no key that is pinned."""
    if scheme.proof is Proof.KEY:
        return policy.server_key_sha256 is None
    return scheme.proof is Proof.NOTHING


def _is_not_the_pinned(scheme: Scheme, policy: SecurityPolicy) -> bool:
    """A pin is set, but not of the kind that this scheme shows."""
    pins = {Proof.CERTIFICATE: policy.certificate_sha256, Proof.KEY: policy.server_key_sha256}
    return policy.pinned and pins.get(scheme.proof) is None


#: Why a scheme that we can play may not be used, and what an admin can do about it; the first that holds.
_HINDRANCES: Final[tuple[tuple[Hindrance, str], ...]] = (
    (
        lambda scheme, policy, login: scheme.number not in policy.order,
        "the configuration leaves it out",
    ),
    (
        lambda scheme, policy, login: bool(scheme.needs & Needs.PASSWORD) and not login.password,
        "it needs a password, and none is configured",
    ),
    (
        lambda scheme, policy, login: bool(scheme.needs & Needs.USERNAME) and not login.username,
        "it needs a user name, and none is configured",
    ),
    (
        lambda scheme, policy, login: (
            scheme.needs is Needs.PASSWORD and not scheme.wants_proof and bool(login.username)
        ),
        "it carries no user name, and one is configured",
    ),
    (
        lambda scheme, policy, login: policy.require_encryption and not scheme.encrypts,
        "it does not encrypt, and encryption is required",
    ),
    (
        lambda scheme, policy, login: policy.require_verified and _is_unverified(scheme, policy),
        "it does not verify the desktop, and that is required",
    ),
    (
        lambda scheme, policy, login: _is_not_the_pinned(scheme, policy),
        "it does not show the certificate or key that is pinned",
    ),
    (
        lambda scheme, policy, login: (
            scheme.needs is Needs.NOTHING and scheme.proof is Proof.NOTHING and not policy.allow_none
        ),
        "it asks for no login: set a password on the desktop, or allow it for this target",
    ),
    (
        lambda scheme, policy, login: (
            scheme.encrypts and scheme.proof is Proof.NOTHING and not policy.allow_anonymous_tls
        ),
        "it verifies nobody: give the desktop a certificate, or allow it for this target",
    ),
    (
        lambda scheme, policy, login: scheme.clear and not policy.allow_plain,
        "it sends the password in clear: allow it for this target if nobody can listen",
    ),
    (
        lambda scheme, policy, login: (
            scheme.wants_proof and not scheme.clear and not policy.allow_unverified and _is_unverified(scheme, policy)
        ),
        "it hands over the password, and nothing verifies the desktop: pin its key or certificate",
    ),
)


def hindrance(number: int, policy: SecurityPolicy, login: Login) -> str:
    """Return why a security type may not be used, or an empty string when it may."""
    scheme = SCHEMES.get(number)
    if scheme is None:
        return "it is not supported"
    return next((why for holds, why in _HINDRANCES if holds(scheme, policy, login)), "")


def outer_type(number: int) -> int:
    """Return the security type that stands in a server's first list for this scheme (a U8 there)."""
    return SecurityType.VENCRYPT if number >= SecurityType.PLAIN else number


def choose(offered: Collection[int], policy: SecurityPolicy, login: Login) -> Scheme:
    """Return the scheme to use with a server that offers these types: the first of *our* order.

    For a VeNCrypt sub-type the answer is the scheme that we hope for; its list comes later.

    Raises:
        TargetProtocolError: none of them may be used. The sentence names them and what can be done.
    """
    for number in policy.order:
        if outer_type(number) in offered and not hindrance(number, policy, login):
            return SCHEMES[number]
    raise TargetProtocolError(_nothing_in_common(offered, policy, login), detail=_reasons(offered, policy, login))


def _nothing_in_common(offered: Collection[int], policy: SecurityPolicy, login: Login) -> str:
    """The sentence for a person: what is offered, and the one thing that would help most."""
    listed = ", ".join(security_name(number) for number in list(offered)[:_LISTED])
    more = f" and {len(offered) - _LISTED} more" if len(offered) > _LISTED else ""
    best = next((number for number in policy.order if number in offered), None)
    advice = (
        f"{security_name(best)} cannot be used: {hindrance(best, policy, login)}."
        if best is not None
        else "Enable VNC authentication or VeNCrypt on it."
    )
    return f"There is no way to log in to the desktop. It offers {listed}{more}. {advice}"


def _reasons(offered: Iterable[int], policy: SecurityPolicy, login: Login) -> str:
    """Why each offered type that we can play may not be used, for the log."""
    known = [number for number in offered if number in SCHEMES]
    return "; ".join(f"{security_name(number)}: {hindrance(number, policy, login)}" for number in known)
