"""What a hub is asked: questions for which JupyterHub's own client has no method."""

from __future__ import annotations

import json
from typing import Any, Protocol

from jupyterhub.services.auth import HubAuth
from tornado.httpclient import AsyncHTTPClient, HTTPError


class NoAnswer(Exception):
    """The hub did not give the answer; says why."""


class Client(Protocol):
    """Asks a hub's REST API."""

    async def get(self, path: str) -> Any:
        """Return what the hub answers.

        Args:
            path: below the API's URL, quoted.

        Raises:
            NoAnswer: it does not permit that, does not know it, or is not there.
        """


class HubClient:
    """A :class:`Client` with the address, the token and the certificates that JupyterHub's own client has.

    A request ends after 20 seconds, and an answer after 100 MB: both are tornado's.
    """

    def __init__(self, hub_auth: HubAuth) -> None:
        self._hub = hub_auth

    async def get(self, path: str) -> Any:
        """See :meth:`Client.get`."""
        hub = self._hub
        try:
            answer = await AsyncHTTPClient().fetch(
                f"{hub.api_url}/{path}",
                headers={"Authorization": f"token {hub.api_token}"},
                follow_redirects=False,  # the token is for the hub alone
                client_cert=hub.certfile or None,
                client_key=hub.keyfile or None,
                ca_certs=hub.client_ca or None,
            )
            return json.loads(answer.body)
        except (HTTPError, OSError, ValueError) as error:
            raise NoAnswer(str(error)) from error
