"""The hub's login for many people at once: what is known of one is served while a busy hub is asked anew."""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import jupyterhub.services.auth
from jupyterhub.services.auth import HubOAuth
from tornado.log import app_log
from tornado.web import HTTPError, RequestHandler
from traitlets import Instance, default

from jupyter_vnc.system.logs import Outage, one_line

from .answers import Answers
from .login_state import LoginStates, bounded
from .models import user_model

#: Logins of a browser that may be under way: the next one gives up all before it. A login that nobody ends, such as one
#: of a page that was closed, leaves its cookie for ten minutes.
MAX_LOGINS: Final = 4
#: What the cookies of these may have together (bytes of names and values); with that of one more it is less than 4 KiB.
MAX_COOKIES: Final = 2500

_THEIRS: Final = Path(jupyterhub.services.auth.__file__).name


class RememberingHubOAuth(HubOAuth):  # type: ignore[misc]
    """JupyterHub's client, with a memory that nobody waits for, and one line in the log while the hub is away.

    Each user's answer counts for ``cache_max_age`` seconds. After that the hub is asked once, however many requests
    the user's pages make; if it is slow, they are served with the last answer. If it refuses the connection or fails,
    requests fail.
    """

    _answers = Instance(Answers)
    #: Of logins that are under way. The service has one that all its processes share.
    states = Instance(LoginStates)
    outage = Instance(Outage)

    @default("_answers")
    def _new_answers(self) -> Answers[Any]:
        return Answers(self.cache_max_age)

    @default("states")
    def _new_states(self) -> LoginStates:
        return LoginStates(secrets.token_bytes(32))

    @default("outage")
    def _new_outage(self) -> Outage:
        begun = "The hub does not answer; sessions continue, and requests fail until it does"
        outage = Outage(one_line(self.log), begun, "The hub answers again")
        app_log.addFilter(lambda record: not (outage.lasts and _is_about_the_hub(record)))
        return outage

    def set_state_cookie(
        self, handler: RequestHandler, next_url: str | None = None, *, code_verifier: str | None = None
    ) -> str:
        """See JupyterHub's; a browser keeps few of these cookies, because proxies refuse requests with many."""
        cookies = handler.request.cookies
        begun = [name for name in cookies if name.startswith(self.state_cookie_name)]
        if len(begun) >= MAX_LOGINS or sum(len(name) + len(cookies[name].value) for name in begun) > MAX_COOKIES:
            self.clear_oauth_state_cookies(handler)
        return str(super().set_state_cookie(handler, next_url, code_verifier=code_verifier))

    def generate_state(self, next_url: str | None = None, **extra_state: str) -> str:
        """See JupyterHub's; the state has all that is needed to end the login."""
        return self.states.make({"next_url": bounded(next_url), **extra_state})

    def _from_state(self, state: str, key: str) -> str:
        return self.states.read(state, self.oauth_state_max_age).get(key, "")

    def get_next_url(self, state_id: str = "", /) -> str:
        """Return where a browser goes after its login."""
        return self._from_state(state_id, "next_url") or str(self.base_url)

    def get_code_verifier(self, state_id: str = "", /) -> str | None:
        """Return the secret of the login's code; None if it has none."""
        return self._from_state(state_id, "code_verifier") or None

    def get_state_cookie_name(self, state_id: str = "", /) -> str:
        """Return the cookie that has to have the same state: one for each login of a browser."""
        return self._from_state(state_id, "cookie_name") or str(self.state_cookie_name)

    def clear_oauth_state(self, state_id: str) -> None:
        """Nothing is kept: a login ends once because the hub takes its code once, and its cookie is deleted."""

    def user_for_token(self, token: str, use_cache: bool = True, session_id: str = "", *, sync: bool = True) -> Any:
        """See JupyterHub's; the service never asks synchronously, and then has its own memory."""
        if sync:
            return super().user_for_token(token, use_cache, session_id, sync=True)
        ask = super().user_for_token
        return self._find(token, session_id, use_cache, lambda: ask(token, use_cache=False, sync=False))

    async def _find(self, token: str, session_id: str, use_cache: bool, ask: Callable[[], Awaitable[Any]]) -> Any:
        key = (session_id, hashlib.sha256(token.encode("utf8", "replace")).hexdigest())
        if use_cache:
            return await self._answers.get(key, lambda: self._ask(ask))
        answer = await self._ask(ask)
        self._answers.put(key, answer)
        return answer

    async def _ask(self, ask: Callable[[], Awaitable[Any]]) -> Any:
        try:
            answer = await ask()
            model = None if answer is None else user_model(answer)
        except HTTPError as error:
            self.outage.failed(error.log_message)
            raise
        except Exception as error:  # noqa: BLE001 - JupyterHub's client raises anything about what is no answer
            self.outage.failed(error)
            raise HTTPError(502, "What answered is no hub") from None
        self.outage.succeeded()
        return model


def _is_about_the_hub(record: logging.LogRecord) -> bool:
    """Whether JupyterHub's client complains about the hub once more."""
    return record.filename == _THEIRS and "jupyterhub" in record.pathname and record.levelno >= logging.WARNING
