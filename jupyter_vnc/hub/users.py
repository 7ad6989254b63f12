"""Known users of a hub: those who have logged in here, and those for whom the hub is asked."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final
from urllib.parse import quote

from cachetools import FIFOCache, TTLCache

from jupyter_vnc.model.users import User
from jupyter_vnc.system.logs import Log, Outage, one_line

from .answers import Answers
from .client import Client, NoAnswer
from .models import groups_page, user_model

#: For how long an answer counts (seconds).
MEMORY: Final = 60.0
#: The longest name that a hub's database has (characters).
LONGEST: Final = 255
#: Maximum number of cached users.
MAX_KNOWN: Final = 10_000
#: Up to so many people, each is asked for; for more, the hub's groups are.
FEW: Final = 3
#: Requests on their way at once where the hub does not list its groups.
AT_ONCE: Final = 8
#: Groups in one answer (a hub may send fewer), and the maximum number of answers.
PAGE: Final = 200
MAX_PAGES: Final = 100

#: Who is in which groups, by user.
_Groups = Mapping[str, frozenset[str]]


class People:
    """Other users' groups, by name.

    The service's role permits it to ask the hub: ``read:users:groups`` for one, ``list:groups`` and ``read:groups`` for
    many at once. If the hub refuses or does not answer, the groups of the user's last visit apply.
    """

    def __init__(self, hub: Client, log: Log, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._hub = hub
        self._log = one_line(log)
        self._known: FIFOCache[str, User] = FIFOCache(MAX_KNOWN)
        #: Those of them whom the hub need not be asked for yet.
        self._fresh: TTLCache[str, User] = TTLCache(MAX_KNOWN, MEMORY, clock)
        self._groups: Answers[_Groups] = Answers(MEMORY, clock=clock)
        self._outage = Outage(self._log, "The hub does not tell who is in which group", "The hub tells groups again")

    def note(self, model: Mapping[str, Any]) -> User:
        """Remember a user's model as the hub gave it; return the user."""
        return self._note(User(model["name"], frozenset(model.get("groups") or ()), bool(model.get("admin"))))

    def _note(self, user: User) -> User:
        self._known[user.name] = self._fresh[user.name] = user
        return user

    async def find(self, name: str) -> User | None:
        """Return a user by name; None if there is none."""
        if (user := self._fresh.get(name)) is not None or not _is_name(name):
            return user
        try:
            return self.note(user_model(await self._hub.get(f"users/{quote(name, safe='')}")))
        except (NoAnswer, ValueError) as error:
            self._log.warning("The hub does not tell who %.64r is: %s", name, error)
            return self._known.get(name)

    async def find_all(self, names: Collection[str]) -> dict[str, User]:
        """Return users by name; of many, the hub is asked for the groups of all at once.

        Somebody who is in no group is returned as such: that they exist is for the caller to know.
        """
        missing = [name for name in names if name not in self._fresh and _is_name(name)]
        if len(missing) > FEW:
            await self._learn_groups(missing)
        else:
            await self._ask_for_each(missing)
        found = {name: self._fresh.get(name) or self._known.get(name) for name in names}
        return {name: user for name, user in found.items() if user is not None}

    async def members(self, groups: Collection[str]) -> frozenset[str]:
        """Return the names of a group's members, of several groups together; none while the hub does not tell."""
        try:
            known = await self._all_groups() if groups else {}
        except NoAnswer:
            return frozenset()
        return frozenset(name for name, of_user in known.items() if not of_user.isdisjoint(groups))

    async def _all_groups(self) -> _Groups:
        """Return who is in which groups, as the hub said it a moment ago.

        Raises:
            NoAnswer: it does not answer, or refuses; the log has that.
        """
        try:
            groups = await self._groups.get("groups", self._ask_for_groups)
        except NoAnswer as error:
            self._outage.failed(error)
            raise
        self._outage.succeeded()
        return groups

    async def _learn_groups(self, names: Collection[str]) -> None:
        try:
            groups = await self._all_groups()
        except NoAnswer as error:
            if error.refused:
                await self._ask_for_each(names)
            return
        for name in names:
            known = self._known.get(name)
            self._note(User(name, groups.get(name, frozenset()), known is not None and known.admin))

    async def _ask_for_each(self, names: Collection[str]) -> None:
        gate = asyncio.Semaphore(AT_ONCE)

        async def ask(name: str) -> None:
            async with gate:
                await self.find(name)

        await asyncio.gather(*map(ask, names))

    async def _ask_for_groups(self) -> _Groups:
        """Ask the hub for all groups with their members.

        Raises:
            NoAnswer: it does not answer, or refuses.
        """
        groups: defaultdict[str, set[str]] = defaultdict(set)
        offset: int | None = 0
        for _ in range(MAX_PAGES):
            page, offset = await self._ask_for_page(offset)
            for group, members in page:
                if members is None:
                    raise NoAnswer("the service's role lacks read:groups", status=403)
                for name in members:
                    groups[name].add(group)
            if offset is None:
                break
        return {name: frozenset(of_user) for name, of_user in groups.items()}

    async def _ask_for_page(self, offset: int | None) -> tuple[list[tuple[str, list[str] | None]], int | None]:
        answer = await self._hub.get(f"groups?offset={offset}&limit={PAGE}")
        try:
            return groups_page(answer)
        except ValueError as error:
            raise NoAnswer(str(error)) from None


def _is_name(name: str) -> bool:
    """Whether a user can have this name; in a path, two others lead to different parts of the hub's API."""
    return name not in {".", ".."} and len(name) <= LONGEST
