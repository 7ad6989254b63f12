"""The keys as JSON Schema, for the admin page's form and for programs that register targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .checks import object_of
from .keys import KEYS, SECTIONS

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def target_schema(*, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the JSON Schema of the keys of a registered target.

    A secret is written as text. It is read as ``true`` where one is saved, and ``true`` keeps it.

    Args:
        without: keys that targets may not have here.
    """
    keys = {name: key for name, key in KEYS.items() if name not in without}
    schema = _with_kept_secrets(object_of(keys))
    for section, names in SECTIONS.items():
        for name in names:
            if name in keys:
                schema["properties"][name]["x-section"] = section
    return {"$schema": _DIALECT, "title": "A target", **schema}


def _with_kept_secrets(schema: Any) -> Any:
    """Permit ``true`` wherever a secret is."""
    if not isinstance(schema, Mapping):
        return schema
    copy = {name: _with_kept_secrets(part) for name, part in schema.items()}
    return copy | {"type": ["string", "boolean"]} if schema.get("writeOnly") is True else copy
