"""The course room: who is absent."""

from jupyter_vnc.broker.course_room import absent

NOBODY = {"sessions": [], "machines": [], "waiting": [], "servers": []}


def test_whoever_is_in_no_row_of_the_room_is_absent():
    rows = {
        "sessions": [{"owner": "ann", "user": "ada"}],
        "machines": [{"user": "bob"}, {"user": None}],
        "waiting": [{"user": "cat"}, {"user": None}],
        "servers": [{"owner": "dan"}],
    }
    assert absent(rows, {"ann", "bob", "cat", "dan", "zoe", "eve", "ada"}) == ["ada", "eve", "zoe"]
    assert absent(rows, frozenset()) == []
    assert absent(NOBODY, {"ann"}) == ["ann"]
