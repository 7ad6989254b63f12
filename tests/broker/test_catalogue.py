"""The catalogue: sources in their order, what a visitor may do, and whose desktop it is."""

import logging

import pytest
from prometheus_client import CollectorRegistry

from jupyter_vnc.broker.access.kinds import access_kinds
from jupyter_vnc.broker.catalogue import MAX_LEFT_OUT, MAX_WATCHED, Access, Catalogue, load_sources
from jupyter_vnc.broker.metrics import Metrics
from jupyter_vnc.exceptions import TargetNotFound
from jupyter_vnc.model.addresses import PoolAddress, PoolMachine, TCPAddress, UnixAddress
from jupyter_vnc.model.session_registry import SessionRegistry
from jupyter_vnc.model.targets import Mode, Target
from jupyter_vnc.model.users import User
from jupyter_vnc.pools.manager import PoolManager
from jupyter_vnc.sources.base import TargetSource
from jupyter_vnc.system.logs import Configurable

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
    """A visitor with rights that a test gives; knows ann and bob. A ward is a person, or ``person/target``."""

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
        return person.name in self.wards or f"{person.name}/{target.name}" in self.wards

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
    assert caplog.messages == 2 * ["Target source Broken failed"]


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
    assert caplog.messages == [
        f"Target 'host' is left out for {name!r}, whose name cannot be part of its address",
        'Target "no target\'s name" is left out: a target cannot have this name',
    ]
    assert {record.levelname for record in caplog.records} == {"WARNING"}


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


@pytest.mark.parametrize(
    ("owner", "wards"), [("ann", []), ("ann", ["bob"]), ("ann", ["ann/lab"]), ("nobody", ["nobody"])]
)
async def test_no_desktop_of_a_person_whom_the_visitor_does_not_oversee(catalogue, owner, wards):
    with pytest.raises(TargetNotFound):
        await catalogue.find(Somebody(ADA, wards=wards), "mine", owner)


async def test_a_person_may_be_overseen_at_one_target_only(catalogue):
    assert (await catalogue.find(Somebody(ADA, wards=["ann/mine"]), "mine", "ann")).owner is ANN


async def test_the_log_says_that_nobody_is_called_so_in_few_words(catalogue):
    with pytest.raises(TargetNotFound) as caught:
        await catalogue.find(Somebody(ADA), "mine", "x" * 1000)
    assert caught.value.detail == f"no user {'x' * 64!r} is known"


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


OTHER_LAB = Target(name="lab", address=TCPAddress("other", 1))


@pytest.mark.parametrize(
    ("sources", "told"),
    [
        ([Listed(LAB, MINE), Listed(OTHER_LAB)], [LAB, MINE]),
        ([Listed(LAB), Broken(), Listed(OTHER_LAB, MINE)], [LAB]),
        ([Broken(), Listed(LAB, MINE)], []),
        ([Listed(LAB, MINE), Broken()], [LAB, MINE]),
    ],
)
async def test_whoever_depends_on_targets_is_told_of_those_that_are_certain(sources, told):
    """A source that failed may have another target of a name that a later one has."""
    found = []
    catalogue = Catalogue(sources, logging.getLogger("test"), found=found.append)
    assert {target.name for target in await catalogue.known(ANN)} == {"lab", "mine"}
    assert found == told
    found.clear()
    for name in ("lab", "mine"):
        await catalogue.find(Somebody(ANN), name)
    assert found == told


@pytest.mark.parametrize(("sources", "failed"), [([Listed(LAB)], False), ([Broken(), Listed(LAB)], True)])
async def test_a_look_up_says_whether_a_source_failed_before(sources, failed):
    assert await Catalogue(sources, logging.getLogger("test")).look_up(ANN, "lab") == (LAB, failed)


class PerUser(TargetSource):
    """Has targets for each user; a test takes them away."""

    def __init__(self, **targets):
        self.by_user = targets

    async def targets(self, user):
        return self.by_user.get(user.name, [])


@pytest.fixture
def pooled(jp_asyncio_loop):
    """The access to pools, as the broker has it."""
    manager = PoolManager()
    log = logging.getLogger("test")
    yield access_kinds(None, None, manager, SessionRegistry(), log, Metrics(CollectorRegistry()), managed=False)
    jp_asyncio_loop.run_until_complete(manager.close())


def pool(name):
    return Target(name=name, address=PoolAddress((PoolMachine("m1", TCPAddress("127.0.0.1", 1)),)))


def watching(source, kinds, *others):
    return Catalogue([source, *others], logging.getLogger("test"), found=kinds.found, lost=kinds.lost)


def names(kinds):
    return [one.name for one in kinds.figures()]


async def test_a_pool_that_the_sources_have_no_more_has_no_figures(pooled):
    source = PerUser(ann=[pool("old"), pool("lab"), MINE], bob=[pool("bobs")])
    catalogue = watching(source, pooled)
    for user in (ANN, BOB):
        await catalogue.known(user)
    assert names(pooled) == ["bobs", "lab", "old"]
    source.by_user["ann"] = [pool("lab")]
    for _ in range(3):
        await catalogue.known(BOB)
        await catalogue.known(ANN)
    assert names(pooled) == ["bobs", "lab"], "of which each user lists one"
    source.by_user = {}
    for _ in range(2):
        await catalogue.known(ADA)
    assert names(pooled) == []
    source.by_user["ann"] = [pool("old")]
    await catalogue.known(ANN)
    assert names(pooled) == ["old"], "it may come back"


async def test_a_pool_has_figures_while_a_source_fails_and_none_when_its_name_is_another_targets(pooled):
    source = PerUser(ann=[pool("lab")])
    catalogue = watching(source, pooled)
    await catalogue.known(ANN)
    source.by_user = {}
    catalogue.sources.append(Broken())
    for _ in range(3):
        await catalogue.known(ANN)
    assert names(pooled) == ["lab"]
    source.by_user["ann"] = [LAB]
    catalogue.sources.pop()
    await catalogue.known(ANN)
    assert names(pooled) == []


async def test_the_targets_whose_end_is_noticed_are_bounded(pooled):
    source = PerUser(ann=[pool(f"lab-{number}") for number in range(MAX_WATCHED + 3)])
    catalogue = watching(source, pooled)
    await catalogue.known(ANN)
    assert len(catalogue._watched) == MAX_WATCHED


class Narrow(TargetSource):
    """A plug-in whose author has not read the contract."""

    def __init__(self):
        super().__init__()


def test_a_source_that_cannot_be_built_is_logged_and_the_others_are_there(caplog):
    parent = Configurable(log=logging.getLogger("test"))
    sources = load_sources(parent, ["no-such", Own, Narrow, f"{__name__}.Broken", 7])
    assert [(type(source), source.parent) for source in sources] == [(Own, parent), (Broken, parent)]
    assert [record.levelname for record in caplog.records] == 3 * ["ERROR"]
    beginnings = (
        "'no-such' is not installed; there are: config, ",
        "Narrow cannot be made with parent: ",
        "7 is not a ",
    )
    for line, beginning in zip(caplog.messages, beginnings, strict=True):
        assert line.startswith(f"VNCBroker: key 'target_sources': {beginning}")
