"""Remote desktops in Jupyter: the two functions by which Jupyter finds the extension."""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0.dev0"


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Return the application that jupyter_server loads."""
    from .app import VNCExtension  # noqa: PLC0415 - importing the package must stay cheap and free of tornado

    return [{"module": "jupyter_vnc", "app": VNCExtension}]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Return the folder of the built front end for JupyterLab."""
    return [{"src": "labextension", "dest": "jupyter-vnc"}]
