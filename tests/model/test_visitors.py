"""People are values."""

from jupyter_vnc.model.users import User


def test_a_user_is_their_name_and_has_no_rights_by_default():
    assert User("ann") == User("ann")
    assert User("ann") != User("ann", frozenset({"a"}))
    assert not User("ann").admin
