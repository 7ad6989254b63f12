"""Taking the secrets out of a target's keys, and putting them back: what is left may be stored and shown."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any, Final

from .keys import KEYS
from .servers import SERVER_KEYS

#: Names of keys whose values are secret, wherever in a target they are.
_SECRET: Final = frozenset(name for name, key in {**SERVER_KEYS, **KEYS}.items() if key.secret)

#: What stands in the place of a secret that is stored.
KEPT: Final = True

#: Says where in a target a secret is: ``password`` or ``pool.machines.blue.password``.
Path = str


def split(keys: Mapping[str, Any]) -> tuple[dict[str, Any], dict[Path, str]]:
    """Return a target's keys with :data:`KEPT` in the place of each secret, and the secrets by their paths."""
    public: dict[str, Any] = deepcopy(dict(keys))
    secrets = {}
    for path, holder, name in _places(public):
        if isinstance(holder[name], str):
            secrets[path] = holder[name]
            holder[name] = KEPT
    return public, secrets


def join(keys: Mapping[str, Any], secrets: Mapping[Path, str]) -> dict[str, Any]:
    """Return a target's keys with its secrets; one that is not there stays :data:`KEPT`, which no check accepts."""
    whole: dict[str, Any] = deepcopy(dict(keys))
    for path, holder, name in _places(whole):
        if holder[name] is KEPT:
            holder[name] = secrets.get(path, KEPT)
    return whole


def kept(keys: Mapping[str, Any]) -> list[Path]:
    """List the paths of the secrets that stay as they are stored."""
    return [path for path, holder, name in _places(keys) if holder[name] is KEPT]


def recipients(keys: Mapping[str, Any], path: Path) -> frozenset[str]:
    """Return who gets the secret at a path: the servers with the encryption that is required of them.

    A stored secret may only go where it went before. Otherwise, whoever may change a target but not read its password
    could have it sent to a server of their own.
    """
    tls = json.dumps(keys.get("tls", {}), sort_keys=True)
    parent, _, _ = path.rpartition(".")
    holders = list(_servers(keys)) if not parent else [_at(keys, parent)]
    return frozenset(json.dumps([_server(one), tls], sort_keys=True) for one in holders)


def _server(keys: Any) -> Any:
    if not isinstance(keys, Mapping):
        return keys  # 'host:port' of a list
    return {name: keys[name] for name in ("host", "port", "port_owner", "socket", "socket_owner") if name in keys}


def _servers(keys: Mapping[str, Any]) -> Iterator[Any]:
    machines = pool.get("machines") if isinstance(pool := keys.get("pool"), Mapping) else None
    if isinstance(machines, Mapping):
        yield from machines.values()
    elif isinstance(machines, list | tuple):
        yield from machines
    else:
        yield keys


def _at(keys: Any, path: Path) -> Any:
    """Return what is at a path; a machine's name may have dots in it, so it is everything behind ``pool.machines``."""
    machines = _at_all(keys, ("pool", "machines"))
    return machines.get(path.removeprefix("pool.machines.")) if isinstance(machines, Mapping) else None


def _at_all(keys: Any, names: tuple[str, ...]) -> Any:
    for name in names:
        keys = keys.get(name) if isinstance(keys, Mapping) else None
    return keys


def _places(keys: Any, above: str = "") -> Iterator[tuple[Path, Any, str]]:
    """Find every key that is secret: its path, the dictionary that it is in, and its name there."""
    if not isinstance(keys, Mapping):
        return
    for name, value in list(keys.items()):
        if name in _SECRET:
            yield f"{above}{name}", keys, name
        else:
            yield from _places(value, f"{above}{name}.")
