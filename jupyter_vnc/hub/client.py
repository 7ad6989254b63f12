"""A client for those parts of the hub's REST API that have no public method in JupyterHub's own client."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, Protocol

from tornado.httpclient import AsyncHTTPClient, HTTPError

if TYPE_CHECKING:
    from jupyterhub.services.auth import HubAuth

#: Lists come in pages, each of which says where the next one is.
_PAGES: Final = "application/jupyterhub-pagination+json"


class NoAnswer(Exception):
    """The hub gave no usable answer; the message says why.

    ``refused`` means that the hub is there: it does not permit this, or does not know the path.
    """

    def __init__(self, why: str, *, refused: bool = False) -> None:
        super().__init__(why)
        self.refused = refused


class Client(Protocol):
    """A client of a hub's REST API."""

    async def get(self, path: str) -> dict[str, Any]:
        """Return the answer of the hub to a ``GET`` request, a JSON object.

        Args:
            path: path below the URL of the API, quoted.

        Raises:
            NoAnswer: the hub refuses, does not know the path, or cannot be reached; or something else answers.
        """


class HubClient:
    """A :class:`Client` with the address, token and certificates of JupyterHub's own client.

    A request may take 20 seconds and an answer may have 100 MB; both limits are tornado's defaults.
    """

    def __init__(self, hub_auth: HubAuth) -> None:
        self._hub = hub_auth

    async def get(self, path: str) -> dict[str, Any]:
        """See :meth:`Client.get`."""
        hub = self._hub
        try:
            answer = await AsyncHTTPClient().fetch(
                f"{hub.api_url}/{path}",
                headers={"Authorization": f"token {hub.api_token}", "Accept": _PAGES},
                follow_redirects=False,  # the token must not reach another server
                client_cert=hub.certfile or None,
                client_key=hub.keyfile or None,
                ca_certs=hub.client_ca or None,
            )
            return _parse(answer.body)
        except HTTPError as error:
            raise NoAnswer(str(error), refused=400 <= error.code < 500) from error
        except (OSError, ValueError) as error:
            raise NoAnswer(str(error)) from error


def _parse(body: bytes) -> dict[str, Any]:
    """Return a JSON object.

    Raises:
        ValueError: it is none.
    """
    try:
        answer = json.loads(body)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(answer, dict):
        raise ValueError("it is no JSON object")
    return answer
