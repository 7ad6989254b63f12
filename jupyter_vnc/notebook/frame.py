"""A desktop in a cell of a notebook."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Final

from .server import NotebookError, Server

#: What the page in the frame is permitted to use (Permissions Policy).
_ALLOW: Final = "clipboard-read; clipboard-write; fullscreen"


@dataclass(frozen=True, slots=True)
class Frame:
    """A desktop in a cell: the same page as in a browser tab.

    Each time it is shown it asks the server for a page that may be in a frame once: see :meth:`Server.frame`.
    """

    server: Server
    name: str
    title: str
    width: str
    height: int

    def _repr_html_(self) -> str:
        try:
            path = escape(self.server.frame(self.name))
        except NotebookError as error:
            return f"<p>{escape(str(error))}</p>"
        style = f"border: 0; width: {escape(self.width)}; height: {self.height}px"
        attributes = f'src="{path}" title="{escape(self.title)}" style="{style}" allow="{_ALLOW}"'
        return f"<iframe {attributes}></iframe>"
