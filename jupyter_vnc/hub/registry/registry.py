"""Registering targets: every rule is here, for the web and for the shell."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from jupyter_vnc.config import secret_keys
from jupyter_vnc.config.targets import mistakes, parse_target
from jupyter_vnc.exceptions import InvalidTarget, NameTaken, NotPermitted, TargetNotFound
from jupyter_vnc.hub.editor import Editor, local_keys
from jupyter_vnc.model.targets import Target
from jupyter_vnc.stores.database.keyring import Keyring, Unreadable
from jupyter_vnc.stores.database.registered import RegisteredTargets, Write
from jupyter_vnc.system.environment import take_passwords

from .drafts import Draft
from .snapshot import Registered, Snapshot

#: Names that are routes, or words of the shell.
RESERVED: Final = frozenset({"schema", "import", "export", "history"})
#: Levels of dictionaries and lists in the keys of a target; ``pool.machines.m1.password_command[0]`` has five.
MAX_DEPTH: Final = 6
#: Targets that can be registered.
MOST: Final = 10_000


class Registry:
    """Registered targets, as those who manage them see and change them."""

    def __init__(self, store: RegisteredTargets, keyring: Keyring, snapshot: Snapshot) -> None:
        self._store = store
        self._keyring = keyring
        self._snapshot = snapshot

    # -- reading --------------------------------------------------------------------------------------------------

    def seen_by(self, editor: Editor) -> list[Registered]:
        """List the targets that somebody manages."""
        return [one for one in self._snapshot.by_name.values() if editor.sees(one.entry.keys)]

    async def find(self, editor: Editor, name: str) -> Registered:
        """Return one target as it is in the database now.

        Raises:
            TargetNotFound: there is none, or it is not theirs.
            StoreUnavailable: the database does not answer.
        """
        await self._snapshot.refresh(strict=True)
        one = self._snapshot.by_name.get(name)
        if one is None or not editor.sees(one.entry.keys):
            raise TargetNotFound("There is no such registered target, or you may not manage it.")
        return one

    async def history(self, editor: Editor, name: str = "") -> list[dict[str, Any]]:
        """List the last changes of the targets that somebody manages, the newest first.

        Raises:
            StoreUnavailable: the database does not answer.
        """
        rows = await self._store.history(name)
        return [row for row in map(_told, rows) if editor.groups is None or _concerns(editor, row)]

    # -- changing -------------------------------------------------------------------------------------------------

    async def save(self, editor: Editor, name: str, keys: Mapping[str, Any], expected: int | None) -> Registered:
        """Register a target, or change one.

        Args:
            editor: who does.
            name: of the target.
            keys: all of its keys; :data:`~.secret_keys.KEPT` keeps a stored secret.
            expected: the version that is changed, 0 for a new target, None for whichever is there.

        Raises:
            InvalidTarget: keys are wrong or not permitted.
            EditConflict: somebody else has changed it.
            NameTaken: there is one already.
            NotPermitted: only an admin may change this one.
            TargetNotFound: there is none to change, or it is not theirs.
            StoreUnavailable: the database does not answer; nothing has changed.
        """
        before = self._snapshot.by_name.get(name) if expected != 0 else None
        if expected != 0:
            before = await self.find(editor, name)
            self._check_change(editor, before)
        write, errors = await self.draft(editor, name, keys, before, expected)
        if errors:
            raise InvalidTarget(errors)
        await self._store.write([write], editor.name)
        return await self.find(editor, name)

    def _check_change(self, editor: Editor, one: Registered) -> None:
        if not editor.changes(one.entry.keys):
            raise NotPermitted("This target names something of the service's own machine; only an admin may change it.")

    async def remove(self, editor: Editor, name: str, expected: int | None) -> None:
        """Remove a target. Sessions on it end at their next check.

        Raises:
            TargetNotFound, NotPermitted, EditConflict, StoreUnavailable: see :meth:`save`.
        """
        before = await self.find(editor, name)
        self._check_change(editor, before)
        detail = _detail(before.entry.keys, {}, [])
        await self._store.write([Write(name, None, expected=expected, detail=detail)], editor.name)
        await self._snapshot.refresh()

    async def draft(
        self,
        editor: Editor,
        name: str,
        keys: Mapping[str, Any],
        before: Registered | None,
        expected: int | None,
    ) -> tuple[Write, dict[str, str]]:
        """Return the change that would be written, and what is wrong with it by key."""
        if _is_deep(keys):
            return Write(name, {}), {"": "is nested too deeply"}
        public, secrets = secret_keys.split(keys)
        errors = self._keep(public, secrets, name, before)
        whole = secret_keys.join(public, secrets)
        errors |= {} if errors else await asyncio.to_thread(mistakes, name, whole)
        errors |= editor.objections(public)
        if "desktop" in public:
            errors["desktop"] = "would run under the service's own account; let the users' own servers start desktops"
        if name in RESERVED:
            errors[""] = f"{name!r} cannot be the name of a registered target"
        if before is None and len(self._snapshot.by_name) >= MOST:
            errors[""] = f"there are {MOST} registered targets already"
        if errors:
            return Write(name, {}), errors
        old = before.entry.keys if before else {}
        changed = [path for path in secrets if path not in secret_keys.kept(keys)]
        return Write(name, public, self._keyring.seal(name, secrets), expected, _detail(old, public, changed)), {}

    def _keep(
        self, public: Mapping[str, Any], secrets: dict[str, str], name: str, before: Registered | None
    ) -> dict[str, str]:
        """Add the stored secrets that are kept; return which cannot be, and why."""
        wanted = [path for path in secret_keys.kept(public) if path not in secrets]
        if not wanted:
            return {}
        try:
            stored = self._keyring.unseal(name, before.entry.sealed) if before else {}
        except Unreadable as error:
            return dict.fromkeys(wanted, str(error))
        errors = {}
        for path in wanted:
            old = secret_keys.recipients(before.entry.keys, path) if before else frozenset()
            if path not in stored:
                errors[path] = "is not stored; enter it"
            elif not secret_keys.recipients(public, path) <= old:
                errors[path] = "must be entered again, because the address or its encryption has changed"
            else:
                secrets[path] = stored[path]
        return errors

    async def target_of(self, editor: Editor, name: str, keys: Mapping[str, Any]) -> Target:
        """Make a target of keys that are not saved, to try it.

        Raises:
            InvalidTarget: keys are wrong or not permitted.
        """
        before = self._snapshot.by_name.get(name)
        if before is not None and not editor.sees(before.entry.keys):
            before = None
        write, errors = await self.draft(editor, name, keys, before, None)
        if errors:
            raise InvalidTarget(errors)
        whole = secret_keys.join(write.keys or {}, self._keyring.unseal(name, write.sealed))
        take_passwords(whole)
        return await asyncio.to_thread(parse_target, name, whole)

    # -- many at once ---------------------------------------------------------------------------------------------

    async def preview(self, editor: Editor, drafts: Sequence[Draft]) -> tuple[list[Draft], list[Write]]:
        """Check what would be imported; return all of it with its errors, and the changes that can be made."""
        checked, writes, names = [], [], set()
        for one in drafts:
            errors = dict(one.errors)
            exists = one.name in self._snapshot.by_name
            if not errors:
                write, errors = await self.draft(editor, one.name, one.keys, None, 0)
                if exists or one.name in names:
                    errors[""] = "there is a target of this name already" if exists else "the name is used twice"
                if not errors:
                    writes.append(write)
            names.add(one.name)
            checked.append(Draft(one.name, one.keys, errors, one.where, exists))
        return checked, writes

    async def add_all(self, editor: Editor, writes: Sequence[Write]) -> int:
        """Register the targets of a preview, in one transaction; return how many.

        Raises:
            NameTaken: somebody has registered one of them meanwhile; none is registered.
            StoreUnavailable: the database does not answer; none is registered.
        """
        if len(writes) + len(self._snapshot.by_name) > MOST:
            raise NameTaken(f"There would be more than {MOST} registered targets.")
        await self._store.write(writes, editor.name, "import")
        await self._snapshot.refresh()
        return len(writes)

    async def rotate(self, editor: Editor) -> int:
        """Encrypt all secrets again with the newest key; return of how many targets.

        Raises:
            Unreadable: some cannot be decrypted; nothing has changed. The message names the target.
            StoreUnavailable: the database does not answer; nothing has changed.
        """

        def again(name: str, sealed: str) -> str:
            try:
                return self._keyring.seal(name, self._keyring.unseal(name, sealed))
            except Unreadable as error:
                raise Unreadable(f"Target {name!r}: {error}") from None

        return await self._store.reseal(again, editor.name)


def _detail(old: Mapping[str, Any], new: Mapping[str, Any], secrets: Sequence[str]) -> dict[str, Any]:
    """Say what has changed, by key: before and after. A secret's value is never part of it."""
    differ = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    local = {key for key in differ if any(local_keys({key: keys.get(key)}) for keys in (old, new))}
    groups = sorted({str(one) for keys in (old, new) for one in keys.get("allow_groups") or ()})
    people = any(keys.get("allow_users") for keys in (old, new))
    everybody = any(not keys.get("allow_groups") for keys in (old, new) if keys)
    return {
        "changed": {key: [old.get(key), new.get(key)] for key in differ if key not in local},
        "local": sorted(local),
        "secrets": sorted(secrets),
        "groups": None if people or everybody else groups,
    }


def _told(row: dict[str, Any]) -> dict[str, Any]:
    nothing: dict[str, Any] = {"changed": {}, "local": [], "secrets": [], "groups": None}
    return {**nothing, **row["detail"], **{key: row[key] for key in ("at", "by", "action", "target")}}


def _concerns(editor: Editor, row: Mapping[str, Any]) -> bool:
    """Whether a change was one of somebody's targets, before and after it."""
    return bool(row.get("groups")) and editor.sees({"allow_groups": row["groups"]})


def _is_deep(keys: Any) -> bool:
    """Whether keys are nested deeper than any target's."""
    level = [keys]
    for _ in range(MAX_DEPTH):
        level = [part for one in level if isinstance(one, Mapping | list) for part in _parts(one)]
    return bool(level)


def _parts(one: Mapping[str, Any] | list[Any]) -> list[Any]:
    return list(one.values()) if isinstance(one, Mapping) else one
