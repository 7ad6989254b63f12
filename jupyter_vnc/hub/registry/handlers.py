"""The routes of registered targets: authenticate, call the registry, serialise."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, cast

from jupyter_server.auth.decorator import authorized
from jupyter_server.utils import url_path_join
from tornado import web

from jupyter_vnc.config.schema import target_schema
from jupyter_vnc.escaping import printable
from jupyter_vnc.exceptions import MalformedRequest, NotPermitted
from jupyter_vnc.handlers import VNCAPIHandler, VNCHandler, vnc_errors
from jupyter_vnc.hub.editor import Editor, local_keys
from jupyter_vnc.hub.identity import HubVisitor
from jupyter_vnc.model.targets import Target
from jupyter_vnc.pages import VNCPageHandler

from . import trials
from .registry import Registry
from .service import RegistryService
from .snapshot import Registered

#: The longest body of a target (bytes): a pool of some hundred machines.
MAX_KEYS: Final = 256 * 1024


def editor_of(handler: VNCHandler) -> Editor:
    """Return which targets the visitor manages.

    Raises:
        NotPermitted: none.
    """
    editor = cast("HubVisitor", handler.visitor()).editor
    if editor is None:
        raise NotPermitted("This page is for those who manage remote desktops.")
    return editor


class AdminPage(VNCPageHandler):
    """``GET {root}admin``: the registered targets."""

    @web.authenticated
    @authorized
    @vnc_errors
    async def get(self) -> None:
        """Show the page; its script loads the content."""
        editor_of(self)
        self.page("admin.html")


class RegistryAPIHandler(VNCAPIHandler):
    """What the routes of the registry share."""

    _etag: str | None = None

    @property
    def service(self) -> RegistryService:
        """The registry with its database."""
        service: RegistryService = self.settings["vnc_registry"]
        return service

    @property
    def registry(self) -> Registry:
        """The rules."""
        return self.service.registry

    def compute_etag(self) -> str | None:
        """Return the version of the target in the answer; there is no other entity tag."""
        return self._etag

    def check_etag_header(self) -> bool:
        """Answer in full: a script that asks wants to see it."""
        return False

    def expected(self) -> int | None:
        """Return the version that the request is about; None for whichever is there.

        Raises:
            web.HTTPError: 428, it does not say.
            MalformedRequest: it is no version of ours.
        """
        tag = self.request.headers.get("If-Match", "").strip()
        if not tag:
            raise web.HTTPError(428, "Say with If-Match which version you change; * for whichever is there.")
        number = tag.strip('"')
        if tag == "*":
            return None
        if not (number.isascii() and number.isdecimal() and 0 < len(number) < 19 and int(number)):
            raise MalformedRequest("If-Match must be the ETag of a target.")
        return int(number)

    def answer_target(self, editor: Editor, one: Registered, status: int = 200) -> None:
        """Respond with a target and its version."""
        self._etag = f'"{one.entry.version}"'
        self.set_header("ETag", self._etag)
        self.answer(self.row(editor, one) | {"keys": shown_keys(editor, one)}, status)

    def row(self, editor: Editor, one: Registered) -> dict[str, Any]:
        """Return what the list shows of a target."""
        entry, keys = one.entry, one.entry.keys
        last = self.settings["vnc_trials"].last.get(entry.name)
        return {
            "name": entry.name,
            "title": printable(str(keys.get("title", ""))),
            "kind": next((kind for kind in ("host", "socket", "pool") if kind in keys), ""),
            "where": printable(str(one.target.address)) if one.target else "",
            "mode": keys.get("mode", "control"),
            "allow_users": keys.get("allow_users", []),
            "allow_groups": keys.get("allow_groups", []),
            "sessions": sum(session.is_at(entry.name) for session in self.broker.registry.everybody()),
            "test": last and {"at": written(last.at), "ok": last.good, "step": last.step},
            "maintenance": self.broker.maintenance.whole(entry.name),
            "machines": machines_of(one.target),
            "machines_out": self.broker.maintenance.machines(entry.name),
            "problem": one.problem,
            "editable": editor.changes(keys),
            "version": entry.version,
            "changed_at": written(entry.changed_at),
            "changed_by": entry.changed_by,
        }


def machines_of(target: Target | None) -> list[str]:
    """Return the names of a pool's machines; none of other targets, and of those that cannot be used."""
    return [one.name for one in getattr(target.address, "machines", ())] if target else []


def shown_keys(editor: Editor, one: Registered) -> dict[str, Any]:
    """Return a target's keys; what names something of the service's machine only to those who may set it."""
    keys = one.entry.keys
    return dict(keys) if editor.local else {key: value for key, value in keys.items() if not local_keys({key: value})}


class RegistryHandler(RegistryAPIHandler):
    """``GET`` and ``POST api/registry``."""

    max_admitted = MAX_KEYS

    @web.authenticated
    @authorized
    @vnc_errors
    async def get(self) -> None:
        """List the targets that the visitor manages."""
        editor = editor_of(self)
        rows = [self.row(editor, one) for one in self.registry.seen_by(editor)]
        groups = None if editor.groups is None else sorted(editor.groups)
        may = {"groups": groups, "local": editor.local}
        self.answer({"targets": rows, "may": may, "trouble": self.service.trouble})

    @web.authenticated
    @authorized
    @vnc_errors
    async def post(self) -> None:
        """Register a target."""
        editor, body = editor_of(self), self.body()
        one = await self.registry.save(editor, body["name"], body["keys"], 0)
        self.set_header("Location", url_path_join(self.vnc_root, "api/registry", one.entry.name))
        self.answer_target(editor, one, 201)


class RegisteredHandler(RegistryAPIHandler):
    """``GET``, ``PUT`` and ``DELETE api/registry/{name}``."""

    max_admitted = MAX_KEYS

    @web.authenticated
    @authorized
    @vnc_errors
    async def get(self, name: str) -> None:
        """Show a target with its keys."""
        editor = editor_of(self)
        self.answer_target(editor, await self.registry.find(editor, name))

    @web.authenticated
    @authorized
    @vnc_errors
    async def put(self, name: str) -> None:
        """Change a target."""
        editor, body = editor_of(self), self.body()
        self.answer_target(editor, await self.registry.save(editor, name, body["keys"], self.expected()))

    @web.authenticated
    @authorized
    @vnc_errors
    async def delete(self, name: str) -> None:
        """Remove a target."""
        await self.registry.remove(editor_of(self), name, self.expected())
        self.set_status(204)


class TestHandler(RegistryAPIHandler):
    """``POST api/registry/{name}/test``."""

    max_admitted = MAX_KEYS

    @web.authenticated
    @authorized
    @vnc_errors
    async def post(self, name: str) -> None:
        """Try a target, as it is saved or with other keys; respond with the steps and a picture."""
        editor, body = editor_of(self), self.body()
        if (keys := body.get("keys")) is None:
            one = await self.registry.find(editor, name)
            keys = one.entry.keys
            if one.target is None:
                raise MalformedRequest(one.problem)
            target = one.target
        else:
            target = await self.registry.target_of(editor, name, keys)
        trial = await self.settings["vnc_trials"].run(target, self.visitor().user, body.get("machine", ""))
        self.answer(trials.as_json(trial, detail=editor.local))


class SchemaHandler(RegistryAPIHandler):
    """``GET api/registry/schema``."""

    @web.authenticated
    @authorized
    @vnc_errors
    async def get(self) -> None:
        """Describe the keys as JSON Schema."""
        editor_of(self)
        self.answer(target_schema(without=("desktop",)))


def written(moment: float) -> str:
    """Write Unix time as REST answers have it."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
