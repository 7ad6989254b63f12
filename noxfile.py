"""The unit tests with each Python that is supported and installed: ``nox``, or ``nox -s unit-3.13``.

No X server, browser or hub is needed. Where a Python is missing, its session is skipped, and nox says so.
``nox --extra-pythons 3.14`` tries one that has not been run yet; once it is green, add it here and to the classifiers.
"""

import nox

#: The same as in ``pyproject.toml``'s classifiers; a test compares them.
PYTHONS = ("3.11", "3.12", "3.13")

#: What needs nothing but Python: the floors 0 to 2 without desktops, of which the streamer is asyncio's alone.
TESTS = tuple(
    f"tests/{name}"
    for name in (
        *("rfb", "model", "config", "system", "connect", "relay", "sources", "stores", "pools"),
        "desktops/sound/test_streamer.py",
    )
)

#: What these tests import, without the browsers, type checkers and toolkits of the extra ``test``.
NEEDS = (
    "cachetools",
    "hypothesis",
    "ipykernel",
    "psutil",
    "pytest>=8",
    "pytest-jupyter>=0.10",
    "pytest-timeout",
    "redis>=5.1",
    "requests",
)

nox.options.default_venv_backend = "venv"


@nox.session(python=PYTHONS)
def unit(session: nox.Session) -> None:
    """Install the package, without its front end, and run the tests."""
    session.install("--editable", ".[hub,hub-postgresql,notebook]", *NEEDS, env={"HATCH_JUPYTER_BUILDER_SKIP_NPM": "1"})
    session.run("python", "-m", "pytest", "-p", "no:asyncio", *(session.posargs or TESTS))
