"""What a hub user's scopes permit: which targets, in which mode, and whom they oversee.

Three scopes, each of which includes the one before: ``custom:jupyter-vnc:view`` views targets, ``:control`` uses them,
``:admin`` also oversees the people there. The hub's filters narrow them: ``!group=course-a`` to targets that have the
group in ``allow_groups``, and to people in it; ``!user=ann`` to targets that have Ann in ``allow_users``, and to Ann. A
target that names nobody is for everybody.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from jupyter_vnc.exceptions import ConfigError
from jupyter_vnc.model.targets import Mode, Target
from jupyter_vnc.model.users import User

VIEW: Final = "custom:jupyter-vnc:view"
CONTROL: Final = "custom:jupyter-vnc:control"
ADMIN: Final = "custom:jupyter-vnc:admin"
#: Registers targets; permits nothing with them. With ``!group=`` only targets that are for that group and nobody else.
MANAGE: Final = "custom:jupyter-vnc:manage"

#: The highest mode that each scope permits.
_MODES: Final = {VIEW: Mode.VIEW, CONTROL: Mode.CONTROL, ADMIN: Mode.CONTROL}


@dataclass(frozen=True, slots=True)
class Scope:
    """One of our scopes, with its filter: ``kind`` is ``group``, ``user`` or empty for no filter."""

    name: str
    kind: str = ""
    value: str = ""

    def covers(self, target: Target) -> bool:
        """Whether it is about this target."""
        named = {"group": target.allow_groups, "user": target.allow_users, "": {self.value}}.get(self.kind)
        if named is None:
            return False
        return self.value in named or not (target.allow_groups or target.allow_users)

    def covers_person(self, person: User) -> bool:
        """Whether it is about this person."""
        return {"group": self.value in person.groups, "user": self.value == person.name, "": True}.get(self.kind, False)


@dataclass(frozen=True, slots=True)
class Rights:
    """All of our scopes that a user has."""

    scopes: tuple[Scope, ...] = ()

    @classmethod
    def parse(cls, scopes: Iterable[str]) -> Rights:
        """Read a hub's user model; other scopes and unknown filters permit nothing."""
        return cls(tuple(parsed for scope in sorted(scopes) if (parsed := _parse(scope)) is not None))

    def reach(self, target: Target) -> Mode | None:
        """Return the highest mode that they permit with a target; None if they permit nothing."""
        modes = {_MODES.get(scope.name) for scope in self.scopes if scope.covers(target)}
        return next((mode for mode in (Mode.CONTROL, Mode.VIEW) if mode in modes), None)

    def oversees(self, person: User, target: Target) -> bool:
        """Whether they permit overseeing this person on a target."""
        return any(
            scope.name == ADMIN and scope.covers_person(person) and (scope.kind == "user" or scope.covers(target))
            for scope in self.scopes
        )

    @property
    def oversees_somebody(self) -> bool:
        """Whether they permit overseeing anybody."""
        return any(scope.name == ADMIN for scope in self.scopes)

    @property
    def overseen_groups(self) -> frozenset[str]:
        """The groups whose members they permit overseeing, as far as the scopes name any."""
        return frozenset(scope.value for scope in self.scopes if scope.name == ADMIN and scope.kind == "group")

    @property
    def overseen_people(self) -> frozenset[str]:
        """The people whom they permit overseeing, as far as the scopes name any."""
        return frozenset(scope.value for scope in self.scopes if scope.name == ADMIN and scope.kind == "user")

    @property
    def oversees_everybody(self) -> bool:
        """Whether they permit overseeing everybody."""
        return Scope(ADMIN) in self.scopes

    @property
    def managed_groups(self) -> frozenset[str] | None:
        """The groups whose targets they permit registering; None for all targets."""
        mine = [scope for scope in self.scopes if scope.name == MANAGE]
        if any(not scope.kind for scope in mine):
            return None
        return frozenset(scope.value for scope in mine if scope.kind == "group")


def _parse(scope: str) -> Scope | None:
    name, _, narrowed = scope.partition("!")
    if name not in _MODES and name != MANAGE:
        return None
    kind, _, value = narrowed.partition("=")
    return Scope(name, kind, value)


def names_ours(said: str, key: str) -> bool:
    """Whether a JSON list of scopes has one of those that permit something.

    Raises:
        ConfigError: it is not a list of strings; names the key.
    """
    try:
        scopes = json.loads(said)
    except (ValueError, RecursionError):
        scopes = None
    if not isinstance(scopes, list) or not all(isinstance(scope, str) for scope in scopes):
        raise ConfigError("must be a JSON list of scopes", key=key)
    return any(scope.partition("!")[0] in _MODES for scope in scopes)
