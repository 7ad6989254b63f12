"""What a pool keeps, written and read again; and a clock that no step moves."""

import json

import pytest

from jupyter_vnc.pools.lease import Kept, Lease, Trouble, Waiter, span, steady_clock, written

NOW = 1_000_000.0


def kept():
    return Kept(
        {"ann": Lease("ann", "k1", "m1", NOW - 50, NOW - 5, NOW - 5, used=True, failures=1, id="i1")},
        [Waiter("bob", NOW - 40, NOW - 1), Waiter("eve", NOW - 30, NOW - 20, present=False)],
        {"k2": Trouble(2, NOW + 60)},
        {"k3": NOW - 500},
    )


def written_down():
    return json.loads(json.dumps(kept().to_json()))


def test_it_is_the_same_when_read_again():
    again = Kept.from_json(written_down(), NOW)
    assert (again.leases, again.troubles, again.freed) == (kept().leases, kept().troubles, kept().freed)
    assert again.queue == [Waiter("bob", NOW - 40, NOW, present=False), Waiter("eve", NOW - 30, NOW, present=False)]


def test_a_lease_of_an_older_version_has_no_id():
    state = written_down()
    del state["leases"][0]["id"]
    assert Kept.from_json(state, NOW).leases["ann"].id == ""


def test_nothing_happened_later_than_now():
    again = Kept.from_json(written_down(), NOW - 100_000)
    ann = again.leases["ann"]
    assert ann.since == ann.last_use == ann.last_input == again.queue[0].since == again.freed["k3"] == NOW - 100_000
    assert again.troubles["k2"].until == NOW - 100_000 + 900


def broken(*path, value):
    state = written_down()
    inner = state
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return state


@pytest.mark.parametrize(
    "state",
    [
        *([], {}, None, "leases"),
        broken("leases", value={"ann": "m1"}),
        broken("leases", 0, value={}),
        broken("leases", 0, "user", value=""),
        broken("leases", 0, "key", value=5),
        *(broken("leases", 0, "since", value=value) for value in ("x", None, True, -1, float("nan"), float("inf"))),
        broken("leases", value=written_down()["leases"] * 2),
        broken("leases", value=[{**written_down()["leases"][0], "user": user} for user in ("ann", "eva")]),
        broken("queue", 0, "user", value="ann"),
        broken("queue", value=[5]),
        broken("set_aside", value=[]),
        broken("set_aside", "k2", value={"failures": 1}),
        broken("freed", "k3", value="long ago"),
    ],
)
def test_what_is_no_state_is_refused(state):
    with pytest.raises(ValueError, match=r"."):
        Kept.from_json(state, NOW)


def test_no_step_of_the_wall_clock_moves_a_steady_clock():
    times = {"wall": NOW, "monotonic": 77.0}
    clock = steady_clock(lambda: times["wall"], lambda: times["monotonic"])
    assert clock() == NOW
    times.update(wall=NOW - 86400, monotonic=80.0)
    assert clock() == NOW + 3


def test_times_as_rest_has_them():
    assert written(NOW) == "1970-01-12T13:46:40+00:00"
    assert written(None) is None


@pytest.mark.parametrize(
    ("seconds", "words"), [(7200, "2 h"), (5400, "90 min"), (1800.0, "30 min"), (90, "90 s"), (0.4, "0 s")]
)
def test_a_time_is_written_for_a_person(seconds, words):
    assert span(seconds) == words
