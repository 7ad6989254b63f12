"""Between a token's issue and its use: what changes meanwhile counts, and a token for what is no more opens nothing."""

import logging

import pytest

from jupyter_vnc.broker.admission import Admission
from jupyter_vnc.broker.catalogue import Catalogue
from jupyter_vnc.exceptions import (
    InMaintenance,
    LimitExceeded,
    MalformedRequest,
    NotPermitted,
    TargetBusy,
    TargetNotFound,
    TokenRefused,
)
from jupyter_vnc.model.addresses import TCPAddress, UnixAddress
from jupyter_vnc.model.session_registry import SessionLimits, SessionRegistry
from jupyter_vnc.model.targets import Mode, Sharing, Target
from jupyter_vnc.model.users import User
from jupyter_vnc.stores.memory import MemoryTokenStore
from jupyter_vnc.tokens import TokenRegistry
from tests.broker.test_catalogue import ANN, BOB, Listed, Somebody

HERE = TCPAddress("lab", 5901)
LAB = Target(name="lab", address=HERE)
MINE = Target(name="mine", address=UnixAddress("/run/vnc/{username}.sock"))
ALONE = Target(name="alone", address=TCPAddress("alone", 5901), sharing=Sharing.EXCLUSIVE)


@pytest.fixture
def listed():
    """The source, in which a test changes targets."""
    return Listed(LAB, MINE, ALONE)


@pytest.fixture
def registry():
    return SessionRegistry(SessionLimits(per_user=2, per_target=8, total=3))


@pytest.fixture
def admission(listed, registry):
    catalogue = Catalogue([listed], logging.getLogger("test"))
    return Admission(catalogue, TokenRegistry(MemoryTokenStore()), registry)


async def issue(admission, visitor, name="lab", **more):
    issued, _ = await admission.issue(visitor, name, **more)
    return issued.token


async def refusal(admission, visitor, token):
    with pytest.raises(TokenRefused) as caught:
        await admission.redeem(visitor, token)
    return caught.value.detail


async def test_what_a_token_was_issued_for_is_what_its_session_is(admission):
    ann = Somebody(ANN)
    for name, mode, takeover in (("lab", "control", False), ("mine", "view", False), ("lab", "control", True)):
        session = await admission.redeem(ann, await issue(admission, ann, name, mode=mode, takeover=takeover))
        assert (session.user, session.target.name, session.mode, session.takeover, session.owner) == (
            ANN,
            name,
            Mode(mode),
            takeover,
            ANN,
        )


@pytest.mark.parametrize(
    "address",
    [TCPAddress("lab", 5902), TCPAddress("evil", 5901), UnixAddress("/run/vnc/lab.sock")],
    ids=["port", "host", "kind"],
)
async def test_a_target_that_is_another_server_meanwhile(admission, listed, address):
    token = await issue(admission, Somebody(ANN))
    listed._targets = (Target(name="lab", address=address),)
    assert await refusal(admission, Somebody(ANN), token) == "lab is another server than when the token was issued"


async def test_a_target_of_which_only_the_description_changes_stays_the_same(admission, listed):
    token = await issue(admission, Somebody(ANN))
    changed = Target(name="lab", address=HERE, title="The lab", sharing=Sharing.EXCLUSIVE)
    listed._targets = (changed,)
    assert (await admission.redeem(Somebody(ANN), token)).target == changed


async def test_a_target_that_is_gone_meanwhile(admission, listed):
    token = await issue(admission, Somebody(ANN))
    listed._targets = ()
    assert await refusal(admission, Somebody(ANN), token) == "lab is gone or no longer permitted"


@pytest.mark.parametrize("becomes", [Somebody(ANN, denied=[("read", "vnc:lab")]), Somebody(User("ann"))])
async def test_a_user_who_may_no_longer_view_it(admission, listed, becomes):
    token = await issue(admission, Somebody(ANN))
    listed._targets = (Target(name="lab", address=HERE, allow_groups=ANN.groups),)
    assert await refusal(admission, becomes, token) == "lab is gone or no longer permitted"


ONLY_VIEWING = {
    "by the host": (Somebody(ANN, reach=Mode.VIEW), LAB),
    "by the authorizer": (Somebody(ANN, denied=[("execute", "vnc:lab")]), LAB),
    "by the target": (Somebody(ANN), Target(name="lab", address=HERE, mode=Mode.VIEW)),
}


@pytest.mark.parametrize(("becomes", "target"), ONLY_VIEWING.values(), ids=ONLY_VIEWING)
async def test_a_user_who_may_no_longer_control_it(admission, listed, becomes, target):
    control, view = await issue(admission, Somebody(ANN)), await issue(admission, Somebody(ANN), mode="view")
    listed._targets = (target,)
    assert await refusal(admission, becomes, control) == "control of lab is no longer permitted"
    assert (await admission.redeem(becomes, view)).mode is Mode.VIEW


async def test_a_user_who_may_do_more_meanwhile_gets_no_more_than_the_token_says(admission):
    token = await issue(admission, Somebody(ANN, reach=Mode.VIEW))
    assert (await admission.redeem(Somebody(ANN), token)).mode is Mode.VIEW


async def test_an_instructor_who_no_longer_oversees_the_owner(admission):
    token = await issue(admission, Somebody(BOB, wards=["ann"]), "mine", owner="ann")
    assert await refusal(admission, Somebody(BOB), token) == "mine is gone or no longer permitted"


async def test_what_is_refused_is_spent(admission, listed):
    """A target that comes back does not make an old token good again."""
    token = await issue(admission, Somebody(ANN))
    listed._targets = ()
    await refusal(admission, Somebody(ANN), token)
    listed._targets = (LAB,)
    assert "is not there" in await refusal(admission, Somebody(ANN), token)


async def test_a_user_at_their_limit_holds_nobody_else_up(admission, registry):
    ann, bob = Somebody(ANN), Somebody(BOB)
    for _ in range(registry.limits.per_user):
        registry.add(await admission.redeem(ann, await issue(admission, ann)))
    with pytest.raises(LimitExceeded, match="You have 2 open desktops"):
        await issue(admission, ann)
    registry.add(await admission.redeem(bob, await issue(admission, bob)))
    with pytest.raises(LimitExceeded, match="The server has 3 open desktops"):
        await issue(admission, bob)


async def test_nobody_new_gets_what_is_in_maintenance(listed, registry):
    closed = set()
    catalogue = Catalogue([listed], logging.getLogger("test"))
    tokens = TokenRegistry(MemoryTokenStore())
    admission = Admission(catalogue, tokens, registry, lambda access: access.target.name in closed)
    ann, bob = Somebody(ANN), Somebody(BOB)
    registry.add(await admission.redeem(ann, await issue(admission, ann)))
    early = await issue(admission, bob)
    closed.add("lab")
    assert await issue(admission, bob, "mine"), "another target is in service"
    with pytest.raises(InMaintenance):
        await issue(admission, bob)
    with pytest.raises(InMaintenance):
        await admission.redeem(bob, early)
    assert await issue(admission, ann), "who is there may reload the page"


WRONG_MODE = "mode must be one of control, view"


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        *(({"mode": mode}, WRONG_MODE) for mode in ("all", "", "CONTROL", "view control", 1, True, [], {}, ["view"])),
        *(({"takeover": value}, "takeover must be true or false") for value in ("true", 1, 0, None, [])),
        *(({"owner": value}, "owner must be a user's name") for value in (None, 7, True, ["ann"], {})),
    ],
)
async def test_what_is_no_request_says_which_part_is_wrong(admission, wrong, sentence):
    with pytest.raises(MalformedRequest) as caught:
        await admission.issue(Somebody(ANN), "lab", **wrong)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(("visitor", "target"), ONLY_VIEWING.values(), ids=ONLY_VIEWING)
async def test_control_is_not_to_be_had_where_only_viewing_is_permitted(admission, listed, visitor, target):
    listed._targets = (target,)
    with pytest.raises(NotPermitted) as caught:
        await admission.issue(visitor, "lab", "control")
    assert str(caught.value) == "You may view this desktop, but not control it."
    for wanted in ("view", None):
        assert (await admission.issue(visitor, "lab", wanted))[1] is Mode.VIEW


@pytest.mark.parametrize(("wanted", "granted"), [("control", Mode.CONTROL), ("view", Mode.VIEW), (None, Mode.CONTROL)])
async def test_whoever_may_control_a_target_has_the_mode_that_they_ask_for(admission, wanted, granted):
    assert (await admission.issue(Somebody(ANN), "lab", wanted))[1] is granted


async def test_an_exclusive_target_is_busy_before_there_is_a_token(admission, registry):
    bob, ann = Somebody(BOB), Somebody(ANN)
    first = registry.add(await admission.redeem(bob, await issue(admission, bob, "alone")))
    for mode in ("control", None):
        with pytest.raises(TargetBusy, match="bob is using this desktop"):
            await admission.issue(ann, "alone", mode)
    watching = await admission.redeem(ann, await issue(admission, ann, "alone", mode="view"))
    assert registry.add(watching).replaced == ()
    token = await issue(admission, ann, "alone", takeover=True)
    assert first.error is None, "nobody makes way for a token"
    assert registry.add(await admission.redeem(ann, token)).replaced == (first,)


async def test_a_desktop_of_somebody_else_is_theirs_and_a_look_in(admission):
    """Whoever oversees people has limits of their own where they look in, and no others at their own desktop."""
    ada = Somebody(BOB, wards=["ann", "bob"])
    for owner, expected in (("ann", (ANN, True)), ("", (BOB, False)), ("bob", (BOB, False))):
        session = await admission.redeem(ada, await issue(admission, ada, "mine", owner=owner))
        assert (session.owner, session.look_in, session.user) == (*expected, BOB)
        assert session.target.address == UnixAddress(f"/run/vnc/{session.owner.name}.sock", session.owner.name)


async def test_a_guest_is_at_the_desktop_of_their_host_and_does_not_look_in(admission):
    guest = Somebody(BOB)
    guest.home = ANN
    session = await admission.redeem(guest, await issue(admission, guest, "mine"))
    assert (session.owner, session.look_in) == (ANN, False)


async def test_a_look_in_is_counted_as_one_before_there_is_a_token(admission, registry):
    ada = Somebody(BOB, wards=["ann"])
    for _ in range(registry.limits.per_user):
        registry.add(await admission.redeem(ada, await issue(admission, ada)))
    await admission.issue(ada, "mine", owner="ann")
    with pytest.raises(LimitExceeded, match="You have 2 open desktops"):
        await admission.issue(ada, "mine")


async def test_no_token_for_the_desktop_of_somebody_whom_the_visitor_does_not_oversee(admission):
    for owner in ("ann", "nobody"):
        with pytest.raises(TargetNotFound):
            await admission.issue(Somebody(BOB), "mine", owner=owner)
