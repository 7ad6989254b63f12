"""The pages that people follow: links lead somewhere, code can be read, options exist, commands run."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from traitlets.config import Configurable

from jupyter_vnc.broker.broker import VNCBroker
from jupyter_vnc.cli import _COMMANDS
from jupyter_vnc.desktops.manager import DesktopManager
from jupyter_vnc.hub.app import VNCHub
from jupyter_vnc.sources.websockify import WebsockifyTargets
from jupyter_vnc.stores.redis import RedisTokens

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*/*.md"))]
HOWTOS = sorted(path for path in (ROOT / "docs" / "howto").glob("*.md") if path.name != "index.md")
CLASSES = {one.__name__: one for one in (VNCBroker, DesktopManager, VNCHub, WebsockifyTargets, RedisTokens)}


def name_of(page):
    return str(page.relative_to(ROOT))


def blocks(page, *languages):
    """The code of a page in some languages."""
    fences = re.findall(r"^```(\w+)\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    return [code for language, code in fences if language in languages]


def anchors(page):
    """The anchors of a page's headings, as GitHub and MyST make them."""
    found = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in found}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_to_files_and_headings_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        if anchor and file.suffix == ".md" and "configuration.md" not in path:  # whose headings are generated
            assert anchor in anchors(file), target


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_code_can_be_read_and_its_options_exist(page):
    for code in blocks(page, "python"):
        lines = [line for line in code.splitlines() if not line.startswith("%")]  # a cell's magic
        text = "\n".join(lines)
        ast.parse(f"{{{text}}}" if text.startswith('"') else text)  # some are a part of a dictionary
        for name, trait in re.findall(r"^c\.(\w+)\.(\w+)", code, re.MULTILINE):
            if (kind := CLASSES.get(name)) is not None:
                assert issubclass(kind, Configurable)
                assert trait in kind.class_trait_names(config=True), f"{name}.{trait}"
    for code in blocks(page, "bash", "sh"):
        subprocess.run(["bash", "-n"], input=code, text=True, check=True, timeout=30)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_of_ours_exist(page):
    text = page.read_text()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    commands = [line for code in blocks(page, "bash", "sh") for line in code.splitlines()]
    commands += re.findall(r"`((?:make|jupyter vnc) [^`]+)`", text)
    for line in commands:
        words = line.split()
        if words[:1] == ["make"] and words[1] != "PYTHON=…":
            assert words[1] in targets, line
        if words[:2] == ["jupyter", "vnc"] and re.fullmatch(r"[a-z]+", words[2]):
            assert words[2] in _COMMANDS, line


@pytest.mark.parametrize("page", HOWTOS, ids=name_of)
def test_every_howto_begins_with_what_one_has_afterwards(page):
    assert page.read_text().split("\n\n")[1].startswith("Afterwards, ")


def test_every_howto_is_in_the_index():
    listed = re.findall(r"^([\w-]+)$", (ROOT / "docs/howto/index.md").read_text(), re.MULTILINE)
    assert sorted(listed) == [page.stem for page in HOWTOS]


def test_the_commands_that_show_and_switch_it_off_do(tmp_path):
    """Each of the page's, but in folders of the test: the environment of the tests stays as it is."""
    folders = {f"JUPYTER_{name}_DIR": str(tmp_path / name.lower()) for name in ("CONFIG", "RUNTIME")}
    environ = (
        os.environ | folders | {"HOME": str(tmp_path), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    )

    def run(command):
        argv = command.replace("--sys-prefix", "--user").split()
        done = subprocess.run(argv, env=environ, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout + done.stderr

    page = ROOT / "docs/howto/switch-it-off.md"
    commands = [line for code in blocks(page, "bash") for line in code.splitlines()]
    assert re.search(r"jupyter_vnc .*OK", run(commands[0])[1])
    # scripts/check-wheel runs the second one, which takes seconds.
    assert run(commands[2]) == (0, f"{__import__('jupyter_vnc').__version__}\n")
    assert "jupyter server extension disable jupyter_vnc --sys-prefix" in commands
    # Jupyter writes only where the extension was switched on.
    copy = tmp_path / "config" / "jupyter_server_config.d" / "jupyter_vnc.json"
    copy.parent.mkdir(parents=True)
    copy.write_text((ROOT / "jupyter-config" / "jupyter_server_config.d" / "jupyter_vnc.json").read_text())
    assert run("jupyter server extension disable jupyter_vnc --sys-prefix")[0] == 0
    assert json.loads(copy.read_text())["ServerApp"]["jpserver_extensions"] == {"jupyter_vnc": False}
