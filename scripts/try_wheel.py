#!/usr/bin/env python3
"""Open the desktop of an environment that has our wheel: ``python -m scripts.try_wheel ENVIRONMENT lab|notebook``.

Starts JupyterLab or Notebook from there, clicks on what our wheel has added (the tile; the entry of *New*), and waits
for a picture that is not empty. Needs Chromium, and the tests' environment for itself.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Final

from demo.processes import free_port, stop
from scripts.pages import FreshError, colours, opened

#: Seconds for Jupyter to answer.
PATIENCE: Final = 120.0


def answers(url: str) -> bool:
    """Tell whether a URL is answered."""
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except urllib.error.HTTPError as error:
        error.close()
    except OSError:
        pass
    return False


def click_in_lab(page: Any) -> Any:
    """Click on the tile of JupyterLab's launcher; return the page that has the desktop."""
    page.locator(".jp-LauncherCard", has_text="Desktop").first.click()
    return page


def click_in_notebook(page: Any) -> Any:
    """Click on the entry in Notebook's menu *New*; return the page that has the desktop."""
    page.locator(".jp-ToolbarComponent, .jp-Toolbar-item", has_text="New").first.click()
    with page.context.expect_page() as new:
        page.get_by_role("menuitem", name="Desktop").first.click()
    return new.value


CLICKS: Final = {"lab": (click_in_lab, "/lab"), "notebook": (click_in_notebook, "/tree")}


def main(environment: str, program: str) -> int:
    """Try one environment; return the exit status."""
    act, path = CLICKS[program]
    port, token = free_port(), secrets.token_hex(24)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        places = {f"JUPYTER_{name}_DIR": f"{folder}/{name.lower()}" for name in ("CONFIG", "DATA", "RUNTIME")}
        env = os.environ | places | {"JUPYTER_TOKEN": token, "HOME": folder}
        argv = [f"{environment}/bin/jupyter", program, "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1"]
        argv += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={folder}"]
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen(argv, env=env, cwd=folder, stdout=log, stderr=log, start_new_session=True)
        try:
            deadline = time.monotonic() + PATIENCE
            while not answers(f"http://127.0.0.1:{port}/api") and time.monotonic() < deadline:
                time.sleep(0.2)
            with opened(f"http://127.0.0.1:{port}{path}?token={token}") as page:
                found = colours(act(page))
        except FreshError as error:
            print(error, Path(folder, "log").read_text(), sep="\n", file=sys.stderr)
            return 1
        finally:
            stop(process)
    print(f"{program}: a desktop with {found} colours")
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[2] not in CLICKS or shutil.which("chromium") is None:
        sys.exit(f"usage: python -m scripts.try_wheel ENVIRONMENT {'|'.join(CLICKS)}   (needs Chromium)")
    sys.exit(main(*sys.argv[1:]))
