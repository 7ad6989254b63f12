"""Grants as JSON, for stores that keep them outside this process; what comes back is not trusted."""

from __future__ import annotations

import json
from typing import Final, get_type_hints

from jupyter_vnc.model.targets import Mode
from jupyter_vnc.tokens import Grant

#: What a grant consists of, and the type of each in JSON.
_FIELDS: Final = {name: str if kind is Mode else kind for name, kind in get_type_hints(Grant).items()}


def encode(grant: Grant) -> str:
    """Return a grant as JSON."""
    return json.dumps({key: getattr(grant, key) for key in _FIELDS})


def decode(raw: str | bytes) -> Grant:
    """Read a grant.

    Raises:
        ValueError: it is invalid, or has unknown keys.
    """
    try:
        values = json.loads(raw)
    except RecursionError:
        values = None
    if not isinstance(values, dict) or values.keys() != _FIELDS.keys():
        raise ValueError("not the keys of a grant")
    if any(type(values[key]) is not kind for key, kind in _FIELDS.items()):
        raise ValueError("not the types of a grant")
    return Grant(**{**values, "mode": Mode(values["mode"])})
