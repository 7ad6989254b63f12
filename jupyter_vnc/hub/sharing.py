"""Sharing a user's server with guests, by share codes of JupyterHub: who has it, new links, and taking them back.

This module is imported in users' servers, too: see :mod:`~jupyter_vnc.hub.visitors`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from jupyter_vnc.exceptions import NotPermitted, StoreUnavailable, TargetNotFound
from jupyter_vnc.model.targets import Mode
from jupyter_vnc.system.logs import Log

from .client import EditingClient, NoAnswer
from .models import share_codes, shares, user_model
from .scopes import CONTROL, VIEW
from .shares import Shares, every, path_of

#: What a guest may do, by mode; the highest first.
_SCOPES: Final = {Mode.CONTROL: CONTROL, Mode.VIEW: VIEW}
#: Without it the hub does not let a guest in at all.
_ENTER: Final = "access:servers"

#: Why a server cannot be shared: its authorizer would open all of it to guests, or the hub does not permit it.
NO_AUTHORIZER: Final = "authorizer"
NO_PERMISSION: Final = "permission"
_SENTENCES: Final = {
    NO_AUTHORIZER: "The server would be open to guests as a whole: its administrator has to configure GuestAuthorizer.",
    NO_PERMISSION: "The hub does not permit sharing this server: its administrator has to configure that.",
}

T = TypeVar("T")


class Sharing:
    """Asks the hub, with the server's own token; see ``SERVER_SCOPES`` in :mod:`~jupyter_vnc.hub.config`.

    Args:
        hub: is asked.
        owner: whose server it is.
        server: the server's name, empty for the first.
        includes: whether scopes that somebody has include another one, by the hub's own rules.
        known: what the server's authorizer remembers of its guests; None if it is no authorizer for guests.
        log: is told what the owner shares.
    """

    def __init__(
        self,
        hub: EditingClient,
        owner: str,
        server: str,
        *,
        includes: Callable[[str, Collection[str]], bool],
        known: Shares | None,
        log: Log,
    ) -> None:
        self._hub = hub
        self._filter = f"!server={owner}/{server}"
        self._shares, self._codes = path_of("shares", owner, server), path_of("share-codes", owner, server)
        self._includes = includes
        self._known = known
        self._log = log

    async def state(self) -> dict[str, Any]:
        """Return who has the server, which links are open, and why it cannot be shared: ``GET api/shares``.

        Raises:
            StoreUnavailable: the hub does not answer.
        """
        if problem := await self._problem():
            return {"problem": problem, "people": [], "links": []}
        people = [_person(*row) for row in await _asked(every(self._hub, self._shares, shares))]
        links = [_link(*row) for row in await _asked(every(self._hub, self._codes, share_codes))]
        return {"problem": None, "people": [*filter(None, people)], "links": [*filter(None, links)]}

    async def invite(self, mode: Mode, hours: int, page: str) -> dict[str, Any]:
        """Make a link: whoever opens it and logs in at the hub is a guest from then on.

        Args:
            mode: what they may do with the desktops.
            hours: for how long the link can be opened.
            page: the path of the page that they come to.

        Raises:
            NotPermitted: the server cannot be shared.
            StoreUnavailable: the hub does not answer.
        """
        if problem := await self._problem():
            raise NotPermitted(_SENTENCES[problem])
        body = {"scopes": [_ENTER, _SCOPES[mode]], "expires_in": hours * 3600}
        answer = await _asked(self._hub.send("POST", self._codes, body))
        path, whole = answer.get("accept_url"), answer.get("full_accept_url")
        if not isinstance(path, str) or not isinstance(whole, str | None):
            raise StoreUnavailable("The hub gave no link.")
        self._log.info("A link to this server is made: to %s, for %d hours", mode.value, hours)
        return {"url": f"{whole or path}&{urlencode({'next': page})}", "mode": mode.value, "hours": hours}

    async def withdraw(self, link: str) -> None:
        """Close a link. Those who have opened it stay guests.

        Raises:
            TargetNotFound: there is none of this name.
            NotPermitted: the hub refuses.
            StoreUnavailable: the hub does not answer.
        """
        await _asked(self._hub.send("DELETE", f"{self._codes}?{urlencode({'id': link})}"))
        self._log.info("The link %s to this server is closed", link)

    async def remove(self, name: str) -> None:
        """Let a guest in no longer; whoever is none is none afterwards.

        Raises:
            NotPermitted: the hub refuses.
            StoreUnavailable: the hub does not answer.
        """
        await _asked(self._hub.send("PATCH", self._shares, {"user": name}))
        # Or the guest would have other parts of the server, where the configuration gives them any, for minutes yet.
        self._hub.forget()
        if self._known is not None:
            self._known.forget(name)
        self._log.info("This server is no longer shared with %s", name)

    async def _problem(self) -> str | None:
        """Return why the server cannot be shared; None if it can."""
        if self._known is None:
            return NO_AUTHORIZER
        held = (await _asked(self._me()))["scopes"]
        needed = ["shares", _ENTER, CONTROL]
        return None if all(self._includes(scope + self._filter, held) for scope in needed) else NO_PERMISSION

    async def _me(self) -> dict[str, Any]:
        return {"scopes": [], **user_model(await self._hub.get("user"))}


async def _asked(answer: Awaitable[T]) -> T:
    """Return an answer of the hub.

    Raises:
        TargetNotFound: the hub does not know what is asked for.
        NotPermitted: it refuses.
        StoreUnavailable: it does not answer.
    """
    try:
        return await answer
    except NoAnswer as error:
        if error.status == 404:
            raise TargetNotFound from None
        if error.refused:
            raise NotPermitted(_SENTENCES[NO_PERMISSION], detail=str(error)) from None
        raise StoreUnavailable("The hub does not answer.", detail=str(error)) from None
    except ValueError as error:
        raise StoreUnavailable("The hub does not answer.", detail=str(error)) from None


def _mode(scopes: Collection[str]) -> Mode | None:
    """Return what somebody may do with the desktops; None for nothing."""
    names = {scope.partition("!")[0] for scope in scopes}
    return next((mode for mode, scope in _SCOPES.items() if scope in names), None)


def _person(who: tuple[str, str], scopes: frozenset[str]) -> dict[str, Any] | None:
    """Return a guest. The hub lets no members of a group in with whom a server is shared, only users."""
    kind, name = who
    mode = _mode(scopes)
    return {"user": name, "mode": mode.value} if kind == "user" and mode else None


def _link(name: str, scopes: frozenset[str], expires: str) -> dict[str, Any] | None:
    mode = _mode(scopes)
    return {"id": name, "mode": mode.value, "expires": expires} if mode else None
