"""Targets that somebody wants to register, before they are checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from jupyter_vnc.config.imports import MAX_ROWS, READERS
from jupyter_vnc.exceptions import MalformedRequest


@dataclass(frozen=True, slots=True)
class Draft:
    """A target that somebody wants to register: what is wrong with it by key, and whether its name is in use."""

    name: str
    keys: Mapping[str, Any] = field(repr=False)
    errors: Mapping[str, str] = field(default_factory=dict)
    where: str = ""
    exists: bool = False


def read_drafts(form: str, files: Sequence[Mapping[str, str]], defaults: Mapping[str, Any]) -> list[Draft]:
    """Read the targets of files.

    Args:
        form: see :data:`~jupyter_vnc.config.imports.READERS`.
        files: each with its ``name`` and ``text``.
        defaults: keys of all of them, where a file does not have them.

    Raises:
        MalformedRequest: there are too many.
    """
    rows = (row for file in files for row in READERS[form](file["text"], file["name"]))
    read = list(islice(rows, MAX_ROWS + 1))
    if len(read) > MAX_ROWS:
        raise MalformedRequest(f"Import at most {MAX_ROWS} targets at once.")
    return [Draft(row.name, {**defaults, **row.keys}, {"": row.error} if row.error else {}, row.where) for row in read]
