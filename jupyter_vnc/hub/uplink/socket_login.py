"""Websockets of users' servers: the login that they share."""

from __future__ import annotations

from typing import Any, Final

from jupyter_server.auth.decorator import allow_unauthenticated
from tornado import web
from tornado.websocket import WebSocketHandler

from jupyter_vnc.escaping import printable
from jupyter_vnc.hub.protected import Protected

from .uplinks import Uplinks

#: The longest name of a server (characters), which is as long as the hub's database has them.
LONGEST_NAME: Final = 255


class ServerSocket(Protected, WebSocketHandler):
    """A websocket that a user's server opens, and logs in with its own token."""

    @allow_unauthenticated
    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Check whose server it is; then upgrade.

        Raises:
            web.HTTPError: 403 for a token that speaks for no server, or a browser; 400 for what is no websocket; 503
                while the hub does not answer.
        """
        if "Origin" in self.request.headers:
            raise web.HTTPError(403, "The uplink is for servers, not for pages.")
        model = await self.ask()
        found = server_of(model)
        if model is None or found is None:
            raise web.HTTPError(403, "The uplink is for servers of the hub's users.")
        if self.request.headers.get("Upgrade", "").lower() != "websocket":
            raise web.HTTPError(400, "This address speaks websocket only.")
        self.server = found[1]
        self.owner = self.settings["vnc_people"].note(model)
        self.admit()
        await super().get(*args, **kwargs)

    def admit(self) -> None:
        """Refuse a server that has no business here, before the upgrade.

        Raises:
            web.HTTPError: it has none.
        """

    @property
    def links(self) -> Uplinks:
        """The servers that are connected."""
        links: Uplinks = self.settings["vnc_uplinks"]
        return links

    async def ask(self, *, again: bool = False) -> dict[str, Any] | None:
        """Return what the hub says of the token; None if it is no token.

        Raises:
            web.HTTPError: 503, the hub does not answer.
        """
        kind, _, token = self.request.headers.get("Authorization", "").partition(" ")
        if kind.lower() not in {"token", "bearer"} or not token:
            return None
        try:
            hub = self.settings["identity_provider"].hub_auth
            model: dict[str, Any] | None = await hub.user_for_token(token.strip(), use_cache=not again, sync=False)
        except web.HTTPError:
            raise web.HTTPError(503, "JupyterHub does not answer. Try again in a moment.") from None
        return model


def server_of(model: dict[str, Any] | None) -> tuple[str, str] | None:
    """Return for which server a token speaks, as its owner and name; None if it does for none.

    The token of a server has access to exactly this server, and moves its owner's activity. One that a browser has,
    which came from the hub's login at a server, has the first of that only; one that a user made for everything has
    access to all of theirs. But a user can make a token with exactly these scopes, even for a server that they never
    had: so a name is bounded and of one line, and there are at most :data:`~.uplinks.PER_USER` of a user. Such a token
    says no more than the programs in a real server can: it speaks for its own user only.
    """
    if model is None or model.get("kind", "user") != "user":
        return None  # a service may have the name of a user
    scopes, name = model.get("scopes") or [], model["name"]
    servers = [one.partition("=")[2] for one in scopes if one.startswith("access:servers!server=")]
    if len(servers) != 1 or f"users:activity!user={name}" not in scopes:
        return None
    owner, slash, server = servers[0].partition("/")
    fit = len(server) <= LONGEST_NAME and printable(server) == server
    return (owner, server) if slash and owner == name and fit else None
