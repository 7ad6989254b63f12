"""Tickets for frames: one frame, of one desktop, for one user, for half a minute."""

from types import SimpleNamespace

import pytest

from jupyter_vnc.broker.framing import TTL, FrameTickets
from jupyter_vnc.exceptions import LimitExceeded, TargetNotFound
from jupyter_vnc.model.users import User


class Catalogue:
    """Knows two targets."""

    async def find(self, visitor, name):
        if name not in {"desk", "other"}:
            raise TargetNotFound
        return SimpleNamespace(target=SimpleNamespace(name=name))


def visitor(name, home=None):
    return SimpleNamespace(user=User(name), home=User(home or name))


ANN = visitor("ann")
GUEST, OTHER_GUEST = visitor("gus", "ann"), visitor("gil", "ann")


@pytest.fixture
def clock():
    return SimpleNamespace(now=100.0)


@pytest.fixture
def tickets(clock):
    return FrameTickets(Catalogue(), clock=lambda: clock.now)


async def test_it_is_good_once(tickets):
    ticket = (await tickets.issue(ANN, "desk")).token
    assert await tickets.spend(ANN, "desk", ticket)
    assert not await tickets.spend(ANN, "desk", ticket)


@pytest.mark.parametrize(("waited", "good"), [(TTL - 0.1, True), (TTL, False), (86_400, False)])
async def test_it_is_good_for_a_while(tickets, clock, waited, good):
    ticket = (await tickets.issue(ANN, "desk")).token
    clock.now += waited
    assert await tickets.spend(ANN, "desk", ticket) is good


@pytest.mark.parametrize(
    ("whose", "shown_by", "good"),
    [
        (ANN, ANN, True),
        # Ann's server shows a guest a frame of it: it could as well have done so without us.
        (ANN, GUEST, True),
        (GUEST, GUEST, True),
        # Nobody puts the owner, or another guest, into a frame of theirs.
        (GUEST, ANN, False),
        (GUEST, OTHER_GUEST, False),
        (ANN, visitor("bob"), False),
        (visitor("bob"), ANN, False),
        (visitor("bob"), GUEST, False),
    ],
)
async def test_whose_browser_it_is_good_in(tickets, whose, shown_by, good):
    ticket = (await tickets.issue(whose, "desk")).token
    assert await tickets.spend(shown_by, "desk", ticket) is good
    # What others show is not spent by it.
    assert good or await tickets.spend(whose, "desk", ticket)


async def test_it_is_good_for_one_desktop(tickets):
    ticket = (await tickets.issue(ANN, "desk")).token
    assert not await tickets.spend(ANN, "other", ticket)
    with pytest.raises(TargetNotFound):
        await tickets.issue(ANN, "nowhere")


async def test_old_ones_of_a_notebook_do_not_stand_in_the_way_of_a_new_one(tickets):
    for _ in range(100):
        assert not await tickets.spend(ANN, "desk", "x" * 43)
    ticket = (await tickets.issue(ANN, "desk")).token
    assert await tickets.spend(ANN, "desk", ticket)


async def test_there_are_not_too_many(tickets):
    for _ in range(16):
        await tickets.issue(ANN, "desk")
    with pytest.raises(LimitExceeded):
        await tickets.issue(ANN, "desk")
