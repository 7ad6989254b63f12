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

    ``status`` is the hub's HTTP status; 0 where it did not answer.
    """

    def __init__(self, why: str, *, status: int = 0) -> None:
        super().__init__(why)
        self.status = status

    @property
    def refused(self) -> bool:
        """Whether the hub is there: it does not permit this, or does not know the path."""
        return 400 <= self.status < 500


class Client(Protocol):
    """A client of a hub's REST API."""

    async def get(self, path: str) -> dict[str, Any]:
        """Return the answer of the hub to a ``GET`` request, a JSON object.

        Args:
            path: path below the URL of the API, quoted.

        Raises:
            NoAnswer: the hub refuses, does not know the path, or cannot be reached; or something else answers.
        """


class EditingClient(Client, Protocol):
    """A client that also changes what the hub knows."""

    async def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the answer of the hub to a request; an empty object where it has no body.

        Args:
            method: the HTTP method.
            path: path below the URL of the API, quoted, with its query.
            body: sent as JSON; None for no body.

        Raises:
            NoAnswer: as for :meth:`get`.
        """

    def forget(self) -> None:
        """Ask the hub again who may come in, at each user's next request."""


class HubClient:
    """A :class:`EditingClient` with the address, token and certificates of JupyterHub's own client.

    A request may take 20 seconds and an answer may have 100 MB; both limits are tornado's defaults.
    """

    def __init__(self, hub_auth: HubAuth) -> None:
        self._hub = hub_auth

    async def get(self, path: str) -> dict[str, Any]:
        """See :meth:`Client.get`."""
        return _parse(await self._ask("GET", path))

    async def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """See :meth:`EditingClient.send`."""
        answer = await self._ask(method, path, None if body is None else json.dumps(body))
        return _parse(answer or b"{}")

    def forget(self) -> None:
        """See :meth:`EditingClient.forget`."""
        self._hub.cache.clear()

    async def _ask(self, method: str, path: str, body: str | None = None) -> bytes:
        hub = self._hub
        try:
            answer = await AsyncHTTPClient().fetch(
                f"{hub.api_url}/{path}",
                method=method,
                body=body,
                headers={"Authorization": f"token {hub.api_token}", "Accept": _PAGES},
                follow_redirects=False,  # the token must not reach another server
                client_cert=hub.certfile or None,
                client_key=hub.keyfile or None,
                ca_certs=hub.client_ca or None,
            )
        except HTTPError as error:
            raise NoAnswer(str(error), status=error.code) from error
        except (OSError, ValueError) as error:
            raise NoAnswer(str(error)) from error
        return answer.body


def _parse(body: bytes) -> dict[str, Any]:
    """Return a JSON object.

    Raises:
        NoAnswer: it is none.
    """
    try:
        answer = json.loads(body)
    except RecursionError:
        raise NoAnswer("it is nested too deeply") from None
    except ValueError as error:
        raise NoAnswer(str(error)) from error
    if not isinstance(answer, dict):
        raise NoAnswer("it is no JSON object")
    return answer
