"""The windows of a desktop that runs: asked of its X server, which answers or does not, in a thread."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeVar

from jupyter_vnc.exceptions import DesktopFailed

from .x11.connection import Link
from .x11.windows import Windows

Answer = TypeVar("Answer")

#: Seconds for each answer of the X server; somebody waits for the whole.
PATIENCE: Final = 10.0


async def ask(environ: Mapping[str, str], question: Callable[[Windows], Answer]) -> Answer:
    """Ask something about the windows of a desktop.

    Args:
        environ: what a program needs to open a window on it; empty if it does not run.
        question: is called with its windows, in a thread.

    Raises:
        DesktopFailed: it does not run, or its X server does not answer.
    """
    if not environ:
        raise DesktopFailed("The desktop does not run.")
    try:
        return await asyncio.to_thread(_ask, environ, question)
    except (OSError, ValueError, struct.error) as error:
        raise DesktopFailed("The desktop does not say which windows it has.", detail=repr(error)) from None


def _ask(environ: Mapping[str, str], question: Callable[[Windows], Answer]) -> Answer:
    link = Link.open(int(environ["DISPLAY"].removeprefix(":")), Path(environ["XAUTHORITY"]), PATIENCE)
    try:
        return question(Windows(link))
    finally:
        link.close()
