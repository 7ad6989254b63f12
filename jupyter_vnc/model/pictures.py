"""Pictures that we show in a page: an administrator's icon of a target."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture, checked and read; it never changes."""

    media_type: str
    data: bytes = field(repr=False)

    @property
    def version(self) -> str:
        """Another one for another picture, so that a browser may keep what it has."""
        return hashlib.sha256(self.data).hexdigest()[:16]
