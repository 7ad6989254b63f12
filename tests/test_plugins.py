"""Finding a plug-in: by entry point, by dotted path, as a class; and the sentence for each way to get it wrong."""

import importlib
from importlib.metadata import EntryPoint, EntryPoints, entry_points

import pytest
from traitlets.config import Configurable

from jupyter_vnc import plugins
from jupyter_vnc.exceptions import ConfigError
from jupyter_vnc.plugins import load_plugin, make_plugin
from jupyter_vnc.sources.base import TargetSource
from jupyter_vnc.sources.config import ConfigTargets

GROUP = "jupyter_vnc.target_sources"


def load(wanted, kind=TargetSource):
    return load_plugin(kind, GROUP, wanted, key="target_sources")


@pytest.mark.parametrize("wanted", ["config", "jupyter_vnc.sources.config.ConfigTargets", ConfigTargets])
def test_a_plugin_by_name_by_path_and_as_a_class(wanted):
    assert load(wanted) is ConfigTargets


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ("conifg", "'conifg' is not installed; there are: config, database, directory, websockify"),
        ("nowhere.Source", "'nowhere.Source' cannot be imported: No module named 'nowhere'"),
        ("jupyter_vnc.model.targets.Nothing", "'jupyter_vnc.model.targets.Nothing' cannot be imported"),
        ("collections.OrderedDict", "'collections.OrderedDict' is not a TargetSource"),
        (dict, "<class 'dict'> is not a TargetSource"),
        (5, "5 is not a TargetSource"),
    ],
)
def test_what_is_wrong_is_said_and_where(wanted, sentence):
    with pytest.raises(ConfigError) as caught:
        load(wanted)
    assert str(caught.value).startswith(f"key 'target_sources': {sentence}")


def test_a_plugin_whose_packages_are_missing_says_so(monkeypatch):
    point = EntryPoint("rooms", "nowhere_at_all:Source", GROUP)
    monkeypatch.setattr(plugins, "entry_points", lambda group: EntryPoints([point]))
    with pytest.raises(ConfigError, match="'rooms' needs a package that is not installed: No module named"):
        load("rooms")


def test_installed_packages_are_read_once(monkeypatch):
    read = []

    def find(group):
        read.append(group)
        return entry_points(group=group)

    monkeypatch.setattr(plugins, "entry_points", find)
    assert load("config") is load("config") is ConfigTargets
    with pytest.raises(ConfigError, match="there are: config, database"):
        load("nothing")
    assert read == [GROUP]


def test_an_error_inside_a_plugins_module_is_not_hidden(tmp_path, monkeypatch):
    (tmp_path / "broken_plugin.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    with pytest.raises(ZeroDivisionError):
        load("broken_plugin.Source")


class Plain(TargetSource):
    """Has no constructor of its own."""


class Own(TargetSource):
    """Has one, and passes on what it does not know."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.known = ["lab"]


class Narrow(TargetSource):
    """Has one that takes nothing."""

    def __init__(self):
        super().__init__()


@pytest.mark.parametrize("kind", [Plain, Own])
def test_a_plugin_is_made_with_its_parent(kind):
    parent = Configurable()
    assert make_plugin(kind, key="target_sources", parent=parent).parent is parent


def test_a_plugin_whose_constructor_takes_no_parent_is_refused_by_name():
    with pytest.raises(ConfigError, match=r"'target_sources': Narrow cannot be made with parent: .*kwargs"):
        make_plugin(Narrow, key="target_sources", parent=Configurable())


def test_an_error_inside_a_plugins_constructor_is_not_taken_for_that():
    class Faulty(TargetSource):
        def __init__(self, **kwargs):
            raise TypeError("its own")

    with pytest.raises(TypeError, match="its own"):
        make_plugin(Faulty, key="target_sources", parent=Configurable())
