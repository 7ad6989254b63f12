"""From an administrator's configuration to a :class:`~jupyter_vnc.model.targets.Target`: one table of keys.

Every mistake becomes a :class:`~jupyter_vnc.exceptions.ConfigError` that names the target and the key. Nothing here
connects anywhere; the only I/O is a look at the files that the configuration names, because a password file that
others can read is a mistake that should be found at start and not at the first login.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from jupyter_vnc.exceptions import ConfigError
from jupyter_vnc.model.addresses import (
    Address,
    DesktopAddress,
    DesktopSpec,
    PoolAddress,
    PoolMachine,
)
from jupyter_vnc.model.credentials import Credentials
from jupyter_vnc.model.targets import (
    MAX_CONFIG_NAME,
    Target,
    TargetLimits,
    TLSOptions,
    ViewerOptions,
    check_name,
)

from . import checks
from .keys import KEYS
from .servers import KINDS, address_of, credentials_of

_VIEWER: Final = ("clipboard", "resize", "quality", "compression", "power")
_LIMITS: Final = ("max_sessions", "connect_timeout", "handshake_timeout", "stall_timeout")
_PLAIN: Final = (
    *("title", "description", "icon", "category", "mode", "sharing"),
    *("allow_unauthenticated", "allow_users", "allow_groups", "wall"),
)


def _pick(values: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: values[key] for key in keys if key in values}


def _place(values: Mapping[str, Any], credentials: Credentials) -> Address:
    """Make the address of a target, of whatever kind."""
    if (address := address_of(values, KINDS)) is not None:
        return address
    if "pool" in values:
        return _pool(values["pool"], credentials)
    sends = values.get("clipboard", "both") in {"both", "from-desktop"}
    beside = _pick(values, ("sound", "video"))
    return DesktopAddress(DesktopSpec(**values["desktop"], sends_clipboard=sends, **beside))


def _pool(values: Mapping[str, Any], credentials: Credentials) -> PoolAddress:
    if "machines" not in values:
        raise ConfigError("is missing", key="pool.machines")
    machines = tuple(
        PoolMachine(name, machine["address"], _own_credentials(machine, credentials))
        for name, machine in values["machines"].items()
    )
    return PoolAddress(machines, **_pick(values, ("idle_timeout", "max_lease", "retry_after")))


def _own_credentials(machine: Mapping[str, Any], usual: Credentials) -> Credentials | None:
    """Return a machine's own credentials, completed by the target's; None if it has none of its own."""
    own = credentials_of(machine)
    if own == Credentials() and "username" not in machine:
        return None
    username = own.username if "username" in machine else usual.username
    return replace(own if own.form else usual, username=username)


def _tls(values: Mapping[str, Any]) -> TLSOptions:
    pair = {"cert_file", "key_file"}
    if (there := pair & values.keys()) and there != pair:
        raise ConfigError(f"is of no use without tls.{min(pair - there)}", key=f"tls.{min(there)}")
    return TLSOptions(**values)


def parse_target(name: str, raw: Mapping[str, Any], *, longest_name: int = MAX_CONFIG_NAME) -> Target:
    """Make a target of one entry of ``c.VNCBroker.targets``.

    Raises:
        ConfigError: names the target and the key that is wrong, and says what is valid.
    """
    check_name(name, longest=longest_name)
    try:
        if not isinstance(raw, Mapping):
            raise ConfigError("must be a dictionary of target options")  # noqa: TRY301 - gets the name below
        values = checks.checked(raw, KEYS)
        credentials = credentials_of(values)
        return Target(
            name=name,
            address=_place(values, credentials),
            credentials=credentials,
            tls=_tls(values.get("tls", {})),
            viewer=ViewerOptions(**_pick(values, _VIEWER)),
            limits=TargetLimits(**_pick(values, _LIMITS)),
            **_pick(values, _PLAIN),
        )
    except ConfigError as error:
        raise ConfigError(error.message, target=name, key=error.key) from None


def mistakes(name: str, raw: Mapping[str, Any]) -> dict[str, str]:
    """Return what is wrong with each key of an entry, all of it; empty if it is a target.

    What is wrong between keys is looked at when each of them is right.
    """
    found: dict[str, str] = {}
    for key, value in raw.items():
        try:
            checks.checked({key: value}, KEYS)
        except ConfigError as error:
            found[error.key] = error.message
    if not found:
        try:
            parse_target(name, raw)
        except ConfigError as error:
            found[error.key] = error.message
    return found


def parse_targets(raw: Mapping[str, Any]) -> tuple[dict[str, Target], list[ConfigError]]:
    """Parse all entries: the good targets in order, and one error for each bad one."""
    targets: dict[str, Target] = {}
    errors: list[ConfigError] = []
    for name, entry in raw.items():
        try:
            targets[name] = parse_target(name, entry)
        except ConfigError as error:
            errors.append(error)
        except Exception as error:  # noqa: BLE001 - a mistake in one must not affect the others
            errors.append(ConfigError(f"cannot be understood ({type(error).__name__})", target=str(name)))
    return targets, errors
