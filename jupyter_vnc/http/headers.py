"""Security headers of responses: the host's policy applies, and ours only makes it stricter.

A host (Jupyter Server, JupyterHub, its administrator) has a Content-Security-Policy of its own. Ours is joined to it so
that both hold (Content Security Policy Level 3, section 8.1): as one policy where that says exactly the same, and as
several in one header, joined by commas, where it does not. Nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

#: A policy: each directive's name, in lower case, with its values.
Policy = dict[str, tuple[str, ...]]

#: Headers of each response. Each value is the strictest possible, so it may replace any of the host's.
ALWAYS: Final = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

#: For responses that are not pages: if somebody frames them as a document, they load and run nothing.
DATA_POLICY: Final = "default-src 'none'; base-uri 'none'; form-action 'none'"

#: For an administrator's pictures: an SVG that is opened as a document has no origin and runs no scripts.
PICTURE_POLICY: Final = f"{DATA_POLICY}; style-src 'unsafe-inline'; sandbox"

#: For pages: nothing but our own files, no inline script or style.
PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'"
)

#: Who may frame, in a policy.
ANCESTORS: Final = "frame-ancestors"
_NONE: Final = ("'none'",)
_SELF: Final = ("'self'",)

#: What ``X-Frame-Options`` stands for, as it does for browsers (HTML, section 7.4.1 of the living standard).
_FRAME_OPTIONS: Final = {"deny": _NONE, "sameorigin": _SELF}

#: Directives whose only fallback is ``default-src``.
_FETCH: Final = frozenset(
    f"{kind}-src" for kind in ("connect", "font", "img", "manifest", "media", "object", "script", "style")
)
#: Directives with further fallbacks, so that only a browser can combine two of them.
_ENTANGLED: Final = frozenset(
    (
        *("child-src", "fenced-frame-src", "frame-src", "prefetch-src", "worker-src"),
        *("script-src-attr", "script-src-elem", "style-src-attr", "style-src-elem"),
    )
)
#: Directives that list sources: an empty list is 'none'.
_LISTS: Final = _FETCH | {"default-src", "base-uri", "form-action", ANCESTORS}


def parse(header: str) -> list[Policy]:
    """Return the policies of a header's value (CSP3 sections 2.2.1 and 2.2.2); one without a directive is left out.

    Of a directive that is there twice the first counts, as for browsers.
    """
    return [policy for text in header.split(",") if (policy := _parse_one(text))]


def _parse_one(text: str) -> Policy:
    policy: Policy = {}
    for part in text.split(";"):
        name, *values = part.split() or [""]
        if name and name.lower() not in policy:
            policy[name.lower()] = _values(name.lower(), values)
    return policy


def _values(name: str, values: list[str]) -> tuple[str, ...]:
    """Keywords in lower case; 'none' beside anything else means nothing and is left out."""
    plain = [_keyword(value) for value in values] if name in _LISTS else values
    if name in _LISTS:
        plain = [value for value in plain if value != "'none'"] or [*_NONE]
    return tuple(dict.fromkeys(plain))


def _keyword(value: str) -> str:
    """Only nonces and hashes, and the paths of sources, differ by case."""
    keyword = value.startswith("'") and not value.lower().startswith(("'nonce-", "'sha"))
    return value.lower() if keyword else value


def merge(*headers: str) -> str:
    """Return a Content-Security-Policy that permits what all of these permit, and nothing else.

    Args:
        headers: values of the header; each may hold several policies, none or nonsense.
    """
    merged: list[Policy] = []
    for policy in (policy for header in headers for policy in parse(header)):
        for index, other in enumerate(merged):
            if (both := _both(other, policy)) is not None:
                merged[index] = both
                break
        else:
            merged.append(policy)
    return ", ".join(map(_text, merged))


def _text(policy: Mapping[str, Iterable[str]]) -> str:
    return "; ".join(" ".join((name, *values)) for name, values in policy.items())


def _both(one: Policy, other: Policy) -> Policy | None:
    """Return the one policy that means the same as two together, or None if there is none or it is not known."""
    if _ENTANGLED & (one.keys() | other.keys()):
        return None
    both: Policy = {}
    for name in dict.fromkeys((*one, *other)):
        narrow = _narrower(name, _effective(one, name), _effective(other, name))
        if narrow is None:
            return None
        both[name] = narrow
    return both


def _effective(policy: Policy, name: str) -> tuple[str, ...] | None:
    """Return the sources that a policy has for a directive; None if it has none."""
    return policy.get(name, policy.get("default-src") if name in _FETCH else None)


def _narrower(name: str, one: tuple[str, ...] | None, other: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Return what both values permit, or None if no list can express it."""
    if one is None or other is None or set(one) == set(other):
        return other if one is None else one
    if name not in _LISTS:
        return None
    if _NONE in (one, other):
        return _NONE
    for few, many in ((one, other), (other, one)):
        # Sources add up. Keywords beside 'self' do not: a nonce switches others off.
        if set(few) < set(many) and not any(value.startswith("'") and value != "'self'" for value in many):
            return few
    return None


def restrict(host: str, own: str, *, frame_options: str = "", otherwise: str = "'self'") -> str:
    """Return the Content-Security-Policy of an answer.

    The host alone decides who may frame it: a rule of ours would override what an administrator has permitted.

    Args:
        host: the host's policy, empty if it has none.
        own: ours; it does not restrict framing.
        frame_options: the host's ``X-Frame-Options``. It applies if the policy does not restrict framing; a browser
            that finds ``frame-ancestors`` ignores it.
        otherwise: who may frame if the host does not restrict framing.
    """
    merged = merge(host, own)
    if any(ANCESTORS in policy for policy in parse(merged)):
        return merged
    ancestors = _FRAME_OPTIONS.get(frame_options.strip().lower(), (otherwise,))
    return merge(merged, _text({ANCESTORS: ancestors}))


def permits_own_frames(header: str) -> bool:
    """Whether pages of the same origin may frame an answer with this policy."""
    ancestors = [policy[ANCESTORS] for policy in parse(header) if ANCESTORS in policy]
    return all({"'self'", "*"} & set(values) for values in ancestors)


def permit_own_frames(header: str) -> str:
    """Return a policy that differs from this one only in that pages of the same origin may frame the answer."""
    policies = [{name: values for name, values in one.items() if name != ANCESTORS} for one in parse(header)]
    return merge(*map(_text, policies), _text({ANCESTORS: _SELF}))
