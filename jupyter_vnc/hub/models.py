"""What a hub says of a user, checked: something else may answer in its place, such as a proxy that shows a page.

This module is imported in users' servers, too: see :mod:`~jupyter_vnc.hub.visitors`.
"""

from __future__ import annotations

import reprlib
from typing import Any


def user_model(answer: object) -> dict[str, Any]:
    """Return a hub's model of a user: ``name``, and where they are said ``groups`` and ``scopes``.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(answer, dict) or not isinstance(answer.get("name"), str) or not answer["name"]:
        raise ValueError(f"this is no user: {reprlib.repr(answer)}")
    for key in ("groups", "scopes"):
        if not _are_names(answer.get(key) or []):
            raise ValueError(f"these are no {key}: {reprlib.repr(answer[key])}")
    return answer


def groups_page(answer: dict[str, Any]) -> tuple[list[tuple[str, list[str] | None]], int | None]:
    """Return the groups of one answer, each with its members (None: not told), and where the next answer begins.

    Raises:
        ValueError: it is none.
    """
    try:
        groups = [(group["name"], group.get("users")) for group in answer["items"]]
        following = answer["_pagination"]["next"]
        offset = None if following is None else following["offset"]
    except (LookupError, TypeError, AttributeError):
        raise ValueError(f"these are no groups: {reprlib.repr(answer)}") from None
    told = [users for _, users in groups if users is not None]
    if not _are_names([name for name, _ in groups]) or not all(map(_are_names, told)):
        raise ValueError(f"these are no groups: {reprlib.repr(answer)}")
    if offset is not None and type(offset) is not int:
        raise ValueError(f"this is no page: {reprlib.repr(offset)}")
    return groups, offset


def shares(answer: dict[str, Any]) -> list[tuple[tuple[str, str], frozenset[str]]]:
    """Return with whom a server is shared (``user`` or ``group``, and the name), and the scopes of each.

    Raises:
        ValueError: it is no list of shares.
    """
    try:
        rows = [(row["kind"], (row.get("user") or row["group"])["name"], row["scopes"]) for row in answer["items"]]
    except (LookupError, TypeError, AttributeError):
        rows = [(None, None, None)]
    if not all(_are_names([kind, name]) and _are_names(scopes) for kind, name, scopes in rows):
        raise ValueError(f"these are no shares: {reprlib.repr(answer)}")
    return [((kind, name), frozenset(scopes)) for kind, name, scopes in rows]


def share_codes(answer: dict[str, Any]) -> list[tuple[str, frozenset[str], str]]:
    """Return the share codes of a server: the name of each, which is not the code, its scopes, and when it ends.

    Raises:
        ValueError: it is no list of share codes.
    """
    try:
        rows = [(row["id"], row["scopes"], row["expires_at"]) for row in answer["items"]]
    except (LookupError, TypeError):
        rows = [(None, None, None)]
    if not all(_are_names([name, expires]) and _are_names(scopes) for name, scopes, expires in rows):
        raise ValueError(f"these are no share codes: {reprlib.repr(answer)}")
    return [(name, frozenset(scopes), expires) for name, scopes, expires in rows]


def next_page(answer: dict[str, Any]) -> int | None:
    """Return where the next page of a list begins; None after the last one.

    Raises:
        ValueError: it is no place in a list.
    """
    following = (answer.get("_pagination") or {}).get("next")
    offset = None if following is None else following.get("offset")
    if following is not None and (type(offset) is not int or offset <= 0):
        raise ValueError(f"this is no page: {reprlib.repr(following)}")
    return offset


def _are_names(names: object) -> bool:
    return isinstance(names, list) and all(isinstance(name, str) for name in names)
