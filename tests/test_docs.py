"""The pages that people follow: links lead somewhere, code can be read, options exist, commands run."""

import ast
import configparser
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from jupyter_server.serverapp import ServerApp
from jupyter_server.services.kernels.kernelmanager import MappingKernelManager
from jupyter_server_terminals.terminalmanager import TerminalManager
from jupyterhub.app import JupyterHub
from jupyterhub.spawner import Spawner
from traitlets.config import Config

from jupyter_vnc.broker.broker import VNCBroker
from jupyter_vnc.cli import _COMMANDS
from jupyter_vnc.config.targets import parse_targets
from jupyter_vnc.desktops.manager import DesktopManager
from jupyter_vnc.hub import config as hub_config
from jupyter_vnc.hub.app import VNCHub
from jupyter_vnc.sources.directory import DirectoryTargets
from jupyter_vnc.sources.websockify import WebsockifyTargets

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*/*.md"))]
HOWTOS = sorted(path for path in (ROOT / "docs" / "howto").glob("*.md") if path.name != "index.md")
OURS = (VNCBroker, DesktopManager, DirectoryTargets, VNCHub, WebsockifyTargets)
THEIRS = (JupyterHub, MappingKernelManager, ServerApp, Spawner, TerminalManager)
CLASSES = {one.__name__: one for one in (*OURS, *THEIRS)}


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
def test_code_can_be_read(page):
    for code in blocks(page, "python"):
        lines = [line for line in code.splitlines() if not line.startswith("%")]  # a cell's magic
        text = "\n".join(lines)
        ast.parse(f"{{{text}}}" if text.startswith('"') else text)  # some are a part of a dictionary
    for code in blocks(page, "bash", "sh"):
        subprocess.run(["bash", "-n"], input=code, text=True, check=True, timeout=30)


def configured(code):
    """What a block of a configuration file sets; a part of a dictionary is taken for targets, or for keys of one."""
    config = Config()
    if re.search(r"^c\.", code, re.MULTILINE):
        exec(code, {"c": config, "vnc": hub_config})
    elif code.startswith('"'):
        part = eval(f"{{{code}}}")
        of_one = not isinstance(next(iter(part.values())), dict)
        config.VNCBroker.targets = {"one": {"host": "one.example.org", **part}} if of_one else part
    return config


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_configuration_can_be_loaded_and_its_targets_are_good(page, monkeypatch, tmp_path):
    monkeypatch.setenv("VNC_SERVICE_TOKEN", "x" * 32)
    for block in blocks(page, "python"):
        code = block.replace("/etc/jupyter/vnc", str(tmp_path))
        for file in re.findall(rf'"({tmp_path}/[\w.-]+)"', code):
            Path(file).touch(0o600)
        config = configured(code)
        for name, options in config.items():
            kind = CLASSES[name]
            for trait, value in options.items():
                assert trait in kind.class_trait_names(config=True), f"{name}.{trait}"
                if not hasattr(value, "get_value"):  # as a list that is extended has
                    kind.class_traits()[trait]._validate(kind.__new__(kind), value)
        targets = config.VNCBroker.get("targets", {})
        parsed, errors = parse_targets(targets)
        assert (set(parsed), errors) == (set(targets), [])


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_other_files_can_be_read(page, tmp_path):
    for code in blocks(page, "yaml"):
        assert isinstance(yaml.safe_load(code), dict)
    for code in blocks(page, "toml"):
        keys = tomllib.loads(code.replace("/etc/jupyter/vnc", str(tmp_path)))
        (tmp_path / "lab-1.passwd").touch(0o600)
        assert parse_targets({"lab-1": keys})[1] == []
    for code in blocks(page, "ini"):
        reader = configparser.ConfigParser(strict=False, interpolation=None)
        reader.optionxform = str
        reader.read_string(code if "\n[" in code else f"[environment]\n{code}")
        assert all(reader.options(section) for section in reader.sections())


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
