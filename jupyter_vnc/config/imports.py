"""Lists of machines that other programs use, as keys of targets: what is imported can be looked at before.

Each reader takes the text of one file and yields rows. One that cannot be understood has an error and says where it is;
the others count.
"""

from __future__ import annotations

import csv
import io
import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, Final
from xml.etree import ElementTree as ET

from .keys import KEYS, NESTED

#: The most that is read of a file (characters), and of its rows.
MAX_TEXT: Final = 1024 * 1024
MAX_ROWS: Final = 5000


@dataclass(frozen=True, slots=True)
class Row:
    """A target of an imported file; ``where`` names its line, ``error`` is what is wrong with it."""

    where: str
    name: str
    keys: dict[str, Any] = field(default_factory=dict, repr=False)
    error: str = ""


# -- CSV --------------------------------------------------------------------------------------------------------------


def read_csv(text: str, file: str = "") -> Iterator[Row]:
    """Read a table whose first line has the names of the keys, ``name`` included; ``tls.mode`` is one of a dictionary.

    Empty cells are left out. The items of a list are separated by ``;`` or spaces.
    """
    lines = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=_delimiter(text), strict=True)
    try:
        head = [cell.strip() for cell in next(lines, [])]
        if "name" not in head:
            yield Row("line 1", "", error="the first line must name the columns, one of them 'name'")
            return
        for cells in lines:
            if any(cell.strip() for cell in cells):
                yield _csv_row(f"line {lines.line_num}", head, [cell.strip() for cell in cells])
    except csv.Error as error:
        yield Row(f"line {lines.line_num}", "", error=f"is not CSV: {error}")


def _delimiter(text: str) -> str:
    """Return what separates the columns: spreadsheets of half of Europe write semicolons."""
    first = text.partition("\n")[0]
    return max(",;\t", key=first.count)


def _csv_row(where: str, head: list[str], cells: list[str]) -> Row:
    name = dict(zip(head, cells, strict=False)).get("name", "")
    if len(cells) > len(head):
        return Row(where, name, error=f"has {len(cells)} columns, and the first line names {len(head)}")
    keys: dict[str, Any] = {}
    try:
        for column, cell in zip(head, cells, strict=False):
            if cell and column and column != "name":
                put(keys, column.split("."), cell_value(column, cell))
    except ValueError as error:
        return Row(where, name, error=str(error))
    return Row(where, name, keys)


def put(keys: dict[str, Any], path: list[str], value: Any) -> None:
    """Set a key, in a dictionary of keys where its path has several parts.

    Raises:
        ValueError: there is something else in the place of that dictionary.
    """
    for part in path[:-1]:
        keys = keys.setdefault(part, {})
        if not isinstance(keys, dict):
            raise ValueError(f"{part!r} is a column of its own")
    keys[path[-1]] = value


def cell_value(column: str, cell: str) -> Any:
    """Return what a cell stands for: a number where the key is one. What does not fit is left to the checks.

    Raises:
        ValueError: a key of this name cannot be written so.
    """
    if column == "pool":
        raise ValueError("a pool has columns such as 'pool.machines'")
    top, _, inner = column.partition(".")
    key = NESTED.get(top, {}).get(inner) if inner else KEYS.get(top)
    kind = key.schema.get("type") if key is not None else "string"
    if kind == "array" or column == "pool.machines":
        return [part for part in re.split(r"[;\s]+", cell) if part]
    try:
        return _CELLS[str(kind)](cell)
    except (KeyError, ValueError):
        return cell


def _flag(cell: str) -> bool:
    return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[cell.lower()]


_CELLS: Final[Mapping[str, Callable[[str], Any]]] = {"integer": int, "number": float, "boolean": _flag}


# -- websockify -------------------------------------------------------------------------------------------------------


def read_tokens(text: str, file: str = "") -> Iterator[Row]:
    """Read a token file of websockify: lines of ``name: host:port`` or ``name: unix_socket:/path``."""
    for number, raw in enumerate(text.splitlines(), 1):
        line, where = raw.strip(), f"{file}, line {number}" if file else f"line {number}"
        if not line or line.startswith("#"):
            continue
        name, _, address = (part.strip() for part in line.partition(":"))
        host, _, port = address.rpartition(":")
        if address.startswith("unix_socket:"):
            yield Row(where, name, {"socket": address.partition(":")[2]})
        elif host and port.isdecimal() and len(port) < 6:
            yield Row(where, name, {"host": host, "port": int(port)})
        else:
            yield Row(where, name, error="must be 'name: host:port' or 'name: unix_socket:/path'")


# -- files of targets -------------------------------------------------------------------------------------------------

_FORMATS: Final[Mapping[str, Callable[[str], Any]]] = {".json": json.loads, ".toml": tomllib.loads}


def read_target_file(text: str, file: str = "") -> Iterator[Row]:
    """Read a file of one target, named after it, as the source ``directory`` does: ``lab-1.toml`` or ``lab-1.json``."""
    path = PurePath(file)
    if path.suffix not in _FORMATS:
        yield Row(file, path.stem, error="must end in .toml or .json")
        return
    try:
        keys = _FORMATS[path.suffix](text)
    except (ValueError, RecursionError):
        yield Row(file, path.stem, error=f"is not {path.suffix[1:].upper()}")
        return
    if isinstance(keys, dict):
        yield Row(file, path.stem, keys)
    else:
        yield Row(file, path.stem, error="must be a dictionary of target options")


# -- Guacamole --------------------------------------------------------------------------------------------------------


def read_guacamole(text: str, file: str = "") -> Iterator[Row]:
    """Read ``user-mapping.xml`` of Apache Guacamole: its VNC connections, each for the users who have it there.

    Passwords of Guacamole's users are left out: people log in to the hub.
    """
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        yield Row(file or "line 1", "", error="has a document type, which is not read")
        return
    try:
        root = ET.fromstring(text)  # noqa: S314 - entities are refused above, and the text is bounded
    except ET.ParseError as error:
        yield Row(f"line {error.position[0]}", "", error="is not XML")
        return
    except ValueError:  # half of a surrogate pair
        yield Row(file or "line 1", "", error="is not XML")
        return
    found: dict[tuple[str, str], Row] = {}
    for user in root.iter("authorize"):
        for row in _connections(user):
            same = found.get((row.name, json.dumps(row.keys | {"allow_users": []}, sort_keys=True)))
            if same is None:
                found[row.name, json.dumps(row.keys | {"allow_users": []}, sort_keys=True)] = row
            else:
                same.keys["allow_users"] += row.keys["allow_users"]
    yield from found.values()


def _connections(user: ET.Element) -> Iterator[Row]:
    """Yield the connections of a user: named ones, or the one that has no name of its own."""
    who = user.get("username", "")
    for one in user.findall("connection") or [user]:
        title = one.get("name") or who
        where, name = f"user {who!r}, connection {title!r}", re.sub(r"[^A-Za-z0-9._-]+", "-", title).strip("-._")
        protocol = (one.findtext("protocol") or "").strip()
        if protocol == "vnc":
            yield Row(where, name, _guacamole_keys(one, title, who))
        else:
            yield Row(where, name, error=f"is {protocol[:20] or 'no protocol'}, not vnc")


def _guacamole_keys(one: ET.Element, title: str, who: str) -> dict[str, Any]:
    given = {param.get("name"): (param.text or "").strip() for param in one.findall("param")}
    keys: dict[str, Any] = {"title": title, "host": given.get("hostname", ""), "allow_users": [who]}
    port = given.get("port", "5900")
    keys["port"] = int(port) if port.isdecimal() and len(port) < 6 else port
    keys |= {name: given[name] for name in ("username", "password") if given.get(name)}
    if given.get("read-only") == "true":
        keys["mode"] = "view"
    barred = given.get("disable-copy") == "true", given.get("disable-paste") == "true"
    clipboard = {(True, True): "off", (True, False): "to-desktop", (False, True): "from-desktop"}.get(barred)
    return keys | ({"clipboard": clipboard} if clipboard else {})


#: The formats, by the names that the REST interface and the shell use.
READERS: Final[Mapping[str, Callable[[str, str], Iterator[Row]]]] = {
    "csv": read_csv,
    "tokens": read_tokens,
    "folder": read_target_file,
    "guacamole": read_guacamole,
}
