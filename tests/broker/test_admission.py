"""Between a token's issue and its use: what changes meanwhile counts, and a token for what is no more opens nothing."""

import logging

import pytest

from jupyter_vnc.broker.admission import Admission
from jupyter_vnc.broker.catalogue import Catalogue
from jupyter_vnc.exceptions import InMaintenance, LimitExceeded, TokenRefused
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


@pytest.fixture
def listed():
    """The source, in which a test changes targets."""
    return Listed(LAB, MINE)


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
    closed = False
    catalogue = Catalogue([listed], logging.getLogger("test"))
    admission = Admission(catalogue, TokenRegistry(MemoryTokenStore()), registry, lambda access: closed)
    ann, bob = Somebody(ANN), Somebody(BOB)
    registry.add(await admission.redeem(ann, await issue(admission, ann)))
    early = await issue(admission, bob)
    closed = True
    with pytest.raises(InMaintenance):
        await issue(admission, bob)
    with pytest.raises(InMaintenance):
        await admission.redeem(bob, early)
    assert await issue(admission, ann), "who is there may reload the page"
