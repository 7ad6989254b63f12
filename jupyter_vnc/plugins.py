"""Finding a plug-in: by the name of an entry point, by a dotted path, or given as a class."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from functools import cache
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from typing import Any, TypeVar

from .exceptions import ConfigError

P = TypeVar("P")


def load_plugin(kind: type[P], group: str, wanted: object, *, key: str) -> type[P]:
    """Return the class that ``wanted`` names.

    Args:
        kind: what the class must be.
        group: entry point group in which installed plug-ins declare themselves.
        wanted: an entry point's name, a dotted path, or the class itself.
        key: its configuration key, for the error message.

    Raises:
        ConfigError: it does not exist, cannot be imported, or is of another kind; names what is installed.
    """
    found = wanted
    if isinstance(wanted, str):
        found = _by_path(wanted, key) if "." in wanted else _by_name(wanted, group, key)
    if not (isinstance(found, type) and issubclass(found, kind)):
        raise ConfigError(f"{wanted!r} is not a {kind.__name__}", key=key)
    return found


def make_plugin(kind: type[P], *, key: str, **arguments: Any) -> P:
    """Make a plug-in.

    Args:
        kind: its class, as :func:`load_plugin` has found it.
        key: its configuration key, for the error message.
        **arguments: the arguments that the contract of its kind defines.

    Raises:
        ConfigError: its constructor does not take them.
    """
    try:
        inspect.signature(kind.__init__).bind(None, **arguments)
    except TypeError as error:
        sentence = f"{kind.__name__} cannot be made with {', '.join(arguments)}: {error}; let it take **kwargs"
        raise ConfigError(sentence, key=key) from None
    return kind(**arguments)


def _by_name(name: str, group: str, key: str) -> object:
    installed = _installed(entry_points, group)
    if name not in installed:
        raise ConfigError(f"{name!r} is not installed; there are: {', '.join(sorted(installed))}", key=key)
    try:
        return installed[name].load()
    except ImportError as error:
        raise ConfigError(f"{name!r} needs a package that is not installed: {error}", key=key) from None


@cache
def _installed(find: Callable[..., EntryPoints], group: str) -> dict[str, EntryPoint]:
    """Return the entry points of a group by their names, as they were when the first of them was asked for.

    ``find`` reads the files of every installed package, which takes longer than the rest of a broker's start.
    """
    return {point.name: point for point in find(group=group)}


def _by_path(path: str, key: str) -> object:
    module, _, attribute = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"{path!r} cannot be imported: {error}", key=key) from None
