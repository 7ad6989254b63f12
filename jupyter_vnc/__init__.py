"""Remote desktops in Jupyter: the two functions by which Jupyter finds the extension."""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0.dev0"


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Tell jupyter_server which application to load."""
    from .app import VNCExtension  # noqa: PLC0415 - importing the package must stay cheap and free of tornado

    return [{"module": "jupyter_vnc", "app": VNCExtension}]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Tell JupyterLab where the built front end is."""
    return [{"src": "labextension", "dest": "jupyter-vnc"}]
