"""Holding the input of one session while its bytes are relayed."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from jupyter_vnc.channels import Channel
from jupyter_vnc.exceptions import TargetUnreachable, ViewerError
from jupyter_vnc.model.sessions import Session

from .traffic import Watch


class HeldInput:
    """Follows what a session says of holds, as a context.

    Args:
        session: whose input.
        watch: has the guard.
        target: gets what releases keys that are held down.
    """

    def __init__(self, session: Session, watch: Watch, target: Channel) -> None:
        self._session = session
        self._watch = watch
        self._target = target
        self._writing: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Self:
        self._session.on_held = self._follow
        self._follow()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._session.on_held = None
        for task in self._writing:
            task.cancel()

    def _follow(self) -> None:
        try:
            self._watch.hold(self._session.held is not None)
        except ViewerError as error:
            # Its next session is held from its first byte on.
            self._session.end(TargetUnreachable("Input is held now; the viewer connects again.", detail=str(error)))
            return
        if self._session.held is None:
            return
        task = asyncio.create_task(self._release())
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _release(self) -> None:
        """Write what releases keys, which no key may overtake: nothing is waited for between the two."""
        if released := self._watch.take_released():
            try:
                await self._target.write(released)
            except ConnectionError:
                return  # the relay notices
