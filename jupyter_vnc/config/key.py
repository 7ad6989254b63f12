"""What is known of a key: its check, its help, its default. Everything that describes keys is made from this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .checks import Check


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a target.

    ``help`` and ``default`` are Markdown, as the reference has them. ``secret``: its value is never shown again.
    ``local``: it names something of the machine that the server runs on (a file, a command, a socket), so whoever
    manages targets over the web needs more than the right to name a machine.
    """

    check: Check
    help: str
    default: str = ""
    secret: bool = False
    local: bool = False

    def __call__(self, value: Any) -> Any:
        """Check a value; see :class:`.Check`."""
        return self.check(value)

    @property
    def schema(self) -> Mapping[str, Any]:
        """The key as JSON Schema; what that has no word for begins with ``x-``."""
        marks = {"writeOnly": True} if self.secret else {}
        more = {"x-default": self.default} if self.default else {}
        return {
            **self.check.schema,
            "description": self.help,
            **marks,
            **more,
            **({"x-local": True} if self.local else {}),
        }
