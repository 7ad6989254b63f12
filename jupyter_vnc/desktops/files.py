"""Files that are opened on a desktop, with the application that it has for them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from jupyter_vnc.exceptions import DesktopFailed

from .desktop import Desktop
from .session import which

#: How long (seconds) an application may take to say that it does not open a file.
PATIENCE: Final = 3.0


def opener() -> str:
    """Return the program that finds a file's application.

    Raises:
        DesktopFailed: it is not installed.
    """
    if (program := which("xdg-open")) is None:
        raise DesktopFailed("Files cannot be opened on a desktop: xdg-open (xdg-utils) is not installed.")
    return program


async def open_on(desktop: Desktop, program: str, file: Path) -> None:
    """Open a file on a desktop that takes windows.

    Args:
        desktop: where it is opened.
        program: what :func:`opener` returns.
        file: the file, with its folder.

    Raises:
        DesktopFailed: there is no application for it, or the desktop does not run.
    """
    how = await desktop.run([program, str(file)], str(file.parent), PATIENCE)
    if how is not None and how.status:
        raise DesktopFailed(f"No application of the desktop opens {file.name}.", detail=how.last_line)
