"""Targets as values: what a browser learns, whom they admit, and what of a request reaches an address."""

import json

import pytest

from jupyter_vnc.exceptions import ConfigError
from jupyter_vnc.model.addresses import DesktopAddress, PoolAddress, PoolMachine, TCPAddress, UnixAddress
from jupyter_vnc.model.credentials import Credentials, Secret
from jupyter_vnc.model.pictures import Picture
from jupyter_vnc.model.targets import Mode, State, Target, check_name
from jupyter_vnc.model.users import User
from jupyter_vnc.sources.base import TargetSource

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
    assert set(row["viewer"]) == {"resize", "quality", "compression", "clipboard", "power"}
    assert not any(word in json.dumps(row) for word in ("10.1.2.3", "5901", "root", "x.passwd"))


def test_an_icon_is_a_name_or_where_its_picture_is():
    def icon(value):
        return target(icon=value).public(mode=Mode.VIEW, state=State.UP)["icon"]

    picture = Picture("image/png", b"data")
    assert icon("ui-components:terminal") == "ui-components:terminal"
    assert icon(picture) == f"api/targets/lab/icon?v={picture.version}"


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


POOL = PoolAddress(
    (
        PoolMachine("blue", TCPAddress("10.1.2.3", 5901)),
        PoolMachine("red", UnixAddress("/run/red"), Credentials("", "password", Secret("own"))),
    )
)


def test_a_target_on_a_machine_of_its_pool():
    lab = target(address=POOL, credentials=Credentials("", "password", Secret("usual")), title="Lab")
    blue, red = (lab.on_machine(machine) for machine in POOL.machines)
    assert (blue.address, red.address) == (TCPAddress("10.1.2.3", 5901), UnixAddress("/run/red"))
    assert (blue.credentials.value, red.credentials.value) == (Secret("usual"), Secret("own"))
    assert blue.name == red.name == "lab"
    assert blue.title == "Lab"


def test_a_pool_is_the_same_whichever_machines_it_has():
    lab = target(address=POOL)
    assert lab.for_user(ANN) is lab
    assert lab.generation == target(address=PoolAddress(POOL.machines[:1])).generation
    assert lab.generation != lab.on_machine(POOL.machines[0]).generation
    assert "10.1.2.3" not in json.dumps(lab.public(mode=Mode.VIEW, state=State.UP))


def test_for_user_and_generation():
    mine = target(address=UnixAddress("/r/{username}"))
    assert mine.for_user(ANN).address == UnixAddress("/r/ann", "ann")
    assert target().for_user(ANN) == target()
    assert target().generation == target(title="other").generation
    assert target().generation != target(address=TCPAddress("10.1.2.3", 5902)).generation
    assert mine.for_user(ANN).generation != mine.for_user(User("bob")).generation
    assert target(address=DesktopAddress()).for_user(ANN).address == DesktopAddress()


def test_whether_a_target_can_be_for_a_user():
    mine = target(address=UnixAddress("/r/{username}"))
    assert mine.can_be_for(ANN)
    assert not mine.can_be_for(User("../root"))
    assert target().can_be_for(User("../root"))


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
