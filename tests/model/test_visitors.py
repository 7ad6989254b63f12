"""People are values."""

from jupyter_vnc.model.users import User


def test_a_user_is_who_he_is_and_has_no_rights_by_himself():
    assert User("ann") == User("ann")
    assert User("ann") != User("ann", frozenset({"a"}))
    assert not User("ann").admin
