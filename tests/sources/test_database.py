"""The source of registered targets: what the service has in memory, and nothing without a service."""

import logging
from typing import ClassVar

import pytest
from traitlets.config import LoggingConfigurable

from jupyter_vnc.config.targets import parse_target
from jupyter_vnc.exceptions import ConfigError
from jupyter_vnc.model.users import User
from jupyter_vnc.sources.database import DatabaseTargets

ANN = User("ann")


class Service(LoggingConfigurable):
    """A hub's service."""

    registered_targets: ClassVar = {name: parse_target(name, {"host": name}) for name in ("a", "b")}
    registered_problems = ("Registered target 'c': …",)


async def test_registered_targets_are_listed_and_found():
    source = DatabaseTargets(parent=LoggingConfigurable(parent=Service(log=logging.getLogger("t"))))
    assert [one.name for one in await source.targets(ANN)] == ["a", "b"]
    assert (await source.target(ANN, "b")).name == "b"
    assert await source.target(ANN, "c") is None
    assert source.problems == Service.registered_problems


def test_without_a_service_it_is_refused():
    with pytest.raises(ConfigError, match="hub service only"):
        DatabaseTargets(parent=LoggingConfigurable())
