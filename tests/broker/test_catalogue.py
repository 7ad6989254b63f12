"""The catalogue: sources in their order, what a visitor may do, and whose desktop it is."""

import logging

import pytest

from jupyter_vnc.broker.catalogue import MAX_LEFT_OUT, Access, Catalogue
from jupyter_vnc.exceptions import TargetNotFound
from jupyter_vnc.model.addresses import TCPAddress, UnixAddress
from jupyter_vnc.model.targets import Mode, Target
from jupyter_vnc.model.users import User
from jupyter_vnc.sources.base import TargetSource

ANN, BOB, ADA = User("ann", frozenset({"a"})), User("bob", frozenset({"b"})), User("ada")
LAB = Target(name="lab", address=TCPAddress("lab", 5901), allow_groups=frozenset({"a"}))
MINE = Target(name="mine", address=UnixAddress("/run/vnc/{username}.sock"))


class Listed(TargetSource):
    def __init__(self, *targets):
        self._targets = targets

    async def targets(self, user):
        return self._targets


class Broken(TargetSource):
    async def targets(self, user):
        raise OSError("no such file")


class Somebody:
    """A visitor with rights that a test gives; knows ann and bob."""

    def __init__(self, user, *, wards=(), denied=(), reach=None):
        self.user = self.home = user
        self.wards = wards
        self.denied = denied
        self.most = reach

    async def may(self, action, resource):
        return (action, resource) not in self.denied

    def reach(self, target):
        return self.most or (target.mode if target.admits(self.user) else None)

    def oversees(self, person, target):
        return person.name in self.wards

    async def person(self, name):
        return {"ann": ANN, "bob": BOB}.get(name)

    async def again(self):
        return self


@pytest.fixture
def catalogue():
    return Catalogue(
        [Broken(), Listed(LAB, MINE), Listed(Target(name="lab", address=TCPAddress("other", 1)))],
        logging.getLogger("test"),
    )


async def test_a_source_that_fails_hides_no_other_and_the_first_of_a_name_counts(catalogue, caplog):
    assert await catalogue.known(ANN) == [LAB, MINE]
    assert (await catalogue.find(Somebody(ANN), "lab")) == Access(LAB, Mode.CONTROL, ANN)
    assert caplog.text.count("Target source Broken failed") == 2


@pytest.mark.parametrize("name", ["127.0.0.1", "a/b", "ann@example.org", "..", "localhost"])
async def test_what_cannot_be_opened_is_not_listed(name, caplog):
    """What is listed can be found, and what cannot be found is not listed: both decide by one rule."""
    host = Target(name="host", address=TCPAddress("{username}", 5900))
    odd = Target(name="no target's name", address=TCPAddress("lab", 5900))
    catalogue = Catalogue([Listed(host, odd, LAB)], logging.getLogger("test"))
    member, ann = Somebody(User(name, frozenset({"a"}))), Somebody(ANN)
    for _ in range(3):
        assert await catalogue.known(member.user) == await catalogue.had_by(member.user) == [LAB]
    assert [target.name for target, _ in await catalogue.visible(ann)] == ["host", "lab"]
    assert (await catalogue.find(ann, "host")).target.address.host == "ann"
    for unlisted in (host, odd):
        with pytest.raises(TargetNotFound):
            await catalogue.find(member, unlisted.name)
        assert not await catalogue.has(member.user, unlisted.name)
    assert [record.levelname for record in caplog.records if "'host'" in record.message] == ["WARNING"]
    assert f"{name!r}" in caplog.text


async def test_the_log_of_what_cannot_be_opened_is_bounded(caplog):
    host = Target(name="host", address=TCPAddress("{username}", 5900))
    catalogue = Catalogue([Listed(host)], logging.getLogger("test"))
    for number in range(MAX_LEFT_OUT + 10):
        assert await catalogue.known(User(f"{number}.example.org")) == []
    assert len(caplog.records) == MAX_LEFT_OUT


async def test_a_target_that_a_user_cannot_have_leaves_its_name_to_the_next_source():
    first = Listed(Target(name="lab", address=TCPAddress("{username}", 5900)))
    catalogue = Catalogue([first, Listed(LAB)], logging.getLogger("test"))
    member = Somebody(User("1.2.3.4", frozenset({"a"})))
    assert await catalogue.known(member.user) == [LAB]
    assert (await catalogue.find(member, "lab")).target == LAB


async def test_a_user_whom_a_target_does_not_admit_does_not_get_the_next_of_that_name(catalogue):
    assert [target.name for target, _ in await catalogue.visible(Somebody(BOB))] == ["mine"]
    with pytest.raises(TargetNotFound):
        await catalogue.find(Somebody(BOB), "lab")


@pytest.mark.parametrize("name", ["", "..", "a/b", None, 7, "no-such"])
async def test_a_name_that_is_none(catalogue, name):
    with pytest.raises(TargetNotFound):
        await catalogue.find(Somebody(ANN), name)


async def test_an_instructor_gets_the_desktop_of_a_person_whom_they_oversee(catalogue):
    access = await catalogue.find(Somebody(ADA, wards=["ann"]), "mine", "ann")
    assert access.target.address == UnixAddress("/run/vnc/ann.sock", "ann")
    assert access.owner is ANN


@pytest.mark.parametrize(("owner", "wards"), [("ann", []), ("ann", ["bob"]), ("nobody", ["nobody"])])
async def test_no_desktop_of_a_person_whom_the_visitor_does_not_oversee(catalogue, owner, wards):
    with pytest.raises(TargetNotFound):
        await catalogue.find(Somebody(ADA, wards=wards), "mine", owner)


async def test_naming_oneself_needs_no_right(catalogue):
    visitor = Somebody(ANN)
    assert (await catalogue.find(visitor, "mine", "ann")).owner is visitor.user


async def test_a_guest_has_the_hosts_targets(catalogue):
    guest = Somebody(BOB)
    guest.home = ANN
    for owner in ("", "bob", "ann"):
        access = await catalogue.find(guest, "mine", owner)
        assert access.target.address == UnixAddress("/run/vnc/ann.sock", "ann")
        assert access.owner is ANN


async def test_has_knows_targets_that_are_not_permitted(catalogue):
    assert await catalogue.has(BOB, "lab")
    assert not await catalogue.has(BOB, "no-such")


READ, EXECUTE = ("read", "vnc:lab"), ("execute", "vnc:lab")


class Own(TargetSource):
    """Has a target for each user, named after them."""

    async def targets(self, user):
        return [Target(name=user.name, address=TCPAddress("lab", 5901))]


async def test_a_source_is_asked_for_each_user_of_their_own():
    catalogue = Catalogue([Own()], logging.getLogger("test"))
    for user in (ANN, BOB):
        assert [target.name for target in await catalogue.known(user)] == [user.name]
        assert [target.name for target, _ in await catalogue.visible(Somebody(user))] == [user.name]
        assert (await catalogue.find(Somebody(user), user.name)).owner is user
        assert await catalogue.has(user, user.name)
    assert not await catalogue.has(ANN, "bob")
    with pytest.raises(TargetNotFound):
        await catalogue.find(Somebody(ANN), "bob")


async def test_what_does_not_fit_is_left_out():
    catalogue = Catalogue([Listed(LAB, MINE)], logging.getLogger("test"), fits=lambda target: target is MINE)
    assert await catalogue.known(ANN) == [MINE]
    assert not await catalogue.has(ANN, "lab")
    with pytest.raises(TargetNotFound):
        await catalogue.find(Somebody(ANN), "lab")
