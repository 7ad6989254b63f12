"""Holds: somebody keeps the input of a desktop's people from it, for as long as they say so again and again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

#: They ask for attention, or they work at the desktop themselves.
ATTENTION: Final = "attention"
CONTROL: Final = "control"
KINDS: Final = (ATTENTION, CONTROL)

#: For how long (seconds) a hold lasts after its page has asked last: browsers let hidden pages run once a minute.
LASTS: Final = 70
#: For how long (seconds) one lasts altogether, whatever its page asks.
LONGEST: Final = 3600
#: The longest sentence to those who are held (characters).
LONGEST_TEXT: Final = 300


@dataclass(frozen=True, slots=True)
class Hold:
    """Who holds, why (one of :data:`KINDS`), and a sentence of theirs, which may be empty."""

    by: str
    kind: str
    text: str = ""

    def encode(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self)


def decode(told: Mapping[str, Any]) -> Hold:
    """Read what :meth:`Hold.encode` has written.

    Raises:
        ValueError: it is not that; also KeyError, TypeError.
    """
    if told["kind"] not in KINDS:
        raise ValueError("a hold of no known kind")
    return Hold(str(told["by"]), told["kind"], str(told["text"]))
