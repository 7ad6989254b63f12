"""Registered targets: those that admins add on the admin page, over REST or from a shell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jupyter_vnc.exceptions import ConfigError
from jupyter_vnc.model.targets import Target
from jupyter_vnc.model.users import User

from .base import TargetSource


class DatabaseTargets(TargetSource):
    """The registered targets of the hub service, which keeps them in memory."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._host = getattr(self.parent, "parent", None)
        if not hasattr(self._host, "registered_targets"):
            sentence = "'database' works in the hub service only: a Jupyter server has no database"
            raise ConfigError(sentence, key="VNCBroker.target_sources")

    @property
    def _registered(self) -> Mapping[str, Target]:
        registered: Mapping[str, Target] = self._host.registered_targets  # type: ignore[union-attr]
        return registered

    @property
    def problems(self) -> Sequence[str]:
        """See :attr:`TargetSource.problems`: which targets cannot be used, and why."""
        problems: Sequence[str] = self._host.registered_problems  # type: ignore[union-attr]
        return problems

    async def targets(self, user: User) -> Sequence[Target]:
        """All of them, in the order of their names; the broker decides whom each admits."""
        return tuple(self._registered.values())

    async def target(self, user: User, name: str) -> Target | None:
        """Return the target of this name."""
        return self._registered.get(name)
