"""What every target source must do, whatever it reads: one suite over all that are installed."""

import json
import logging
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from traitlets import Dict
from traitlets.config import Config, Configurable

from jupyter_vnc.model.addresses import TCPAddress
from jupyter_vnc.model.users import User
from jupyter_vnc.plugins import load_plugin
from jupyter_vnc.sources.base import TargetSource

GROUP = "jupyter_vnc.target_sources"
ANN, BOB = User("ann", frozenset({"staff"})), User("bob")

#: Three good targets and one bad, as each source is told of them.
KEYS = {
    "lab-1": {"host": "127.0.0.1", "port": 5901},
    "lab-2": {"host": "::1", "port": 5902},
    "bad": {"host": "127.0.0.1", "port": 70000},
    "lab-3": {"host": "localhost", "port": 5903},
}
GOOD = {name: TCPAddress(**keys) for name, keys in KEYS.items() if name != "bad"}
#: Names that none of them may have a target for: a bad one's, and what could mean something to a file system.
NOBODYS = ("bad", "lab-9", "", ".", "..", "../lab-1", "lab-1.json", "/etc/passwd", "lab-1\n", "lab-1\0", "x" * 1024)


def config_source(folder):
    return {"Parent": {"targets": KEYS}}


def directory_source(folder):
    for name, keys in KEYS.items():
        (folder / f"{name}.json").write_text(json.dumps(keys))
    return {"DirectoryTargets": {"path": str(folder)}}


def token_file_source(folder):
    lines = [f"{name}: {keys['host']}:{keys['port']}" for name, keys in KEYS.items()]
    (folder / "token.conf").write_text("\n".join(lines))
    return {"WebsockifyTargets": {"source": str(folder / "token.conf")}}


class LookUp:
    """A site's own token plug-in: it can look a token up, and not list any."""

    def __init__(self, source):
        self.known = json.loads(Path(source).read_text())

    def lookup(self, token):
        return self.known.get(token)


def lookup_source(folder):
    (folder / "known").write_text(json.dumps({name: (keys["host"], keys["port"]) for name, keys in KEYS.items()}))
    return {"WebsockifyTargets": {"plugin": f"{__name__}.LookUp", "source": str(folder / "known")}}


#: Each way to write the targets down: name of the source, who writes, and whether it can list them.
SOURCES = [
    pytest.param("config", config_source, True, id="config"),
    pytest.param("directory", directory_source, True, id="directory"),
    pytest.param("websockify", token_file_source, True, id="websockify-file"),
    pytest.param("websockify", lookup_source, False, id="websockify-lookup"),
]


class Parent(Configurable):
    """Stands for the broker: where the configuration comes from."""

    targets = Dict().tag(config=True)
    managed_desktops = True
    configured_targets = property(lambda self: self.targets)
    log = logging.getLogger("test-of-sources")


@pytest.fixture
def build(tmp_path, caplog):
    """A source that has been told of the targets."""
    caplog.set_level(logging.DEBUG)

    def build(name, write):
        config = Config(write(tmp_path))
        parent = Parent(config=config)
        return load_plugin(TargetSource, GROUP, name, key="target_sources")(parent=parent, log=Parent.log)

    return build


#: Reads the hub service's registry, which has to be opened first: its tests are in ``test_database.py``.
ELSEWHERE = {"database"}


def test_every_installed_source_is_here():
    assert {point.name for point in entry_points(group=GROUP)} == {source.values[0] for source in SOURCES} | ELSEWHERE


@pytest.mark.parametrize(("name", "write", "lists"), SOURCES)
class TestEverySource:
    async def test_lists_what_is_good(self, name, write, lists, build, caplog):
        listed = {target.name: target.address for target in await build(name, write).targets(ANN)}
        assert listed == (GOOD if lists else {})
        if lists:
            assert list(listed) == list(GOOD)

    async def test_finds_each_by_name(self, name, write, lists, build):
        source = build(name, write)
        for wanted, address in GOOD.items():
            target = await source.target(ANN, wanted)
            assert (target.name, target.address) == (wanted, address)

    @pytest.mark.parametrize("wanted", NOBODYS)
    async def test_has_nothing_under_another_name(self, name, write, lists, build, wanted):
        assert await build(name, write).target(ANN, wanted) is None

    async def test_says_what_is_bad_and_where(self, name, write, lists, build, caplog):
        source = build(name, write)
        for _ in range(2):
            await source.targets(ANN)
        if not lists:
            await source.target(ANN, "bad")
        said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
        assert len(said) == 1
        assert "port" in said[0]
        assert "from 1 to 65535" in said[0]

    async def test_gives_the_same_to_everybody(self, name, write, lists, build):
        source = build(name, write)
        assert await source.targets(ANN) == await source.targets(BOB)

    async def test_closes_as_often_as_one_likes(self, name, write, lists, build):
        source = build(name, write)
        await source.targets(ANN)
        await source.close()
        await source.close()
