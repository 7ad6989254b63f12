"""The async twin of a desktop, for notebooks and programs that do something else meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from .desktop import Desktop
from .frame import Frame

P = ParamSpec("P")
R = TypeVar("R")


def _twin(
    method: Callable[Concatenate[Desktop, P], R],
) -> Callable[Concatenate[AsyncDesktop, P], Coroutine[Any, Any, R]]:
    @wraps(method)
    async def call(self: AsyncDesktop, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._run(lambda: method(self._desktop, *args, **kwargs))

    return call


class AsyncDesktop:
    """A :class:`.Desktop` whose methods are awaited; :func:`get_async` returns one.

    What is asked of one at the same time is done one after the other, in a thread. A call that is cancelled is done to
    its end, within its time, before the next one begins: give a wait its ``timeout`` rather than ``asyncio.timeout``.
    """

    def __init__(self, desktop: Desktop) -> None:
        self._desktop = desktop
        self._thread = ThreadPoolExecutor(1, f"vnc-{desktop.name}")

    def __repr__(self) -> str:
        return f"<AsyncDesktop {self.name!r}>"

    @property
    def name(self) -> str:
        """Its name."""
        return self._desktop.name

    @property
    def title(self) -> str:
        """Its title."""
        return self._desktop.title

    async def state(self) -> str:
        """See :attr:`.Desktop.state`."""
        return await self._run(lambda: self._desktop.state)

    def show(self, width: str = "100%", height: int = 600) -> Frame:
        """See :meth:`.Desktop.show`; there is nothing to wait for."""
        return self._desktop.show(width, height)

    start = _twin(Desktop.start)
    restart = _twin(Desktop.restart)
    stop = _twin(Desktop.stop)
    open_file = _twin(Desktop.open_file)
    screenshot = _twin(Desktop.screenshot)
    find = _twin(Desktop.find)
    wait_for = _twin(Desktop.wait_for)
    wait_for_colour = _twin(Desktop.wait_for_colour)
    wait_until_still = _twin(Desktop.wait_until_still)
    text = _twin(Desktop.text)
    windows = _twin(Desktop.windows)
    focus = _twin(Desktop.focus)
    type_text = _twin(Desktop.type_text)
    press = _twin(Desktop.press)
    move = _twin(Desktop.move)
    click = _twin(Desktop.click)
    double_click = _twin(Desktop.double_click)
    drag = _twin(Desktop.drag)
    scroll = _twin(Desktop.scroll)

    async def __aenter__(self) -> Self:
        try:
            await self._run(self._desktop.__enter__)
        except asyncio.CancelledError:
            self._thread.submit(self._desktop.__exit__)  # nobody else will: there is no block to leave
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        # It is done in its turn even if we are cancelled before that.
        await asyncio.shield(asyncio.wrap_future(self._thread.submit(self._desktop.__exit__)))

    async def _run(self, call: Callable[[], R]) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)
