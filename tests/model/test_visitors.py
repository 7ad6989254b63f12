"""People are values; what a visitor is permitted is the least of several rules."""

import pytest

from jupyter_vnc.model.addresses import TCPAddress
from jupyter_vnc.model.targets import Mode, Target
from jupyter_vnc.model.users import User
from jupyter_vnc.model.visitors import best_mode

LAB, WATCHED = (Target(name="lab", address=TCPAddress("lab", 5901), mode=mode) for mode in (Mode.CONTROL, Mode.VIEW))


class Somebody:
    """A visitor with rights that a test gives."""

    def __init__(self, reach, *denied):
        self._reach = reach
        self._denied = denied

    async def may(self, action, resource):
        assert resource == "vnc:lab"
        return action not in self._denied

    def reach(self, target):
        return self._reach


def test_a_user_is_their_name_and_has_no_rights_by_default():
    assert User("ann") == User("ann")
    assert User("ann") != User("ann", frozenset({"a"}))
    assert not User("ann").admin


@pytest.mark.parametrize(
    ("visitor", "target", "mode"),
    [
        (Somebody(Mode.CONTROL), LAB, Mode.CONTROL),
        (Somebody(Mode.CONTROL, "execute"), LAB, Mode.VIEW),
        (Somebody(Mode.CONTROL, "read"), LAB, None),
        (Somebody(Mode.VIEW), LAB, Mode.VIEW),
        (Somebody(None), LAB, None),
        (Somebody(Mode.CONTROL), WATCHED, Mode.VIEW),
    ],
)
async def test_the_least_of_rights_authorizer_and_target_counts(visitor, target, mode):
    assert await best_mode(visitor, target) is mode
