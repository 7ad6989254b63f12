"""pytest's plug-in: the fixture ``desktop``, and a screenshot in the report of a test that fails with it.

A project asks for it in its ``conftest.py``: ``pytest_plugins = ["jupyter_vnc.pytest_plugin"]``. It is no entry point:
pytest would import the installed package before the copy that a project's own tests are about.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from .desktop import Desktop
    from .notebook.private_server import PrivateServer

#: What a file may be called after a test.
_ODD: Final = re.compile(r"[^A-Za-z0-9._-]+")
#: Longest name of a file (characters), with room for its ending.
_LONGEST: Final = 200


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of ``pytest.ini`` and ``pyproject.toml``."""
    parser.addini("desktop_command", "Program of the desktop's session. Default: openbox.", "args", ["openbox"])
    parser.addini("desktop_geometry", "Size of the desktop. Default: 1280x800.", default="1280x800")
    where = "Folder for screenshots of tests that failed, relative to the root. Default: desktop-screenshots."
    parser.addini("desktop_screenshots", where, default="desktop-screenshots")


@pytest.fixture(scope="session")
def desktop_server(request: pytest.FixtureRequest) -> Iterator[PrivateServer]:
    """A Jupyter server for the desktops of all tests; it starts with the first one."""
    from .notebook.private_server import PrivateServer  # noqa: PLC0415 - pytest loads us for every project

    ini = request.config.getini
    with tempfile.TemporaryDirectory(prefix="jvt-", ignore_cleanup_errors=True) as folder:
        server = PrivateServer(Path(folder), ini("desktop_command"), ini("desktop_geometry"))
        try:
            server.start()
            yield server
        finally:
            server.close()


@pytest.fixture
def desktop(desktop_server: PrivateServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desktop]:
    """A fresh managed desktop, which programs that the test starts open their windows on."""
    one, variables = desktop_server.fresh()
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    yield one
    one.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add a screenshot to the report of a test that failed."""
    report = yield
    if call.when == "call" and report.failed and _has_desktop(item):
        title, said = "Desktop", _save_screenshot(item)
        report.sections.append((title, said))
        item.user_properties.append(
            ("desktop screenshot", said)
        )  # the report of its end has it, which JUnit's XML reads
    return report


def _has_desktop(item: pytest.Item) -> bool:
    """Whether a test has our fixture, and not another one of that name."""
    from .notebook.desktop import Desktop  # noqa: PLC0415

    return isinstance(getattr(item, "funcargs", {}).get("desktop"), Desktop)


def _save_screenshot(item: pytest.Item) -> str:
    """Save the screen as it is now; return where, or why not."""
    folder = item.config.rootpath / item.config.getini("desktop_screenshots")
    file = folder / f"{_ODD.sub('-', item.nodeid).strip('-')[-_LONGEST:]}.png"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        item.funcargs["desktop"].screenshot().save(file)  # type: ignore[attr-defined]
    except Exception as error:  # noqa: BLE001 - the test's own failure is what matters
        return f"There is no screenshot: {error}"
    return str(file)
