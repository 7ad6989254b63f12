"""Who ended a session, in words for each of those concerned."""

from jupyter_vnc.model.causes import ended_by, given_back
from jupyter_vnc.model.users import User

ANN, BOB = User("ann"), User("bob")


def test_a_machine_is_given_back_by_its_owner_and_taken_back_by_others():
    assert str(given_back(ANN, ANN).told_to(ANN)) == "You gave the machine back."
    assert str(given_back(BOB, ANN).told_to(ANN)) == "bob took the machine back."


def test_the_log_names_whoever_did_it():
    assert ended_by(ANN).told_to(ANN).log_line == "You ended this session. (by ann)"
    assert ended_by(BOB).told_to(ANN).log_line == "bob ended this session."
