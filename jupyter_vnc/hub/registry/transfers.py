"""Importing and exporting registered targets, their history, and the table of all routes of the registry."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_vnc.config.exports import as_config, as_csv
from jupyter_vnc.config.imports import MAX_TEXT
from jupyter_vnc.escaping import printable
from jupyter_vnc.handlers import vnc_errors
from jupyter_vnc.routes import NAME, Route

from .drafts import Draft, read_drafts
from .handlers import (
    AdminPage,
    RegisteredHandler,
    RegistryAPIHandler,
    RegistryHandler,
    SchemaHandler,
    TestHandler,
    editor_of,
    shown_keys,
    written,
)

#: The longest body of an import (bytes): what is text can be twice as long in JSON.
MAX_IMPORT: Final = 2 * MAX_TEXT


class HistoryHandler(RegistryAPIHandler):
    """``GET api/registry/history``."""

    @web.authenticated
    @authorized
    @vnc_errors
    async def get(self) -> None:
        """List the last changes of the targets that the visitor manages."""
        rows = await self.registry.history(editor_of(self))
        self.answer([{**row, "at": written(row["at"])} for row in rows])


class ImportHandler(RegistryAPIHandler):
    """``POST api/registry/import``."""

    max_admitted = MAX_IMPORT

    @web.authenticated
    @authorized
    @vnc_errors
    async def post(self) -> None:
        """Register the targets of files; with ``dry_run`` only say what would be registered."""
        editor, body = editor_of(self), self.body()
        drafts = await asyncio.to_thread(read_drafts, body["format"], body["files"], body.get("keys", {}))
        checked, writes = await self.registry.preview(editor, drafts)
        done = not body.get("dry_run", False)
        if done and writes:
            await self.registry.add_all(editor, writes)
        self.answer({"imported": len(writes) if done else 0, "rows": list(map(_previewed, checked))})


class ExportHandler(RegistryAPIHandler):
    """``GET api/registry/export``: CSV, or with ``?format=config`` a part of a configuration file."""

    @web.authenticated
    @authorized
    @vnc_errors
    async def get(self) -> None:
        """Write the targets that the visitor manages, without secrets."""
        editor = editor_of(self)
        targets = {one.entry.name: shown_keys(editor, one) for one in self.registry.seen_by(editor)}
        config = self.get_argument("format", "csv") == "config"
        name = "jupyter_vnc_targets.py" if config else "jupyter-vnc-targets.csv"
        self.set_header("Content-Disposition", f'attachment; filename="{name}"')
        kind = "text/x-python" if config else "text/csv"
        self.finish(as_config(targets) if config else as_csv(targets), set_content_type=f"{kind}; charset=utf-8")


def _previewed(draft: Draft) -> dict[str, Any]:
    """Return a row of a preview; no key's value, since any may be a secret that is in the wrong column."""
    keys = draft.keys
    where = str(keys.get("host") or keys.get("socket") or ("pool" if "pool" in keys else ""))
    return {
        "where": printable(draft.where, 200),
        "name": printable(draft.name, 80),
        "address": printable(where, 200),
        "errors": {printable(key, 80): printable(said, 400) for key, said in draft.errors.items()},
        "exists": draft.exists,
    }


REGISTRY_ROUTES: Final[list[Route]] = [
    (r"/admin", AdminPage, {}),
    (r"/api/registry", RegistryHandler, {}),
    (r"/api/registry/schema", SchemaHandler, {}),
    (r"/api/registry/history", HistoryHandler, {}),
    (r"/api/registry/import", ImportHandler, {}),
    (r"/api/registry/export", ExportHandler, {}),
    (rf"/api/registry/{NAME}", RegisteredHandler, {}),
    (rf"/api/registry/{NAME}/test", TestHandler, {}),
]
