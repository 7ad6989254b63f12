"""Targets from Jupyter's own configuration: ``c.VNCBroker.targets``."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

from jupyter_vnc.config.targets import parse_targets
from jupyter_vnc.exceptions import ConfigError
from jupyter_vnc.model.addresses import DesktopAddress
from jupyter_vnc.model.targets import Target
from jupyter_vnc.model.users import User
from jupyter_vnc.system.environment import take_passwords

from .base import TargetSource


class Configuration(Protocol):
    """What the parent of :class:`ConfigTargets` has: the broker."""

    managed_desktops: bool

    @property
    def configured_targets(self) -> Mapping[str, Any]:
        """The targets of the configuration: name to a dictionary of keys."""


class ConfigTargets(TargetSource):
    """The targets of the configuration, parsed once at start; only the default target may come later.

    A bad entry is logged by name and key, kept in :attr:`errors`, and left out.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._parent = cast("Configuration", self.parent)
        self.by_name: dict[str, Target] = {}
        self.errors: list[ConfigError] = []
        self._read(self._parent.configured_targets)

    def _read(self, raw: Mapping[str, Any]) -> None:
        take_passwords(raw)
        self.by_name, self.errors = parse_targets(raw)
        if not self._parent.managed_desktops:
            self._refuse_desktops()
        for error in self.errors:
            self.log.error("VNCBroker.targets: %s (this target is left out)", error)
        for target in self.by_name.values():
            self._warn(target)

    def _refuse_desktops(self) -> None:
        """Refuse managed desktops: in their terminals every user would have the service's account and its files."""
        for name, target in list(self.by_name.items()):
            if isinstance(target.address, DesktopAddress):
                del self.by_name[name]
                sentence = "would run under the service's own account; let the users' own servers start desktops"
                self.errors.append(ConfigError(sentence, target=name, key="desktop"))

    def _warn(self, target: Target) -> None:
        if target.credentials.form == "password":
            self.log.warning(
                "VNCBroker.targets: target %r, key 'password': an inline password shows in --show-config; "
                "use password_file, password_env or password_command.",
                target.name,
            )

    @property
    def problems(self) -> Sequence[str]:
        """See :attr:`TargetSource.problems`: the entries that were left out."""
        return tuple(f"VNCBroker.targets: {error}" for error in self.errors)

    async def _look_again(self) -> None:
        """Without any target, see whether there is the default one by now: its X server may not have answered at start.

        In a thread, because asking an X server may take seconds.
        """
        if not self.by_name and not self.errors:
            raw = await asyncio.to_thread(lambda: self._parent.configured_targets)
            if raw and not self.by_name:
                self._read(raw)

    async def targets(self, user: User) -> Sequence[Target]:
        """All of them; the broker decides whom each admits."""
        await self._look_again()
        return tuple(self.by_name.values())

    async def target(self, user: User, name: str) -> Target | None:
        """Return the target of this name."""
        await self._look_again()
        return self.by_name.get(name)
