"""Targets of the configuration: what is logged about bad ones, and when."""

import logging

import pytest
from traitlets import Dict
from traitlets.config import Config, Configurable

from jupyter_vnc.exceptions import ConfigError
from jupyter_vnc.model.users import User
from jupyter_vnc.sources.config import ConfigTargets

ANN = User("ann")


class Parent(Configurable):
    """Stands for the broker: it has the configuration."""

    targets = Dict().tag(config=True)
    managed_desktops = True
    configured_targets = property(lambda self: self.targets)


@pytest.fixture
def build(caplog):
    caplog.set_level(logging.DEBUG)

    def build(targets):
        parent = Parent(config=Config({"Parent": {"targets": targets}}))
        return ConfigTargets(parent=parent, log=logging.getLogger("test-of-config"))

    return build


def said(caplog):
    return [(record.levelname, record.getMessage()) for record in caplog.records]


async def test_nothing_configured_is_no_target(build, caplog):
    source = build({})
    assert await source.targets(ANN) == ()
    assert await source.target(ANN, "desktop") is None
    assert (source.errors, said(caplog)) == ([], [])


@pytest.mark.parametrize(
    ("name", "keys", "key"),
    [
        ("lab", {"host": "h", "prot": 5901}, "prot"),
        ("lab", {"host": "h", "mode": "look"}, "mode"),
        ("lab", {"host": "h", "password_file": "/nowhere/passwd"}, "password_file"),
        ("lab", {"desktop": {"geometry": "big"}}, "desktop.geometry"),
        ("lab", {}, "host"),
    ],
)
async def test_a_bad_target_is_named_with_its_key_once_and_at_start(name, keys, key, build, caplog):
    source = build({"first": {"host": "h"}, name: keys, "last": {"host": "h"}})
    ((level, line),) = said(caplog)
    assert level == "ERROR"
    assert f"target {name!r}, key {key!r}: " in line
    assert [(error.target, error.key) for error in source.errors] == [(name, key)]
    for _ in range(2):
        assert [target.name for target in await source.targets(ANN)] == ["first", "last"]
    assert len(said(caplog)) == 1


async def test_a_bad_name_is_an_error_like_any_other(build, caplog):
    source = build({"no spaces": {"host": "h"}, "lab": {"host": "h"}})
    assert [type(error) for error in source.errors] == [ConfigError]
    assert [target.name for target in await source.targets(ANN)] == ["lab"]
    assert "'no spaces'" in said(caplog)[0][1]


async def test_an_inline_password_works_and_is_warned_of_without_being_said(build, caplog):
    source = build({"lab": {"host": "h", "password": "hunter2"}})
    target = await source.target(ANN, "lab")
    assert target.credentials.value.reveal() == "hunter2"
    ((level, line),) = said(caplog)
    assert level == "WARNING"
    assert "'lab'" in line
    assert "password_file" in line
    assert "hunter2" not in line + repr(target)


async def test_the_default_desktop_comes_once_its_x_server_has_answered(build):
    source = build({})
    assert await source.targets(ANN) == ()
    source.parent.targets = {"desktop": {"desktop": {}}}
    assert [target.name for target in await source.targets(ANN)] == ["desktop"]
    source.parent.targets = {}
    assert (await source.target(ANN, "desktop")).name == "desktop"
