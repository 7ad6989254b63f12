"""The recipes for containers, Binder and conda: what they name exists, and they agree with ``pyproject.toml``."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from jupyter_vnc import __version__
from jupyter_vnc.desktops import packages

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
APT = (ROOT / "binder" / "apt.txt").read_text().split()


def dockerfile():
    """The instructions of the Dockerfile, with continued lines joined."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]


def test_each_file_that_the_dockerfile_copies_exists():
    copied = [words.split() for word, words in dockerfile() if word == "COPY" and "--from" not in words]
    assert copied
    for words in copied:
        *sources, _ = [word for word in words if not word.startswith("--")]
        assert all((ROOT / source).exists() for source in sources), words


def test_the_dockerfile_ends_as_the_user_and_installs_the_wheel():
    instructions = dockerfile()
    assert [words for word, words in instructions if word == "USER"][-1] == "${NB_UID}"
    (last,) = [words for word, words in instructions if word == "RUN"][-1:]
    assert "*.whl" in last
    assert all("quay.io/jupyter/" in words for word, words in instructions if word == "FROM")


@pytest.mark.parametrize("folder", ["jupyter_vnc/labextension", "labextension/node_modules", ".venv", ".git", ".make"])
def test_what_was_built_here_does_not_get_into_an_image(folder):
    assert folder in (ROOT / ".dockerignore").read_text().split()


def test_compose_starts_what_the_dockerfile_builds_for_this_machine_only():
    (service,) = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"].values()
    assert (ROOT / service["build"] / "Dockerfile").exists()
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert service["shm_size"] == "1gb"


def test_binder_installs_what_the_doctor_wants():
    wanted = {
        name for check in ("X server", "session", "D-Bus", "fonts") for name in packages.PACKAGES[check][0].split()
    }
    assert wanted <= set(APT)


def test_binder_has_a_node_that_can_build_and_installs_the_checkout():
    environment = yaml.safe_load((ROOT / "binder" / "environment.yml").read_text())
    assert any(re.fullmatch(r"nodejs>=2\d", name) for name in environment["dependencies"])
    script = ROOT / "binder" / "postBuild"
    assert script.stat().st_mode & 0o111
    assert re.search(r"pip install .* \.$", script.read_text(), re.MULTILINE)


def test_conda_has_the_dependencies_and_the_version_of_the_project():
    text = (ROOT / "conda" / "meta.yaml").read_text()
    assert f'set version = "{__version__}"' in text
    recipe = yaml.safe_load(
        re.sub(r"{%.*?%}", "", text).replace("{{ PYTHON }}", "python").replace("{{ version }}", "1")
    )
    run = {name.replace(" ", "").replace("_", "-") for name in recipe["requirements"]["run"]}
    assert {name.replace("_", "-") for name in PROJECT["dependencies"]} <= run
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    assert {name.replace(" ", "") for name in recipe["requirements"]["host"]} >= set(build)
    assert (ROOT / recipe["about"]["license_file"][0]).exists()
    assert recipe["build"]["entry_points"] == [f"{name} = {where}" for name, where in PROJECT["scripts"].items()]
