"""A client for those parts of the hub's REST API that have no public method in JupyterHub's own client."""

from __future__ import annotations

import json
from typing import Any, Protocol

from jupyterhub.services.auth import HubAuth
from tornado.httpclient import AsyncHTTPClient, HTTPError


class NoAnswer(Exception):
    """The hub gave no usable answer; the message says why."""


class Client(Protocol):
    """A client of a hub's REST API."""

    async def get(self, path: str) -> Any:
        """Return the answer of the hub to a ``GET`` request.

        Args:
            path: path below the URL of the API, quoted.

        Raises:
            NoAnswer: the hub refuses, does not know the path, or cannot be reached.
        """


class HubClient:
    """A :class:`Client` with the address, token and certificates of JupyterHub's own client.

    A request may take 20 seconds and an answer may have 100 MB; both limits are tornado's defaults.
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
                follow_redirects=False,  # the token must not reach another server
                client_cert=hub.certfile or None,
                client_key=hub.keyfile or None,
                ca_certs=hub.client_ca or None,
            )
            return json.loads(answer.body)
        except (HTTPError, OSError, ValueError) as error:
            raise NoAnswer(str(error)) from error
