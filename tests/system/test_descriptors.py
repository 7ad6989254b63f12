"""Open files: how many sessions fit, what is refused, and whose fault an error is."""

import errno
import logging
import os
import socket

import pytest

from jupyter_vnc.connect.dial import dial
from jupyter_vnc.connect.passwords import load_password
from jupyter_vnc.exceptions import LimitExceeded, TargetUnreachable
from jupyter_vnc.model.addresses import TCPAddress
from jupyter_vnc.model.credentials import Credentials
from jupyter_vnc.system import descriptors


@pytest.fixture
def limits(monkeypatch):
    """Pretend that the process has other limits; what it was raised to is in the list."""
    state = [0, 0]

    def pretend(soft, hard):
        state[:] = soft, hard

    monkeypatch.setattr(descriptors.resource, "getrlimit", lambda which: tuple(state))
    monkeypatch.setattr(descriptors.resource, "setrlimit", lambda which, values: pretend(*values))
    pretend.state = state
    return pretend


UNLIMITED = descriptors.resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((1024, 4096), 4096),
        ((1024, 1024), 1024),
        ((1024, 1 << 20), 1 << 20),
        ((1024, UNLIMITED), 16384),
        ((65536, UNLIMITED), 65536),
        ((UNLIMITED, UNLIMITED), 1 << 30),
    ],
)
def test_the_soft_limit_becomes_the_hard_one(limits, before, after):
    limits(*before)
    assert descriptors.raise_limit(16384) == after


def test_sessions_are_refused_while_there_are_descriptors_left(limits, monkeypatch):
    limits(1024, 1024)
    monkeypatch.setattr(descriptors, "opened", lambda: 30)
    fits = (1024 - descriptors.RESERVE) // descriptors.SESSION
    assert descriptors.refusal(fits - 1) is None
    refused = descriptors.refusal(fits)
    assert (refused.http_status, refused.close_code, refused.retry_after) == (429, 4429, 10.0)
    assert refused.detail == "30 of 1024 files are open"
    monkeypatch.setattr(descriptors, "opened", lambda: 950)
    assert descriptors.refusal(0) is not None, "others have taken them"


def test_a_small_limit_keeps_a_part_of_it(limits):
    limits(64, 64)
    assert descriptors.reserve() == 16


def test_the_advice_says_what_fits_and_what_is_needed(limits):
    limits(1024, 1024)
    assert descriptors.advice(64) == ""
    assert "which is enough for 216 sessions; sessions_total is 512" in descriptors.advice(512)
    assert "Raise the hard limit to 2208" in descriptors.advice(512)
    limits(2208, 2208)
    assert descriptors.advice(512) == ""


def test_what_is_open_is_counted():
    before = descriptors.opened()
    with open(os.devnull):  # noqa: PTH123
        assert descriptors.opened() == before + 1


@pytest.mark.parametrize(
    ("number", "count"), [(errno.EMFILE, 1024), (errno.ENFILE, 1024), (errno.ENOENT, 0), (errno.EACCES, 0)]
)
def test_what_cannot_be_counted_is_all_or_nothing(limits, monkeypatch, number, count):
    def fail(path):
        raise OSError(number, os.strerror(number), path)

    limits(1024, 1024)
    monkeypatch.setattr(descriptors.os, "listdir", fail)
    assert descriptors.opened() == count
    assert descriptors.room_for(0) is (count == 0), "without a count, sessions are refused by their own number alone"


def test_the_advice_is_a_warning_and_without_any_there_is_none(limits, caplog):
    limits(1024, 1024)
    log = logging.getLogger("descriptors")
    descriptors.warn(64, log)
    assert caplog.records == []
    descriptors.warn(512, log)
    (record,) = caplog.records
    assert (record.levelno, record.getMessage()) == (logging.WARNING, descriptors.advice(512))


def failing(number, kind=OSError):
    async def fail(*args, **options):
        raise kind(number, os.strerror(number) if number > 0 else "resolver")

    return fail


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
async def test_a_shortage_of_our_own_is_not_the_targets_fault(monkeypatch, number):
    monkeypatch.setattr("asyncio.open_connection", failing(number))
    with pytest.raises(LimitExceeded, match="no room for another desktop"):
        await dial(TCPAddress("127.0.0.1", 1))


@pytest.mark.parametrize(
    ("number", "kind"), [(socket.EAI_MEMORY, LimitExceeded), (socket.EAI_NONAME, TargetUnreachable)]
)
async def test_the_resolver_may_be_short_of_something_too(monkeypatch, number, kind):
    monkeypatch.setattr("asyncio.open_connection", failing(number, socket.gaierror))
    with pytest.raises(kind):
        await dial(TCPAddress("lab", 1))


async def test_a_refused_connection_is_the_targets(monkeypatch):
    monkeypatch.setattr("asyncio.open_connection", failing(errno.ECONNREFUSED, ConnectionRefusedError))
    with pytest.raises(TargetUnreachable):
        await dial(TCPAddress("127.0.0.1", 1))


async def test_a_password_that_cannot_be_read_for_want_of_descriptors_is_nobodys_mistake(monkeypatch):
    async def fail(function, *args):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("asyncio.to_thread", fail)
    with pytest.raises(LimitExceeded):
        await load_password(Credentials("", "password_file", "/etc/lab.passwd"), "lab")
