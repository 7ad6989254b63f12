"""Streams: who may have one, and how many, for how long.

A stream belongs to one session of whoever has the desktop on the screen, in whatever mode. It ends with that session,
so that all that ends it (an instructor, a takeover, a login that is gone) ends what is heard, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from logging import Logger, LoggerAdapter
from typing import Any

from jupyter_vnc.broker.access.kinds import AccessKinds
from jupyter_vnc.channels import Channel
from jupyter_vnc.close_codes import CloseCode
from jupyter_vnc.exceptions import (
    MalformedRequest,
    NotPermitted,
    ServerStopping,
    TargetNotFound,
    TokenRefused,
    VNCError,
)
from jupyter_vnc.model.session_registry import SessionRegistry
from jupyter_vnc.model.sessions import Session, place_of
from jupyter_vnc.model.streams import Stream
from jupyter_vnc.model.targets import Mode
from jupyter_vnc.model.visitors import Visitor
from jupyter_vnc.tokens import STREAM, VIDEO, Grant, IssuedToken, TokenRegistry

from .catalogue import Access, Catalogue
from .listening import Listening
from .watching import Watching

_FAILED = "Something went wrong in the server. Its log has the details."


class Streams:
    """The live streams, and what permits another one.

    Args:
        catalogue: knows who may see which desktop.
        tokens: from which those of a stream come.
        registry: the live sessions; tells when one has ended.
        kinds: how the sound of each kind of target is reached.
        log: for errors.
        check_running: refuses what would begin something new while the server stops.
        stall_timeout: seconds for which a viewer may accept nothing; 0 for no limit.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        tokens: TokenRegistry,
        registry: SessionRegistry,
        kinds: AccessKinds,
        log: Logger | LoggerAdapter[Any],
        check_running: Callable[[], None],
        stall_timeout: float,
    ) -> None:
        self._catalogue = catalogue
        self._tokens = tokens
        self._registry = registry
        self._kinds = kinds
        self._log = log
        self._check_running = check_running
        self._stall_timeout = stall_timeout
        self._live: list[Stream] = []
        self._serving: set[asyncio.Task[None]] = set()
        registry.on_remove = self._left

    async def issue(
        self, visitor: Visitor, name: object, session: object = "", owner: object = "", kind: str = STREAM
    ) -> IssuedToken:
        """Issue a token for a stream, of sound or of video, beside a session of the visitor's on a desktop, by its id.

        Raises:
            MalformedRequest: ``owner`` is not a name, or ``session`` no id.
            TargetNotFound: unknown or not permitted, or there is nothing to hear or to see.
            NotPermitted: the visitor has no such session on it.
            LimitExceeded: too many tokens, or the server has no room.
            StoreUnavailable: the token store does not answer.
        """
        self._check_running()
        if not isinstance(owner, str):
            raise MalformedRequest("owner must be a user's name")
        if not isinstance(session, str):
            raise MalformedRequest("session must be the id of a session")
        access = await self._catalogue.find(visitor, name, owner)
        self._check(visitor, access, session, kind)
        about = visitor.user.name, access.target.name, access.target.generation, Mode.VIEW
        return await self._tokens.issue(Grant(*about, owner=owner, kind=kind, session=session))

    async def redeem(self, visitor: Visitor, token: str) -> Stream:
        """Exchange a token for a stream, which :meth:`open` runs.

        Raises:
            TokenRefused: unknown, spent, expired, another user's, or for what the target no longer is or permits.
            NotPermitted: the session has ended.
            StoreUnavailable: the token store does not answer.
        """
        self._check_running()
        grant = await self._tokens.redeem(token, visitor.user.name)
        if grant.kind not in {STREAM, VIDEO}:
            raise TokenRefused(detail="the token is not for a stream")
        try:
            access = await self._catalogue.find(visitor, grant.target, grant.owner)
            session = self._check(visitor, access, grant.session, grant.kind)
        except TargetNotFound:
            raise TokenRefused(detail=f"{grant.target} is gone or no longer permitted") from None
        if access.target.generation != grant.generation:
            raise TokenRefused(detail=f"{grant.target} is another server than when the token was issued")
        return Stream(session, access.target, access.owner, grant.kind)

    def open(self, stream: Stream, viewer: Channel) -> asyncio.Task[None]:
        """Start to serve a stream; the task ends when the stream does and never raises."""
        task = asyncio.create_task(self._serve(stream, viewer), name=f"vnc-stream-{stream.id}")
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        return task

    async def close(self) -> None:
        """End all streams."""
        for stream in tuple(self._live):
            stream.end(ServerStopping())
        if self._serving:
            await asyncio.wait(self._serving, timeout=5.0)

    def _check(self, visitor: Visitor, access: Access, session: str, kind: str) -> Session:
        """Check that there may be a stream; return the session that it is beside.

        Raises:
            TargetNotFound: there is nothing to hear, or to see.
            NotPermitted: the visitor has no session of this id on the desktop.
            LimitExceeded: the server has no room.
        """
        of = self._kinds.of(access.target)
        has, what = (of.has_video, "video") if kind == VIDEO else (of.has_sound, "sound")
        if not has(access.target, access.owner):
            raise TargetNotFound(f"This desktop has no {what}.")
        for one in self._registry.at(place_of(access.owner, access.target)):
            if one.is_here and (one.id, one.user.name) == (session, visitor.user.name):
                break
        else:
            raise NotPermitted(f"Open the desktop first: {what} comes with its picture.")
        if (refusal := self._registry.refusal()) is not None:
            raise refusal
        return one

    def _make_room(self, stream: Stream) -> None:
        """End those of its kind beside its session: a viewer has one, and may have lost the end of the others."""
        for one in self._beside(stream.session):
            if one is not stream and one.kind == stream.kind:
                one.end()
        if stream.session not in self._registry:  # it has ended while the websocket opened
            stream.end()

    def _left(self, session: Session) -> None:
        for stream in self._beside(session):
            stream.end()

    def _beside(self, session: Session) -> list[Stream]:
        return [stream for stream in self._live if stream.session is session]

    async def _serve(self, stream: Stream, viewer: Channel) -> None:
        """Own one stream to its end. Never raises: every error becomes the viewer's close code and sentence."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - for the type checker: a coroutine runs in a task
        code, reason = CloseCode.INTERNAL_ERROR, ""
        try:
            stream.run_by(task.cancel)
            self._live.append(stream)
            self._make_room(stream)
            await self._serving_of(stream, viewer).run()
            code = CloseCode.NORMAL
        except asyncio.CancelledError:
            code, reason = _ending(stream)
        except VNCError as error:
            self._log.info("Stream (%s) of %s: %s", stream.kind, stream.target.name, error.log_line)
            code, reason = error.close_code, str(error)
        except Exception:  # noqa: BLE001 - nothing may reach the viewer as a traceback
            self._log.exception("Stream (%s) of %s failed", stream.kind, stream.target.name)
            reason = _FAILED
        finally:
            self._live.remove(stream)
            await viewer.close(code, reason)

    def _serving_of(self, stream: Stream, viewer: Channel) -> Listening | Watching:
        access, about = self._kinds.of(stream.target), (stream.target, stream.owner)
        if stream.kind == VIDEO:
            return Watching(lambda: access.watch(*about), viewer, stream.session.narrow, self._stall_timeout)
        return Listening(lambda: access.listen(*about), viewer, self._stall_timeout)


def _ending(stream: Stream) -> tuple[CloseCode, str]:
    """The code and the sentence of a stream that somebody has ended."""
    error = stream.error or (None if stream.ended else ServerStopping())
    return (CloseCode.NORMAL, "") if error is None else (error.close_code, str(error))
