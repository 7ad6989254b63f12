"""Accepting connections while the process runs out of open files: it rests, says so once, and goes on."""

import asyncio
import errno
import logging
import socket
from contextlib import contextmanager

import pytest

from jupyter_vnc.hub import acceptor as module
from jupyter_vnc.hub.acceptor import Acceptor
from jupyter_vnc.system import descriptors


class Listener:
    """A listening socket whose next attempts to accept fail."""

    def __init__(self, sock):
        self._sock = sock
        self.failures = 0
        self.attempts = 0

    def fileno(self):
        return self._sock.fileno()

    def accept(self):
        self.attempts += 1
        if self.failures:
            self.failures -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return self._sock.accept()


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        sock.setblocking(False)
        yield Listener(sock)


@pytest.fixture
def short_rests(monkeypatch):
    monkeypatch.setattr(module, "REST", 0.02)


@contextmanager
def accepted(listener):
    """What was accepted, and how often something was closed for it."""
    taken, relieved = [], []
    log = logging.getLogger(__name__)
    acceptor = Acceptor(listener, lambda *what: taken.append(what[0]), lambda: relieved.append(1), log)
    yield taken, relieved
    acceptor.stop()
    for connection in taken:
        connection.close()


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


async def test_it_rests_when_there_are_no_descriptors_and_says_so_once(listener, short_rests, caplog):
    listener.failures = 5
    with accepted(listener) as (taken, relieved), socket.create_connection(listener._sock.getsockname()):
        await until(lambda: taken)
    assert len(relieved) == 5, "each rest closes something that can be spared"
    assert listener.attempts <= 8, "it does not spin"
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        f"New connections have to wait: [Errno 24] Too many open files, the limit is {descriptors.limit()}"
    ]


async def test_it_leaves_descriptors_to_the_sessions_that_are_being_opened(listener, short_rests, monkeypatch, caplog):
    full = [True]
    monkeypatch.setattr(descriptors, "opened", lambda: descriptors.limit() - 5 if full else 10)
    with accepted(listener) as (taken, relieved), socket.create_connection(listener._sock.getsockname()):
        await until(lambda: len(relieved) > 2)
        assert not taken
        assert listener.attempts == 0
        full.clear()
        await until(lambda: taken)
    assert caplog.text.count("New connections have to wait: too few descriptors are left") == 1


async def test_it_can_be_stopped_while_it_rests(listener, monkeypatch):
    monkeypatch.setattr(module, "REST", 3600)
    acceptor = Acceptor(listener, lambda *what: None, lambda: None, logging.getLogger(__name__))
    listener.failures = 1
    with socket.create_connection(listener._sock.getsockname()):
        await until(lambda: listener.attempts)
    acceptor.stop()
