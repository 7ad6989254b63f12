"""What the demo's desktop and its JupyterLab have in their folders: a text, an image, and a notebook with windows.

The desktop has a home folder of its own, so that the settings of the person who runs the demo stay as they are.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any, Final

IMAGE: Final = "Mandelbrot.png"
TEXT: Final = "Read me.txt"
NOTEBOOK: Final = "Windows on the desktop.ipynb"

#: The part of the complex plane that the image shows, its size in pixels, and its most iterations.
_EXTENT: Final = (-2.2, -1.25, 1.0, 1.25)
_SIZE: Final = (512, 400)
_QUALITY: Final = 90

_READ_ME: Final = """This is a desktop that Jupyter has started for you.

Its programs run on the server. Reload the page, or close the tab: they stay. They stop with the server.

In JupyterLab, run the notebook "Windows on the desktop": its plot opens here.
"""

#: Programs that open by themselves, with the first argument that they get, as far as they are installed.
_OPEN: Final = (("ristretto", IMAGE), ("mousepad", TEXT))

#: The image viewer asks for a service that makes thumbnails, and is not in our way without them.
_VIEWER: Final = """<?xml version="1.0" encoding="UTF-8"?>
<channel name="ristretto" version="1.0">
  <property name="errors" type="empty">
    <property name="missing-thumbnailer" type="bool" value="false"/>
  </property>
  <property name="window" type="empty">
    <property name="thumbnails" type="empty">
      <property name="show" type="bool" value="false"/>
    </property>
  </property>
</channel>
"""

_CELLS: Final = (
    (
        "markdown",
        """# Windows on the desktop

Open *My desktop* from the launcher, put its tab beside this one, and choose *Run > Run All Cells*.
Windows that a cell opens appear there.""",
    ),
    (
        "code",
        """%matplotlib tk
import matplotlib.pyplot as plt
import numpy as np

x = np.linspace(-3, 3, 200)
figure, axes = plt.subplots()
field = axes.contourf(x, x, np.sin(x[:, None] ** 2 + x**2) * np.exp(-np.abs(x) / 2), 40, cmap="viridis")
figure.colorbar(field)
axes.set_title("From a cell")
figure.show()""",
    ),
    ("markdown", "Python can also see the desktop, and control it:"),
    ("code", "from jupyter_vnc import desktop\n\ndesktop.wait_until_still()\ndesktop.screenshot()"),
)


def notebook() -> dict[str, Any]:
    """Return the demo's notebook (nbformat 4.5)."""
    code: dict[str, Any] = {"outputs": [], "execution_count": None}
    cells = [
        {
            "cell_type": kind,
            "id": f"cell-{number}",
            "metadata": {},
            "source": source,
            **(code if kind == "code" else {}),
        }
        for number, (kind, source) in enumerate(_CELLS)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def fill(home: Path, root: Path) -> None:
    """Fill the desktop's home folder and JupyterLab's root folder.

    Raises:
        OSError: they cannot be written.
    """
    desktop, autostart = home / "Desktop", home / ".config" / "autostart"
    settings = home / ".config" / "xfce4" / "xfconf" / "xfce-perchannel-xml"
    for folder in (desktop, autostart, settings, root):
        folder.mkdir(parents=True, exist_ok=True)
    (settings / "ristretto.xml").write_text(_VIEWER, "utf-8")
    (desktop / TEXT).write_text(_READ_ME, "utf-8")
    _draw(desktop / IMAGE)
    for program, name in _OPEN:
        command = shlex.join([program, str(desktop / name)]).replace("'", '"')
        entry = f"[Desktop Entry]\nType=Application\nName={name}\nTryExec={program}\nExec={command}\n"
        (autostart / f"{program}.desktop").write_text(entry, "utf-8")
    (root / NOTEBOOK).write_text(json.dumps(notebook(), indent=1), "utf-8")


def _draw(file: Path) -> None:
    """Draw an image, where Pillow is installed."""
    try:
        from PIL import Image  # noqa: PLC0415 - the tests' environment may lack it
    except ImportError:
        return
    picture = Image.effect_mandelbrot(_SIZE, _EXTENT, _QUALITY).convert("P")
    picture.putpalette([part for level in range(256) for part in _colour(level)])
    picture.convert("RGB").save(file)


def _colour(level: int) -> tuple[int, int, int]:
    """The colours of the image: from dark blue over orange to white."""
    return min(255, level * 3), min(255, max(0, level * 2 - 60)), min(255, 60 + max(0, level * 2 - 160))
