"""The rules of managed desktops: who may start and stop them and read their logs, and which display kernels get."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from logging import Logger, LoggerAdapter
from pathlib import Path
from typing import Any

from jupyter_vnc.desktops import windows
from jupyter_vnc.desktops.kernel_display import KernelDisplay
from jupyter_vnc.desktops.manager import DesktopManager
from jupyter_vnc.desktops.sound import pulseaudio
from jupyter_vnc.escaping import printable
from jupyter_vnc.exceptions import NotPermitted, TargetNotFound
from jupyter_vnc.model.addresses import DesktopSpec
from jupyter_vnc.model.targets import Mode, State
from jupyter_vnc.model.users import User
from jupyter_vnc.model.visitors import Visitor
from jupyter_vnc.tokens import TokenRegistry

from .audit import Audit
from .catalogue import Catalogue

Rows = list[dict[str, Any]]
Tell = Callable[[Mapping[str, str]], None]


class ManagedDesktops:
    """The part of the broker for desktops that the server itself starts.

    Args:
        manager: starts and stops them.
        catalogue: knows who may do what with which.
        tokens: from which those of a desktop that has ended are dropped.
        audit: told of their states.
        log: for mistakes in the configuration.
        check_running: refuses what would begin something new while the server stops.
    """

    def __init__(
        self,
        manager: DesktopManager,
        catalogue: Catalogue,
        tokens: TokenRegistry,
        audit: Audit,
        log: Logger | LoggerAdapter[Any],
        check_running: Callable[[], None],
    ) -> None:
        self._manager = manager
        self._catalogue = catalogue
        self._tokens = tokens
        self._audit = audit
        self._log = log
        self._check_running = check_running
        self._kernels: KernelDisplay | None = None
        manager.on_exit = self._ended
        manager.on_change = self._changed

    async def list(self, visitor: Visitor) -> Rows:
        """List the user's managed desktops that are running or were: the rows of ``GET api/desktops``."""
        rows = self._manager.list(visitor.home.name)
        return [row for row in rows if await visitor.may("read", f"vnc:{row['name']}")]

    async def start(self, visitor: Visitor, name: str, *, restart: bool) -> None:
        """Start or restart a managed desktop, however often it has failed, and wait until it is ready.

        Raises:
            TargetNotFound: there is no managed desktop of this name for the visitor.
            NotPermitted: the visitor may only view it.
            DesktopFailed: it did not start.
        """
        self._check_running()
        spec = await self._managed(visitor, name)
        if restart:
            await self._manager.restart(visitor.home.name, name, spec)
        else:
            self._manager.forgive(visitor.home.name, name)
            await self._manager.ensure(visitor.home.name, name, spec)
        await self._manager.settle(visitor.home.name, name)

    async def stop(self, visitor: Visitor, name: str) -> None:
        """Stop a managed desktop with all its programs, and drop its unused tokens.

        Raises:
            TargetNotFound: there is no managed desktop of this name for the visitor.
            NotPermitted: the visitor may only view it.
        """
        await self._managed(visitor, name)
        await self._manager.stop(visitor.home.name, name)
        await self._tokens.revoke(user=visitor.home.name, target=name)
        if self._kernels is not None:
            await self._kernels.settled()

    async def log(self, visitor: Visitor, name: str) -> str:
        """Return the end of a managed desktop's log, of this run or of the last; empty if it never ran.

        Raises:
            TargetNotFound: there is no managed desktop of this name for the visitor.
            NotPermitted: the visitor may only view it.
        """
        await self._managed(visitor, name)
        # curl would pass escape sequences on to the reader's terminal, which would execute them.
        return printable(self._manager.log_text(visitor.home.name, name), keep="\n\t")

    async def open_file(self, visitor: Visitor, name: str, find_file: Callable[[], Path]) -> None:
        """Open a file of the server on a managed desktop, which is started where that is needed.

        Args:
            visitor: the user who sends the request.
            name: the desktop's target.
            find_file: finds the file, or raises the host's error for a missing one; called once that is permitted.

        Raises:
            TargetNotFound: there is no managed desktop of this name for the visitor.
            NotPermitted: the visitor may only view it, or may not read files.
            DesktopFailed: it did not start, or it has no application for the file.
        """
        self._check_running()
        spec = await self._managed(visitor, name)
        if not await visitor.may("read", "contents"):
            raise NotPermitted("You may not read files of this server.")
        await self._manager.open_file(visitor.home.name, name, spec, find_file())

    async def windows(self, visitor: Visitor, name: str) -> Rows:
        """List the windows of a managed desktop that runs: the rows of ``GET api/desktops/{name}/windows``.

        Raises:
            TargetNotFound: there is no managed desktop of this name for the visitor.
            DesktopFailed: it does not run, or does not answer.
        """
        await self._known(visitor, name)
        environ = self._manager.environment(visitor.home.name, name)
        return await windows.ask(environ, lambda there: [window.public() for window in there.list()])

    async def focus(self, visitor: Visitor, name: str, window: int) -> None:
        """Give a window of a managed desktop the keys; that is use of it, as a click is.

        Raises:
            TargetNotFound: there is no managed desktop of this name for the visitor, or it has no such window.
            NotPermitted: the visitor may only view it.
            DesktopFailed: it does not run, or does not answer.
        """
        mode, _ = await self._known(visitor, name)
        if mode is not Mode.CONTROL:
            raise NotPermitted("You may view this desktop, but not control it.")
        environ = self._manager.environment(visitor.home.name, name)
        if not await windows.ask(environ, lambda there: there.focus(window)):
            raise TargetNotFound("The desktop does not have this window any more.")
        self._manager.touch(visitor.home.name, name)

    async def offer_display(self, owner: User, tell: Tell, *, occupied: bool) -> None:
        """Give kernels and terminals the display of a managed desktop of the server's owner.

        Args:
            owner: whose desktop it is; the server has one user.
            tell: receives the variables that programs need, now and whenever they change.
            occupied: whether the server has a display of its own, which only an explicitly named target replaces.
        """
        wanted = self._manager.kernel_display
        if not wanted or (occupied and wanted == "auto") or not self._manager.available:
            return
        managed = [(one.name, spec) for one in await self._catalogue.had_by(owner) if (spec := one.address.spec)]
        found = next(((name, spec) for name, spec in managed if wanted in {"auto", name}), None)
        if found is None:
            if wanted != "auto":
                self._log.error("DesktopManager.kernel_display: %r is not a managed desktop", wanted)
            return
        # Kernels that have a sound server already keep it, whatever display they get.
        keep = bool(self._manager.own_sound)
        self._kernels = KernelDisplay(
            self._manager,
            (owner.name, *found),
            lambda variables: tell(pulseaudio.without(variables) if keep else variables),
        )
        await self._kernels.open(rings=self._manager.start_on == "window")
        if self._manager.start_on == "server":
            self._kernels.start()

    async def close(self) -> None:
        """Withdraw the kernels' display; the manager stops the desktops."""
        if self._kernels is not None:
            await self._kernels.close()

    async def _managed(self, visitor: Visitor, name: str) -> DesktopSpec:
        _, spec = await self._known(visitor, name)
        if not await visitor.may("write", f"vnc:{name}"):
            raise NotPermitted("You may not start or stop this desktop.")
        return spec

    async def _known(self, visitor: Visitor, name: str) -> tuple[Mode, DesktopSpec]:
        access = await self._catalogue.find(visitor, name)
        if (spec := access.target.address.spec) is None:
            raise TargetNotFound("This desktop is not one that the server can start or stop.")
        return access.mode, spec

    def _changed(self, user: str, name: str, state: State) -> None:
        self._audit.desktop_changed(user, name, state)
        if self._kernels is not None:
            self._kernels.changed(user, name, state)

    def _ended(self, user: str, name: str) -> None:
        """Drop the tokens of a desktop that has ended: they must not open its successor."""
        revoke = asyncio.ensure_future(self._tokens.revoke(user=user, target=name))
        revoke.add_done_callback(lambda done: done.exception())
