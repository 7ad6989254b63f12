"""Two hosts on one machine: network namespaces with a cable between them, which can be cut silently."""

import ctypes
import os
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path

HERE, THERE = "10.213.7.1", "10.213.7.2"
_CLONE_NEWNET = 0x40000000


def _ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


class Hosts:
    """This host and the other one."""

    def __init__(self, here, there):
        self.here, self.there = here, there

    @contextmanager
    def other(self):
        """What this thread opens meanwhile belongs to the other host."""
        with _inside(self.there):
            yield

    def cut(self):
        """From now on nothing comes from the other host any more, not even a refusal."""
        _ip("-n", self.there, "route", "add", "blackhole", f"{HERE}/32")


@contextmanager
def two_hosts():
    """Be on one of two hosts, as far as this thread's network goes. Needs root."""
    hosts = Hosts(*(f"vnc-test-{os.getpid()}-{name}" for name in ("here", "there")))
    try:
        for name in (hosts.here, hosts.there):
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        ends = {hosts.here: HERE, hosts.there: THERE}
        _ip("-n", hosts.here, "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", hosts.there)
        for name, address in ends.items():
            _ip("-n", name, "address", "add", f"{address}/30", "dev", "cable")
            _ip("-n", name, "link", "set", "cable", "up")
        with _inside(hosts.here):
            yield hosts
    finally:
        for name in (hosts.here, hosts.there):
            if Path("/run/netns", name).exists():
                _ip("netns", "delete", name)


@contextmanager
def _inside(name):
    """Move this thread to a namespace (``setns(2)``; Python has it from 3.12)."""
    own = os.open(f"/proc/self/task/{threading.get_native_id()}/ns/net", os.O_RDONLY)
    other = os.open(f"/run/netns/{name}", os.O_RDONLY)
    try:
        _setns(other)
        try:
            yield
        finally:
            _setns(own)
    finally:
        os.close(own)
        os.close(other)


def _setns(descriptor):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
