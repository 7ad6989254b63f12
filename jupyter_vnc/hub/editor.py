"""Who registers targets, and which of them they may see and change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from jupyter_vnc.config.keys import KEYS, NESTED
from jupyter_vnc.config.servers import SERVER_KEYS

#: Keys that name something of the service's own machine, wherever in a target they are.
LOCAL: Final = frozenset(
    name for keys in (KEYS, SERVER_KEYS, *NESTED.values()) for name, key in keys.items() if key.local
)


@dataclass(frozen=True, slots=True)
class Editor:
    """Somebody who manages targets: all of them, or those of some groups.

    ``groups`` is None for whoever manages all targets. ``local``: whether their targets may name files, commands and
    sockets of the service's machine, as an administrator's configuration may.
    """

    name: str
    groups: frozenset[str] | None = None
    local: bool = False

    def sees(self, keys: Mapping[str, Any]) -> bool:
        """Whether a target is one of theirs: it is for their groups, and for nobody else."""
        if self.groups is None:
            return True
        groups, users = keys.get("allow_groups"), keys.get("allow_users")
        return not users and isinstance(groups, list) and bool(groups) and self.groups.issuperset(map(str, groups))

    def changes(self, keys: Mapping[str, Any]) -> bool:
        """Whether they may change a target that they see."""
        return self.sees(keys) and not self._local(keys)

    def _local(self, keys: Mapping[str, Any]) -> list[str]:
        return [] if self.local else local_keys(keys)

    def objections(self, keys: Mapping[str, Any]) -> dict[str, str]:
        """Return why they may not have a target with these keys, by key."""
        found = dict.fromkeys(self._local(keys), "names something of the service's machine; only an admin may set it")
        if self.groups is None:
            return found
        if keys.get("allow_users"):
            found["allow_users"] = "may be set by an admin only; your targets are for your groups"
        if not self.sees({"allow_groups": keys.get("allow_groups")}):
            found["allow_groups"] = f"must be of your groups: {', '.join(sorted(self.groups))}"
        return found


def local_keys(keys: Any, above: str = "") -> list[str]:
    """List the keys of a target that name something of the service's own machine."""
    if not isinstance(keys, Mapping):
        return []
    found = [f"{above}{name}" for name, value in keys.items() if name in LOCAL or _is_icon_file(name, value)]
    return found + [path for name, value in keys.items() for path in local_keys(value, f"{above}{name}.")]


def _is_icon_file(name: str, value: Any) -> bool:
    """Whether an icon is a file's path: most are names of JupyterLab's."""
    return name == "icon" and isinstance(value, str) and value.startswith("/")
