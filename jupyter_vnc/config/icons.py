"""The icons that a target may have: JupyterLab's own, by name, ours, and the administrator's, from a file."""

from __future__ import annotations

import difflib
from typing import Any, Final

from jupyter_vnc.model.pictures import Picture

from . import checks
from .checks import accepts
from .pictures import read_picture

_LAB: Final = "ui-components:"

#: JupyterLab's icons. A name that an older JupyterLab does not have yet shows our own icon there.
LAB_ICONS: Final = frozenset(
    _LAB + name
    for name in [
        "add",
        "add-above",
        "add-below",
        "audio",
        "bell",
        "breakpoint",
        "bug",
        "bug-dot",
        "build",
        "caret-down",
        "caret-down-empty",
        "caret-down-empty-thin",
        "caret-left",
        "caret-right",
        "caret-up",
        "caret-up-empty-thin",
        "case-sensitive",
        "check",
        "circle",
        "circle-empty",
        "cleaning",
        "clear",
        "close",
        "close-all",
        "code",
        "code-check",
        "collapse",
        "collapse-all",
        "console",
        "copy",
        "copyright",
        "cut",
        "delete",
        "dock-bottom",
        "dock-left",
        "dock-right",
        "dock-top",
        "dots",
        "download",
        "duplicate",
        "edit",
        "ellipses",
        "error",
        "exceptions",
        "expand",
        "expand-all",
        "extension",
        "fast-forward",
        "file",
        "file-upload",
        "filter",
        "filter-dot",
        "filter-list",
        "folder",
        "folder-favorite",
        "history",
        "home",
        "html5",
        "image",
        "info",
        "inspector",
        "json",
        "julia",
        "jump-back",
        "jump-forward",
        "jupyter",
        "jupyter-favicon",
        "jupyterlab-wordmark",
        "kernel",
        "keyboard",
        "launch",
        "launcher",
        "line-form",
        "link",
        "list",
        "lock",
        "markdown",
        "mermaid",
        "move-down",
        "move-up",
        "new-folder",
        "not-trusted",
        "notebook",
        "numbering",
        "offline-bolt",
        "open-kernel-source",
        "palette",
        "paste",
        "pause",
        "pdf",
        "python",
        "r-kernel",
        "react",
        "redo",
        "refresh",
        "regex",
        "run",
        "running",
        "save",
        "search",
        "selected-breakpoint",
        "settings",
        "share",
        "spreadsheet",
        "step-into",
        "step-out",
        "step-over",
        "stop",
        "tab",
        "table-rows",
        "tag",
        "terminal",
        "text-editor",
        "toc",
        "tree-view",
        "trusted",
        "undo",
        "user",
        "users",
        "variable",
        "vega",
        "video",
        "view-breakpoint",
        "word",
        "yaml",
    ]
)
ICONS: Final = LAB_ICONS | {"jupyter-vnc:desktop"}


_RULE: Final = "must be the name of one of JupyterLab's icons, such as 'ui-components:terminal', or an SVG or PNG file"


@accepts(type="string")
def icon(value: Any) -> str | Picture:
    """The name of an icon, or the picture in a file; empty for our own icon, which shows the state."""
    if isinstance(value, str) and (value == "" or value in ICONS):
        return value
    if isinstance(value, str) and value.startswith("/"):
        try:
            return read_picture(checks.text(value))
        except ValueError as error:
            raise ValueError(f"{_RULE}: {value!r} {error}") from None
    word = str(value).removesuffix(".svg")
    near = difflib.get_close_matches(word if ":" in word else _LAB + word, ICONS, 1)
    hint = f", did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"{_RULE} by its absolute path{hint}")
