"""Whether a desktop brings a picture: a login and a greeting are no proof that there is a desktop behind them."""

from __future__ import annotations

import asyncio

from jupyter_vnc.exceptions import TargetUnreachable, ViewerError
from jupyter_vnc.rfb.first_update import FirstUpdate
from jupyter_vnc.rfb.messages import Scanner
from jupyter_vnc.rfb.wire import ClientMessage


class FirstPicture:
    """Watches the beginning of a session: when a picture is asked for, and when one comes."""

    def __init__(self) -> None:
        self._scanner: Scanner | None = Scanner(strict=False)
        self._asked = asyncio.Event()
        self._came = asyncio.Event()
        self._update = FirstUpdate()
        #: Whether it did not come in time. It may have come later.
        self.missed = False

    @property
    def came(self) -> bool:
        """Whether there is one."""
        return self._came.is_set()

    def from_viewer(self, data: bytes) -> None:
        """Look at bytes of the viewer that the desktop gets, up to the first request for a picture."""
        if self._scanner is None:
            return
        try:
            asked = any(one.type == ClientMessage.FRAMEBUFFER_UPDATE_REQUEST for one in self._scanner.feed(data))
        except ViewerError:
            asked = False  # the guard decides what becomes of that
        if asked or self._scanner.lost:
            self._scanner = None
        if asked:
            self._asked.set()

    def from_target(self, data: bytes) -> bool:
        """Look at bytes that follow the desktop's ServerInit; return whether to be shown the next ones too."""
        self._update.feed(data)
        if self._update.came:
            self._came.set()
        return not self._update.done

    async def wait(self, limit: float | None) -> None:
        """Return once a picture has come.

        Args:
            limit: seconds from the first request to the picture, None for any time. While nobody asks, there is none.

        Raises:
            TargetUnreachable: it did not come in time.
        """
        await self._asked.wait()
        try:
            async with asyncio.timeout(limit):
                await self._came.wait()
        except TimeoutError:
            self.missed = True
            raise TargetUnreachable("The desktop sends no picture.") from None
