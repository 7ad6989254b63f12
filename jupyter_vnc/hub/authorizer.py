"""Guests in a user's server: users can share their servers through the hub, and guests see the desktops only."""

from __future__ import annotations

import os
from collections.abc import Awaitable
from typing import Any, Final

from jupyter_server.base.handlers import JupyterHandler
from jupyterhub.services.auth import check_scopes
from jupyterhub.singleuser.extension import JupyterHubAuthorizer, JupyterHubUser
from traitlets import Dict, Instance, List, Unicode, default

from jupyter_vnc.system.logs import one_line

from .client import HubClient
from .scopes import CONTROL, VIEW
from .shares import MEMORY, Shares

#: A guest's actions on ``vnc`` as a whole: whoever may open a desktop requests tokens, which is a write.
_WHOLE: Final = frozenset({"read", "write"})
#: A guest's actions on ``vnc:<name>``, one desktop, by scope. Only the owner can start and stop it.
_ONE: Final = {VIEW: frozenset({"read"}), CONTROL: frozenset({"read", "execute"})}


class GuestAuthorizer(JupyterHubAuthorizer):  # type: ignore[misc]
    """The server's owner may do everything; those with whom it is shared, what their scopes permit.

    A guest with ``custom:jupyter-vnc:view!server=owner/name`` can view desktops, with ``custom:jupyter-vnc:control``
    they can use them. It does not matter whether they have the scope by a role or by the owner's share. The rest of the
    server is closed to them, except for ``guest_resources``.
    """

    guest_resources = Dict(
        key_trait=Unicode(),
        value_trait=List(Unicode()),
        help="""What guests may do with other parts of the server, besides the desktops: resource to actions, as
        ``{"contents": ["read"]}``. Default: nothing. ``{"*": ["read", "write", "execute"]}`` is the whole server, as
        without this authorizer.
        """,
    ).tag(config=True)

    shares = Instance(Shares)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # Jupyter asks no authorizer before it shows a page of an error, and has the token of the provider in it.
        kind = type(self.identity_provider)
        self.identity_provider.__class__ = type(kind.__name__, (kind,), {"token": "", "__module__": kind.__module__})

    @default("shares")
    def _default_shares(self) -> Shares:
        memory = min(MEMORY, self.hub_auth.cache_max_age)
        return Shares(HubClient(self.hub_auth), *_server(), one_line(self.log), memory=memory)

    def is_authorized(
        self, handler: JupyterHandler, user: JupyterHubUser, action: str, resource: str
    ) -> bool | Awaitable[bool]:
        """Whether a user may do something; see the class.

        For desktops and guests the result must be awaited. For everything else it is a plain bool, because an extension
        that does not await would take an awaitable for permission.
        """
        model: dict[str, Any] = user.hub_user
        if not self.hub_auth.check_scopes(self.hub_auth.access_scopes, model):
            return False
        if user.username == _server()[0]:
            return True
        if any(action in self.guest_resources.get(key, ()) for key in ("*", resource)):
            return True
        return self._may_with_desktops(model, action, resource) if _is_ours(resource) else False

    async def _may_with_desktops(self, model: dict[str, Any], action: str, resource: str) -> bool:
        shared = await self.shares.scopes_of(model["name"], model.get("groups") or ())
        held = [scope for scope in (CONTROL, VIEW) if _has(scope, {*model["scopes"], *shared})]
        return bool(held) and action in (_ONE[held[0]] if ":" in resource else _WHOLE)


def _server() -> tuple[str, str]:
    """Return the owner of this server, and its name, which is empty for the default server."""
    return os.environ.get("JUPYTERHUB_USER", ""), os.environ.get("JUPYTERHUB_SERVER_NAME", "")


def _is_ours(resource: str) -> bool:
    return resource.partition(":")[0] == "vnc"


def _has(scope: str, held: set[str]) -> bool:
    """Whether somebody has a scope for this server. Only the hub knows who is in which group."""
    server = f"{scope}!server={'/'.join(_server())}"
    return bool(check_scopes({server}, {one for one in held if "!group=" not in one}))
