"""Whose session is a look-in, with limits of its own: an instructor's, not a guest's and not one's own."""

import pytest
from traitlets.config import Config

from jupyter_vnc.broker.broker import VNCBroker
from jupyter_vnc.exceptions import LimitExceeded
from jupyter_vnc.model.users import User

ANN, ADA, GUS = User("ann"), User("ada"), User("gus")
HOST = {"host": "127.0.0.1", "port": 1}


class Person:
    """A visitor of a hub's service, or of a user's server if ``home`` is that user."""

    shares = False

    def __init__(self, user, home=None, wards=()):
        self.user, self.home, self._wards = user, home or user, wards

    async def may(self, action, resource):
        return True

    def reach(self, target):
        return target.mode

    def oversees(self, person, target):
        return person.name in self._wards

    async def person(self, name):
        return User(name)


@pytest.fixture
def broker():
    targets = {f"lab-{number}": HOST | {"port": number} for number in range(1, 5)}
    return VNCBroker(config=Config(VNCBroker={"targets": targets, "sessions_per_user": 2, "look_ins_per_user": 3}))


async def opened(broker, visitor, number, owner=""):
    issued, _ = await broker.issue(visitor, f"lab-{number}", "view", owner=owner)
    return broker.registry.add(await broker.redeem(visitor, issued.token))


@pytest.mark.parametrize(
    ("visitor", "owner", "sentence"),
    [
        pytest.param(Person(ADA, wards={"ann"}), "ann", "You look in on 3 desktops, the limit", id="instructor"),
        pytest.param(Person(ANN, wards={"ann"}), "", "You have 2 open desktops", id="own"),
        pytest.param(Person(GUS, home=ANN), "", "You have 2 open desktops", id="guest"),
    ],
)
async def test_which_limit_holds_for_whom(broker, visitor, owner, sentence):
    permitted = int(next(word for word in sentence.split() if word.isdigit()))
    for number in range(1, permitted + 1):
        await opened(broker, visitor, number, owner)
    with pytest.raises(LimitExceeded, match=sentence):
        await opened(broker, visitor, 4, owner)


async def test_looking_in_leaves_an_instructor_their_own_desktops(broker):
    ada = Person(ADA, wards={"ann"})
    sessions = [await opened(broker, ada, number, "ann") for number in range(1, 4)]
    sessions += [await opened(broker, ada, number) for number in range(1, 3)]
    assert [one.look_in for one in sessions] == [True, True, True, False, False]
