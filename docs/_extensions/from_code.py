"""Parts of the reference that come from the code, so that they cannot be wrong.

A page asks for a part with a comment on a line of its own, ``<!-- traits: module.Class -->``,
``<!-- keys: Section -->`` or ``<!-- routes -->``.
Pages with tables that people write are checked to have a row for everything that the code knows.
"""

import importlib
import inspect
import math
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import yaml
from sphinx.application import Sphinx
from sphinx.util import logging
from traitlets import Bool, Dict, Enum, Float, Int, List, TraitType, Unicode
from traitlets.config import Configurable

import jupyter_vnc
from jupyter_vnc.close_codes import CloseCode
from jupyter_vnc.config.keys import rows

log = logging.getLogger(__name__)

_PLACE: Final = re.compile(r"^<!-- (traits|routes|keys)(?:: (\S+))? -->$", re.MULTILINE)
_REST: Final = Path(jupyter_vnc.__file__).parent / "rest-api.yml"
_KINDS: Final = {
    Bool: "`True` or `False`",
    Dict: "Dictionary",
    Float: "Number",
    Int: "Whole number",
    List: "List",
    Unicode: "Text",
}
_METHODS: Final = ("get", "post", "put", "patch", "delete")


def traits(path: str) -> str:
    """Describe every option of a configurable class: heading, type, range, default, help."""
    module, _, name = path.rpartition(".")
    kind: type[Configurable] = getattr(importlib.import_module(module), name)
    return "\n\n".join(_option(name, trait) for trait in _in_order(kind))


def _in_order(kind: type[Configurable]) -> Iterator[TraitType[Any, Any]]:
    """Options in the order of the source, those of the class itself first, without Jupyter's own."""
    wanted = kind.class_traits(config=True)
    for base in kind.__mro__:
        if base.__module__.startswith("jupyter_vnc"):
            yield from (wanted.pop(name) for name in vars(base) if name in wanted)


def _option(owner: str, trait: TraitType[Any, Any]) -> str:
    facts = f"{_kind(trait)}; default `{trait.default_value_repr()}`"
    return f"### `c.{owner}.{trait.name}`\n\n*{facts}*\n\n{inspect.cleandoc(trait.help)}"


def _kind(trait: TraitType[Any, Any]) -> str:
    """Say what may stand there, in words; Jupyter's own are for error messages."""
    if isinstance(trait, Enum):
        return "One of " + ", ".join(f"`{value!r}`" for value in trait.values or ())
    edges = (("from", getattr(trait, "min", None)), ("to", getattr(trait, "max", None)))
    bounds = [f" {word} {edge:g}" for word, edge in edges if edge is not None and math.isfinite(edge)]
    return _KINDS[type(trait)] + "".join(bounds)


def routes(_: str) -> str:
    """List the routes of the REST description: method, path, what it does, statuses."""
    paths = yaml.safe_load(_REST.read_text("utf-8"))["paths"]
    rows = [
        f"| `{method.upper()}` | `{path}` | {what['summary']} | {', '.join(what['responses'])} |"
        for path, methods in paths.items()
        for method, what in methods.items()
        if method in _METHODS
    ]
    return "\n".join(["| Method | Path | What it does | Answers |", "|---|---|---|---|", *rows])


def keys(section: str) -> str:
    """List the keys of a section of a target's table: name, help, default."""
    lines = [f"| `{name}` | {key.help} | {key.default} |" for name, key in rows(section)]
    return "\n".join(["| Key | Value | Default |", "|---|---|---|", *lines])


_PARTS: Final[dict[str, Callable[[str], str]]] = {"traits": traits, "routes": routes, "keys": keys}

#: Pages that people write, and what each has to name.
_COMPLETE: Final[dict[str, Iterable[str]]] = {
    "reference/close-codes": [str(code.value) for code in CloseCode],
}


def fill(_: Sphinx, page: str, source: list[str]) -> None:
    """Put generated parts into a page, and warn of rows that are missing in a written one."""
    source[0] = _PLACE.sub(lambda place: _PARTS[place[1]](place[2] or ""), source[0])
    for name in _COMPLETE.get(page, ()):
        if f"`{name}`" not in source[0]:
            log.warning("%s says nothing of %s", page, name)


def without_module_text(_: Sphinx, what: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    """Leave out a module's own docstring: it is for readers of the code, and a page has an introduction."""
    if what == "module":
        lines.clear()


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("source-read", fill)
    app.connect("autodoc-process-docstring", without_module_text)
    return {"parallel_read_safe": True}
