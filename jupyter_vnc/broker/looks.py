"""Looks: the service of a hub shows a desktop of this server to somebody, by the rights that it has checked."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from jupyter_vnc.channels import Channel
from jupyter_vnc.desktops.manager import DesktopManager
from jupyter_vnc.exceptions import LimitExceeded, NotPermitted, TargetNotFound, VNCError
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Mode, Sharing, State
from jupyter_vnc.model.users import User

from .catalogue import Catalogue

#: People at once, and windows of those who look already, so that nobody keeps others out with many windows. Far fewer
#: than all sessions of a server, most of which stay for its owner and their guests.
MOST: Final = 16

#: Serves a session; see :meth:`.VNCBroker.open`.
Open = Callable[[Session, Channel, None], asyncio.Task[None]]


class Looks:
    """Sessions of whoever looks in, each over a channel that this server has opened itself.

    Whoever looks is in the list of those who have the desktop on the screen, as everybody is.

    Args:
        catalogue: knows the targets.
        desktops: knows which of them run.
        begin: serves a session.
    """

    def __init__(self, catalogue: Catalogue, desktops: DesktopManager, begin: Open) -> None:
        self._catalogue = catalogue
        self._desktops = desktops
        self._begin = begin
        #: How many windows each visitor has.
        self._looking: Counter[str] = Counter()

    async def serve(
        self,
        owner: User,
        name: str,
        visitor: User,
        viewer: Channel,
        mode: str = Mode.VIEW,
        *,
        may_control: bool = False,
    ) -> None:
        """Show a managed desktop that runs; return when the session has ended. Its channel is closed then.

        Args:
            owner: whose desktop it is.
            name: of the target.
            visitor: who looks, as the service says.
            viewer: the way to them.
            mode: what they want to do there.
            may_control: whether this server lets them work there.
        """
        full = self._is_full(visitor)
        self._looking[visitor.name] += 1
        try:
            if full:
                raise LimitExceeded("Too many people look into this server. Try again later.", retry_after=5.0)
            session = await self._session(owner, name, visitor, Mode(mode), may_control)
        except VNCError as error:
            await viewer.close(error.close_code, str(error))
        else:
            await self._begin(session, viewer, None)
        finally:
            self._looking[visitor.name] -= 1
            if not self._looking[visitor.name]:
                del self._looking[visitor.name]

    def _is_full(self, visitor: User) -> bool:
        looking = self._looking
        return (looking.total() if visitor.name in looking else len(looking)) >= MOST

    async def _session(self, owner: User, name: str, visitor: User, mode: Mode, may_control: bool) -> Session:
        """Return a session at a desktop.

        Raises:
            NotPermitted: they want control, which they may not have here, or is for one person at a time.
            TargetNotFound: there is no such desktop, or it does not run: nobody starts it by looking.
        """
        target = await self._catalogue.current(owner, name)
        if target is None or target.address.spec is None or self._desktops.state(owner.name, name) is not State.UP:
            raise TargetNotFound("This desktop does not run any more.")
        if mode is Mode.CONTROL and not (may_control and target.mode is Mode.CONTROL):
            raise NotPermitted("You may look at this desktop, but not control it.")
        if mode is Mode.CONTROL and target.sharing is not Sharing.SHARED:
            # Whoever it belongs to would be kept from it, or would keep others from helping.
            raise NotPermitted("Only one person at a time controls this desktop. You may look at it.")
        # Nothing goes to the clipboard; text that is copied there is sent all the same, by X servers to all viewers.
        shown = replace(target, mode=mode, viewer=replace(target.viewer, clipboard="off", resize="scale"))
        return Session(visitor, shown, mode, owner=owner, look_in=True)
