"""Who a person is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class User:
    """A person. ``name`` is the identity that tokens, sessions and limits are bound to."""

    name: str
    groups: frozenset[str] = frozenset()
    admin: bool = False
