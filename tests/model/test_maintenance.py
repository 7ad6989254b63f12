"""What is in maintenance: targets as a whole, and machines of a pool by themselves."""

from jupyter_vnc.model.maintenance import Maintenance

SOME = Maintenance(frozenset({("lab", ""), ("pool", "m2"), ("pool", "m1"), ("lab", "m9")}))


def test_a_whole_target_includes_its_machines():
    assert SOME.whole("lab")
    assert SOME.of("lab", "m1")


def test_a_machine_is_by_itself():
    assert SOME.of("pool", "m1")
    assert not SOME.of("pool", "m3")
    assert not SOME.whole("pool")


def test_machines_are_listed_in_the_order_of_their_names():
    assert SOME.machines("pool") == ["m1", "m2"]
    assert SOME.machines("lab") == ["m9"]
    assert Maintenance().machines("pool") == []
