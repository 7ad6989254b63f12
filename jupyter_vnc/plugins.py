"""Finding a plug-in: by the name of an entry point, by a dotted path, or given as a class."""

from __future__ import annotations

import importlib
from importlib.metadata import entry_points
from typing import TypeVar

from .exceptions import ConfigError

P = TypeVar("P")


def load_plugin(kind: type[P], group: str, wanted: object, *, key: str) -> type[P]:
    """Return the class that ``wanted`` names.

    Args:
        kind: what the class must be.
        group: entry point group in which installed plug-ins declare themselves.
        wanted: an entry point's name, a dotted path, or the class itself.
        key: the configuration key that it stands in, for the error.

    Raises:
        ConfigError: there is none, it does not import, or it is something else; names what is installed.
    """
    found = wanted
    if isinstance(wanted, str):
        found = _by_path(wanted, key) if "." in wanted else _by_name(wanted, group, key)
    if not (isinstance(found, type) and issubclass(found, kind)):
        raise ConfigError(f"{wanted!r} is not a {kind.__name__}", key=key)
    return found


def _by_name(name: str, group: str, key: str) -> object:
    installed = {point.name: point for point in entry_points(group=group)}
    if name not in installed:
        raise ConfigError(f"{name!r} is not installed; there are: {', '.join(sorted(installed))}", key=key)
    try:
        return installed[name].load()
    except ImportError as error:
        raise ConfigError(f"{name!r} needs a package that is not installed: {error}", key=key) from None


def _by_path(path: str, key: str) -> object:
    module, _, attribute = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"{path!r} cannot be imported: {error}", key=key) from None
