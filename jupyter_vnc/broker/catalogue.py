"""The catalogue: every target of every source, and who may do what with it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from logging import Logger, LoggerAdapter
from typing import Any, Final

from jupyter_vnc.exceptions import ConfigError, TargetNotFound, TargetUncertain
from jupyter_vnc.model.targets import TARGET_NAME, Mode, Target
from jupyter_vnc.model.users import User
from jupyter_vnc.model.visitors import Visitor, best_mode
from jupyter_vnc.plugins import load_plugin, make_plugin
from jupyter_vnc.sources.base import TargetSource
from jupyter_vnc.system.logs import Configurable, one_line

from .elsewhere import Elsewhere

#: Lines in the log, at most, about targets that users cannot have: anybody may be called anything.
MAX_LEFT_OUT: Final = 100
#: Targets, at most, whose end is noticed: those that were seen last.
MAX_WATCHED: Final = 1000


@dataclass(frozen=True, slots=True)
class Access:
    """A target as its owner has it, and the highest mode that a visitor is permitted."""

    target: Target
    mode: Mode
    owner: User


class _SourceFailed(Exception):
    """A source raised; it is logged."""


class Catalogue:
    """Finds targets. A source that fails is logged; the other sources' targets stay usable.

    Args:
        sources: in the order in which they are merged; a name that two have is the first one's.
        log: for errors of a source.
        fits: whether a target may be one here; others are left out.
        found: called with each target as the sources have it now; returns whether ``lost`` has to be called.
        lost: called with the name of such a target when the sources do not have it any more.
    """

    def __init__(
        self,
        sources: Sequence[TargetSource],
        log: Logger | LoggerAdapter[Any],
        *,
        fits: Callable[[Target], bool] = lambda target: True,
        found: Callable[[Target], bool | None] = lambda target: None,
        lost: Callable[[str], None] = lambda name: None,
    ) -> None:
        self.sources = list(sources)
        self.log = one_line(log)
        self._fits = fits
        self._left_out: set[tuple[str, ...]] = set()
        self._found = found
        self._lost = lost
        #: Who had each of the targets whose end it notices; the one seen last is at the end.
        self._watched: dict[str, User] = {}
        #: The desktops in other servers; the host sets it.
        self.elsewhere = Elsewhere()

    async def known(self, user: User) -> list[Target]:
        """List what the sources have for a user, without checking permissions."""
        merged: dict[str, Target] = {}
        failed = False
        for source in self.sources:
            targets = await self._ask_all(source, user)
            failed = failed or targets is None
            for target in targets or ():
                if merged.setdefault(target.name, target) is target and not failed:
                    self._note(target, user)  # otherwise the source that failed may have another one of that name
        if not failed:
            await self._check_one(merged.keys())
        return list(merged.values())

    def _note(self, target: Target, user: User) -> None:
        watched = self._watched.pop(target.name, None) is not None
        if self._found(target):
            self._watched[target.name] = user
            if len(self._watched) > MAX_WATCHED:
                del self._watched[next(iter(self._watched))]
        elif watched:
            self._lost(target.name)  # the name is another kind's now

    async def _check_one(self, listed: Collection[str]) -> None:
        """Look for one target that is not in a user's list, that which was seen the longest ago.

        It may be another user's: a source may have other targets for each. One for each list is enough, because lists
        are asked for every few seconds.
        """
        name, user = next(((name, user) for name, user in self._watched.items() if name not in listed), ("", None))
        if user is None:
            return
        target, failed = await self.look_up(user, name)
        if target is None and not failed and self._watched.get(name) is user:
            del self._watched[name]
            self._lost(name)

    async def had_by(self, user: User) -> list[Target]:
        """List the targets that admit a user, before the authorizer is asked."""
        return [target for target in await self.known(user) if target.admits(user)]

    async def visible(self, visitor: Visitor) -> list[tuple[Target, Mode]]:
        """List the targets that the visitor may view, each with the highest mode that they are permitted."""
        pairs = [(target, await best_mode(visitor, target)) for target in await self.known(visitor.home)]
        return [(target, mode) for target, mode in pairs if mode is not None]

    async def find(self, visitor: Visitor, name: object, owner: str = "", server: str | None = None) -> Access:
        """Return a target by name, as its owner has it: the visitor, their host, or a user whom they oversee.

        With the name of a server of the owner's, it is a desktop that runs there.

        Raises:
            TargetNotFound: unknown or not permitted; the answer is the same, for the owner too.
            TargetUncertain: unknown, but a source failed.
            ServerAway: that server is not connected at present.
        """
        if not isinstance(name, str) or not TARGET_NAME.fullmatch(name):
            raise TargetNotFound
        if server is not None:
            there, whose = self.elsewhere.find(visitor, owner, server, name)
            return Access(there, there.mode, whose)
        person = await _owner(visitor, owner)
        target, failed = await self.look_up(person, name)
        if target is not None:
            mode = await best_mode(visitor, target)
            if mode is not None and (person is visitor.home or visitor.oversees(person, target)):
                return Access(target.for_user(person), mode, person)
        raise TargetUncertain if failed else TargetNotFound

    async def current(self, user: User, name: str) -> Target | None:
        """Return a user's target as the sources have it now, permitted or not; None if there is none."""
        return (await self.look_up(user, name))[0]

    async def look_up(self, user: User, name: str) -> tuple[Target | None, bool]:
        """Return a target, and whether a source failed that might have had it, or another one of that name."""
        failed = False
        for source in self.sources:
            try:
                target = await self._ask(source, user, name)
            except _SourceFailed:
                failed = True
                continue
            if target is not None:
                if not failed:
                    self._note(target, user)
                return target, failed
        return None, failed

    async def has(self, user: User, name: str) -> bool:
        """Whether a source has a target of this name for the user, permitted or not."""
        return await self.current(user, name) is not None

    @property
    def problems(self) -> list[str]:
        """What is wrong with what the sources read, for administrators."""
        return [problem for source in self.sources for problem in source.problems]

    async def _ask_all(self, source: TargetSource, user: User) -> Sequence[Target] | None:
        """Return what one source has; None if it failed."""
        try:
            return [target for target in await source.targets(user) if self._is_for(target, user)]
        except Exception:  # a plug-in may raise anything; the other sources must go on
            self.log.exception("Target source %s failed", type(source).__name__)
            return None

    async def _ask(self, source: TargetSource, user: User, name: str) -> Target | None:
        """Ask one source for a target.

        Raises:
            _SourceFailed: it failed, which says nothing about the target.
        """
        try:
            target = await source.target(user, name)
        except Exception as error:
            self.log.exception("Target source %s failed", type(source).__name__)
            raise _SourceFailed from error
        return target if target is not None and self._is_for(target, user) else None

    def _is_for(self, target: Target, user: User) -> bool:
        """Whether a target can be opened for a user: the one rule for what is listed and what is found."""
        if not self._fits(target):
            return False
        if not TARGET_NAME.fullmatch(target.name):
            self._leave_out("Target %r is left out: a target cannot have this name", target.name)
            return False
        if not target.can_be_for(user):
            self._leave_out(
                "Target %r is left out for %r, whose name cannot be part of its address", target.name, user.name
            )
            return False
        return True

    def _leave_out(self, sentence: str, *names: str) -> None:
        """Log each once: lists are asked for every few seconds."""
        if names not in self._left_out and len(self._left_out) < MAX_LEFT_OUT:
            self._left_out.add(names)
            self.log.warning(sentence, *names)


async def _owner(visitor: Visitor, owner: str) -> User:
    home = visitor.home
    if owner in ("", visitor.user.name, home.name):
        return home
    if (person := await visitor.person(owner)) is None:
        raise TargetNotFound(detail=f"no user {owner[:64]!r} is known")
    return person


def load_sources(parent: Configurable, wanted: Sequence[object]) -> list[TargetSource]:
    """Build sources, for which see :func:`~jupyter_vnc.plugins.load_plugin`.

    One that cannot be built is logged and left out, the others work.
    """
    sources: list[TargetSource] = []
    for name in wanted:
        try:
            kind = load_plugin(TargetSource, "jupyter_vnc.target_sources", name, key="target_sources")
            sources.append(make_plugin(kind, key="target_sources", parent=parent))
        except ConfigError as error:
            one_line(parent.log).error("VNCBroker: %s", error)
    return sources
