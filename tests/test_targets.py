"""Targets as values: what a browser learns, whom they admit, and what of a request reaches an address."""

import json

import pytest

from jupyter_vnc.exceptions import ConfigError, TargetNotFound
from jupyter_vnc.people import User
from jupyter_vnc.targets import (
    Credentials,
    DesktopAddress,
    Mode,
    Secret,
    State,
    Target,
    TargetSource,
    TCPAddress,
    UnixAddress,
    check_name,
)

ANN = User("ann", frozenset({"lab"}))


def target(**changes):
    return Target(**{"name": "lab", "address": TCPAddress("10.1.2.3", 5901), **changes})


def test_a_secret_shows_in_no_text():
    credentials = Credentials("u", "password", Secret("hunter2"))
    shown = f"{Secret('hunter2')} {Secret('hunter2')!r} {credentials} {target(credentials=credentials)!r}"
    assert "hunter2" not in shown
    assert "***" in shown
    assert Secret("hunter2").reveal() == "hunter2"
    assert Secret("a") == Secret("a") != Secret("b")
    assert len({Secret("a"), Secret("a")}) == 1


def test_what_a_browser_learns():
    row = target(credentials=Credentials("root", "password_file", "/etc/x.passwd")).public(
        mode=Mode.VIEW, state=State.UP
    )
    assert row["title"] == "lab"
    assert row["mode"] == "view"
    assert row["state"] == "up"
    assert set(row["viewer"]) == {"resize", "quality", "compression", "clipboard"}
    assert not any(word in json.dumps(row) for word in ("10.1.2.3", "5901", "root", "x.passwd"))


@pytest.mark.parametrize(
    ("allowed", "admitted"),
    [
        ({}, True),
        ({"allow_users": frozenset({"ann"})}, True),
        ({"allow_users": frozenset({"bob"})}, False),
        ({"allow_groups": frozenset({"lab"})}, True),
        ({"allow_groups": frozenset({"other"})}, False),
        ({"allow_users": frozenset({"bob"}), "allow_groups": frozenset({"lab"})}, True),
    ],
)
def test_whom_a_target_admits(allowed, admitted):
    assert target(**allowed).admits(ANN) is admitted


@pytest.mark.parametrize("name", ["ann", "a.b", "ann@example.org", "x+y", "_svc", "A" * 64])
def test_a_user_name_becomes_part_of_an_address(name):
    assert TCPAddress("vnc-{username}", 5900).for_user(name).host == f"vnc-{name}"
    assert UnixAddress("/r/{username}.s").for_user(name) == UnixAddress(f"/r/{name}.s", owner=name)


@pytest.mark.parametrize(
    "name", ["", "..", "a..b", "../etc", "a/b", "a b", "a\n", "-a", ".a", "ä", "a:1", "a\0", "{username}", "A" * 65]
)
def test_a_user_name_that_could_change_an_addresss_meaning_is_refused(name):
    for address in (TCPAddress("vnc-{username}", 5900), UnixAddress("/r/{username}.s")):
        with pytest.raises(TargetNotFound):
            address.for_user(name)
        assert TCPAddress("fixed", 1).for_user(name) == TCPAddress("fixed", 1)


def test_a_socket_path_that_becomes_too_long_is_refused():
    with pytest.raises(TargetNotFound):
        UnixAddress("/" + "d" * 60 + "/{username}").for_user("u" * 60)


def test_a_socket_without_a_user_name_is_everybodys():
    address = UnixAddress("/run/vnc/lab.sock", "lab")
    assert address.for_user("../evil") is address


def test_a_named_owner_stays():
    assert UnixAddress("/r/{username}.s", owner="vnc").for_user("ann").owner == "vnc"


@pytest.mark.parametrize(
    ("address", "local", "text"),
    [
        (TCPAddress("127.0.0.1", 1), True, "127.0.0.1:1"),
        (TCPAddress("127.9.9.9", 1), True, "127.9.9.9:1"),
        (TCPAddress("::1", 1), True, "[::1]:1"),
        (TCPAddress("LocalHost", 1), True, "LocalHost:1"),
        (TCPAddress("localhost.example.org", 1), False, "localhost.example.org:1"),
        (TCPAddress("10.0.0.1", 1), False, "10.0.0.1:1"),
        (UnixAddress("/a"), True, "/a"),
        (DesktopAddress(), True, "managed desktop"),
    ],
)
def test_what_is_local(address, local, text):
    assert address.is_local is local
    assert str(address) == text


def test_for_user_and_generation():
    mine = target(address=UnixAddress("/r/{username}"))
    assert mine.for_user(ANN).address == UnixAddress("/r/ann", "ann")
    assert target().for_user(ANN) == target()
    assert target().generation == target(title="other").generation
    assert target().generation != target(address=TCPAddress("10.1.2.3", 5902)).generation
    assert mine.for_user(ANN).generation != mine.for_user(User("bob")).generation
    assert target(address=DesktopAddress()).for_user(ANN).address == DesktopAddress()


@pytest.mark.parametrize("name", ["a", "0", "lab-1", "a.b_c-D", "a" * 64])
def test_good_names(name):
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", "-a", ".a", "_a", "a/b", "a b", "ä", "a\n", "a" * 65, None, 5])
def test_bad_names(name):
    with pytest.raises(ConfigError, match="a name is 1 to 64"):
        check_name(name)


def test_a_longer_name_may_be_a_token():
    assert check_name("a" * 1024, longest=1024)
    with pytest.raises(ConfigError):
        check_name("a" * 1025, longest=2000)


async def test_a_source_answers_by_name_from_its_list():
    class Source(TargetSource):
        async def targets(self, user):
            return [target(name="a"), target(name="b")]

    assert (await Source().target(ANN, "b")).name == "b"
    assert await Source().target(ANN, "c") is None
    assert await TargetSource().targets(ANN) == ()
    await Source().close()
