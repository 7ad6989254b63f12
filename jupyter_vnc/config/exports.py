"""Registered targets as CSV and as configuration, without their secrets."""

from __future__ import annotations

import csv
import io
import pprint
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jupyter_vnc.escaping import spreadsheet_cell

from .keys import SECTIONS, rows
from .secret_keys import KEPT, split


def as_csv(targets: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a table that :func:`~.imports.read_csv` reads; options of single machines have no cell there."""
    flat = {name: dict(_flat(_shown(keys))) for name, keys in targets.items()}
    columns = [key for section in SECTIONS for key, _ in rows(section) if any(key in keys for keys in flat.values())]
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["name", *columns])
    writer.writerows([name, *(_cell(keys.get(column, "")) for column in columns)] for name, keys in flat.items())
    return out.getvalue()


def as_config(targets: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a part of a configuration file."""
    lines = ["# Registered targets of jupyter-vnc, without their secrets.", "c.VNCBroker.targets.update("]
    text = pprint.pformat({name: _shown(keys) for name, keys in targets.items()}, width=100, sort_dicts=False)
    return "\n".join([*lines, text, ")", ""])


def _shown(keys: Any) -> Any:
    """Leave out secrets, wherever they are."""
    public, _ = split(keys)
    return _without_kept(public)


def _without_kept(keys: Any, name: str = "") -> Any:
    if not isinstance(keys, Mapping):
        return keys
    return {key: _without_kept(value, key) for key, value in keys.items() if not (key == "password" and value is KEPT)}


def _flat(keys: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in keys.items():
        if isinstance(value, Mapping) and (above, name) != ("pool.", "machines"):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _cell(value: Any) -> str:
    """Write a value so that a spreadsheet does not take it for a formula."""
    if isinstance(value, Mapping):
        return " ".join(filter(None, map(_host_port, value.values())))
    text = "; ".join(map(str, value)) if isinstance(value, Sequence) and not isinstance(value, str) else str(value)
    return spreadsheet_cell(text)


def _host_port(machine: Mapping[str, Any]) -> str:
    host = machine.get("host", "")
    return f"{f'[{host}]' if ':' in host else host}:{machine.get('port', 5900)}" if host else ""
