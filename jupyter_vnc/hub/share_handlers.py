"""The routes with which the owner of a user's server shares it; see :mod:`~jupyter_vnc.hub.sharing`.

This module is imported in users' servers, too: see :mod:`~jupyter_vnc.hub.visitors`.
"""

from __future__ import annotations

import os
from typing import Any, Final
from urllib.parse import quote

from jupyter_server.auth.decorator import authorized
from jupyter_server.utils import url_path_join
from tornado import web

from jupyter_vnc.exceptions import NotPermitted, TargetNotFound
from jupyter_vnc.handlers import VNCAPIHandler, vnc_errors
from jupyter_vnc.model.targets import Mode
from jupyter_vnc.routes import LINK, PERSON, Route

from .client import HubClient
from .shares import Shares
from .sharing import Sharing


class ShareHandler(VNCAPIHandler):
    """What these routes share: they are the owner's alone, whatever guests may do with the rest."""

    def sharing(self) -> Sharing:
        """What asks the hub.

        Raises:
            NotPermitted: somebody else asks than the owner.
        """
        visitor = self.visitor()
        if not visitor.shares:
            raise NotPermitted("Only the owner of a server can share it.")
        hub: Any = self.identity_provider.hub_auth  # type: ignore[attr-defined]
        known = getattr(self.authorizer, "shares", None)
        return Sharing(
            HubClient(hub),
            visitor.user.name,
            os.environ.get("JUPYTERHUB_SERVER_NAME", ""),
            includes=lambda scope, held: bool(hub.check_scopes({scope}, {"scopes": held})),
            known=known if isinstance(known, Shares) else None,
            log=self.log,
        )


class SharesHandler(ShareHandler):
    """``GET`` and ``POST api/shares``."""

    @web.authenticated
    @authorized
    @vnc_errors
    async def get(self) -> None:
        """List the guests and the links that are open."""
        self.answer(await self.sharing().state())

    @web.authenticated
    @authorized
    @vnc_errors
    async def post(self) -> None:
        """Make a link to one of the owner's desktops; its guests may come to the others, too."""
        body = self.body()
        sharing, name = self.sharing(), body["target"]
        await self.broker.public_target(self.visitor(), name)
        page = url_path_join(self.vnc_root, "view", quote(name))
        self.answer(await sharing.invite(Mode(body["mode"]), body["hours"], page), 201)


class ShareLinkHandler(ShareHandler):
    """``DELETE api/shares/links/{link}``."""

    @web.authenticated
    @authorized
    @vnc_errors
    async def delete(self, link: str) -> None:
        """Close a link."""
        await self.sharing().withdraw(link)
        self.set_status(204)


class SharePersonHandler(ShareHandler):
    """``DELETE api/shares/users/{user}``."""

    @web.authenticated
    @authorized
    @vnc_errors
    async def delete(self, name: str) -> None:
        """Let a guest in no longer, and end their sessions."""
        sharing = self.sharing()
        if name == self.visitor().user.name:
            raise TargetNotFound
        await sharing.remove(name)
        self.broker.live.dismiss(name)
        self.set_status(204)


#: Only in a user's server of a hub.
SHARE_ROUTES: Final[list[Route]] = [
    (r"/api/shares", SharesHandler, {}),
    (rf"/api/shares/links/{LINK}", ShareLinkHandler, {}),
    (rf"/api/shares/users/{PERSON}", SharePersonHandler, {}),
]
