"""An error that shows the screen on which something was looked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .server import NotebookError

if TYPE_CHECKING:
    from PIL.Image import Image


class NotSeen(NotebookError):
    """The desktop does not show what was looked for. A notebook shows the screen above the error.

    Attributes:
        screen: what it showed instead, a Pillow image.
    """

    def __init__(self, sentence: str, screen: Image) -> None:
        super().__init__(sentence)
        self.screen = screen

    def _render_traceback_(self) -> list[str]:
        """Show the screen, and return the usual lines: IPython asks for them where nobody catches the error."""
        from IPython.core.getipython import get_ipython  # noqa: PLC0415 - it is there, since it calls us
        from IPython.display import display  # noqa: PLC0415

        display(self.screen)  # type: ignore[no-untyped-call]
        tracebacks = get_ipython().InteractiveTB  # type: ignore[union-attr]
        lines: list[str] = tracebacks.structured_traceback(type(self), self, self.__traceback__, tb_offset=1)
        return lines
