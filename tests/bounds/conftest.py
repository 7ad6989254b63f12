"""A Jupyter server that permits many sessions, and what is counted before and after them."""

import asyncio
import gc
from pathlib import Path

import pytest

from jupyter_vnc.config.targets import parse_target


@pytest.fixture
def jp_server_config():
    extensions = {"jupyter_vnc": True, "jupyter_server_terminals": False}
    unlimited = ("tokens_per_minute", "sessions_per_user", "sessions_per_target", "sessions_total")
    many = {"tokens_per_user": 4096, "token_burst": 4096} | dict.fromkeys(unlimited, 0)
    return {
        "ServerApp": {"jpserver_extensions": extensions, "allow_unauthenticated_access": False},
        "VNCBroker": {"targets": {"none": {"host": "127.0.0.1", "port": 1}}, "ping_interval": 0, **many},
    }


@pytest.fixture
def add_target(broker):
    """Add a target by name and TCP address, with more keys if needed."""

    def add(name, address, **more):
        broker.sources[0].by_name[name] = parse_target(name, {"host": address.host, "port": address.port, **more})

    return add


class Census:
    """What the process holds: descriptors, tasks, sessions and tokens."""

    def __init__(self, broker):
        self._broker = broker

    def take(self):
        """Count."""
        gc.collect()
        return {
            "descriptors": len(list(Path("/proc/self/fd").iterdir())),
            "tasks": len(asyncio.all_tasks()),
            "sessions": len(self._broker.registry),
        }

    async def is_as(self, before, seconds=60):
        """Wait until nothing is more than it was; return what there is."""
        for _ in range(int(seconds / 0.1)):
            now = self.take()
            if all(now[what] <= most for what, most in before.items()):
                return now
            await asyncio.sleep(0.1)
        raise AssertionError(f"{now} is more than {before}")


@pytest.fixture
def census(broker):
    return Census(broker)
