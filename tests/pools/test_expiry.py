"""When a lease is over, and who is told before."""

import pytest

from jupyter_vnc.pools.lease import GRACE, LAG, NOTICE
from tests.pools.machines import machines


def test_what_is_over(make, clock):
    pool = make(3, idle_timeout=600.0, max_lease=1500.0)
    pool.request("ann")
    pool.touch("ann")
    pool.request("bob")
    clock.now += GRACE - 1
    pool.request("bob")
    assert list(pool.expired()) == []
    clock.now += GRACE
    assert [user for user, _ in pool.expired()] == ["bob"]
    why = dict(pool.expired())["bob"]
    assert why == "Its user did not come for this machine within 2 min, so it was taken back."
    pool.release("bob")
    clock.now += 600 - 2 * GRACE
    assert list(pool.expired()) == []
    clock.now += 1
    assert dict(pool.expired())["ann"] == "This machine was not used for 10 min, so it was taken back."
    assert pool.touch("ann")
    assert list(pool.expired()) == []
    clock.now += 900
    pool.touch("ann")
    assert dict(pool.expired())["ann"] == "The time on this machine is over: 25 min at most."
    assert not pool.touch("nobody")


class TestSomebodyWhoWatchesAndDoesNothing:
    """Ann has the desktop on the screen; the limit is ten minutes."""

    @pytest.fixture
    def pool(self, make):
        pool = make(2, idle_timeout=600.0)
        pool.succeeded("ann", pool.request("ann"))
        return pool

    def sweep(self, pool):
        """What the manager does each second: the warnings, and who loses the machine."""
        return pool.warnings({"ann"}), [user for user, _ in pool.expired({"ann"})]

    def take_the_other(self, pool):
        pool.succeeded("bob", pool.request("bob"))

    def test_keeps_the_machine_while_another_is_free(self, pool, clock):
        clock.now += 6000
        assert self.sweep(pool) == ([], [])

    def test_is_told_two_minutes_before_and_once(self, pool, clock):
        self.take_the_other(pool)
        clock.now += 600 - NOTICE - 1
        assert self.sweep(pool) == ([], [])
        clock.now += 1
        assert self.sweep(pool) == ([("ann", NOTICE)], [])
        clock.now += NOTICE - 1
        assert self.sweep(pool) == ([], [])
        clock.now += 1
        pool.touch("bob")
        assert self.sweep(pool) == ([], ["ann"])

    def test_is_told_before_even_if_the_last_free_machine_goes_late(self, pool, clock):
        clock.now += 5000
        self.take_the_other(pool)
        assert self.sweep(pool) == ([("ann", NOTICE)], [])
        clock.now += NOTICE
        assert self.sweep(pool) == ([], ["ann"])

    def test_who_objects_keeps_it_for_as_long_again(self, pool, clock):
        self.take_the_other(pool)
        clock.now += 500
        assert self.sweep(pool) == ([("ann", NOTICE)], [])
        assert pool.touch("ann")
        pool.touch("bob")
        assert self.sweep(pool) == ([("ann", 0.0)], [])
        clock.now += 600 - NOTICE - 1
        assert self.sweep(pool) == ([], [])
        clock.now += 1
        assert self.sweep(pool) == ([("ann", NOTICE)], [])

    def test_a_machine_that_becomes_free_takes_the_warning_back(self, pool, clock):
        self.take_the_other(pool)
        clock.now += 599
        assert self.sweep(pool) == ([("ann", NOTICE)], [])
        pool.release("bob")
        assert self.sweep(pool) == ([("ann", 0.0)], [])
        clock.now += 6000
        assert self.sweep(pool) == ([], [])

    def test_a_free_machine_that_is_set_aside_is_none(self, pool, clock):
        pool.failed("nobody", machines(2)[1])
        clock.now += 599
        assert self.sweep(pool) == ([("ann", NOTICE)], [])

    def test_who_does_not_watch_loses_it_as_before(self, pool, clock):
        clock.now += 600
        assert pool.warnings(()) == []
        assert [user for user, _ in pool.expired()] == ["ann"]

    def test_a_short_limit_has_a_short_notice(self, make, clock):
        pool = make(1, idle_timeout=60.0)
        pool.succeeded("ann", pool.request("ann"))
        clock.now += 30
        assert self.sweep(pool) == ([("ann", 30.0)], [])
        clock.now += 30
        assert self.sweep(pool) == ([], ["ann"])

    def test_the_end_of_the_whole_lease_is_one(self, make, clock):
        pool = make(2, idle_timeout=600.0, max_lease=700.0)
        pool.succeeded("ann", pool.request("ann"))
        clock.now += 700
        assert self.sweep(pool) == ([], ["ann"])

    def test_of_two_who_are_idle_one_machine_is_enough(self, make, clock):
        pool = make(2, idle_timeout=600.0)
        for user in ("ann", "bob"):
            pool.succeeded(user, pool.request(user))
            clock.now += 1
        clock.now += 600 - NOTICE
        watching = {"ann", "bob"}
        assert pool.warnings(watching) == [("ann", NOTICE), ("bob", NOTICE)]
        clock.now += NOTICE
        over = [user for user, _ in pool.expired(watching) if pool.release(user)]
        assert over == ["ann"], "the one who did nothing for the longest time"
        assert pool.warnings(watching) == [("bob", 0.0)]

    def test_who_is_away_makes_room_first(self, make, clock):
        pool = make(2, idle_timeout=600.0)
        for user in ("ann", "bob"):
            pool.succeeded(user, pool.request(user))
        clock.now += 600 - NOTICE
        pool.warnings({"ann"})
        clock.now += NOTICE
        assert [user for user, _ in pool.expired({"ann"}) if pool.release(user)] == ["bob"]


class TestSomebodyWhoWatchedAndIsGone:
    """A reload of the page and the end of another process look the same for a moment."""

    @pytest.fixture
    def pool(self, make, clock):
        pool = make(1, idle_timeout=600.0)
        pool.succeeded("ann", pool.request("ann"))
        assert not pool.watch({"ann"})
        clock.now += 6000
        return pool

    def test_has_time_to_come_back(self, pool, clock):
        assert pool.watch(())
        clock.now += GRACE - 1
        assert not pool.watch(())
        assert list(pool.expired()) == []
        clock.now += 1
        assert [user for user, _ in pool.expired()] == ["ann"]

    def test_who_was_at_another_process_has_as_long(self, pool, clock):
        pool.spare("ann")
        clock.now += GRACE - 1
        assert list(pool.expired()) == []
        clock.now += 1
        assert [user for user, _ in pool.expired()] == ["ann"]
        pool.spare("nobody")

    def test_who_did_something_just_now_loses_nothing_by_it(self, pool, clock):
        pool.touch("ann")
        assert pool.watch(())
        clock.now += 599
        assert list(pool.expired()) == []
        clock.now += 1
        assert [user for user, _ in pool.expired()] == ["ann"]

    @pytest.mark.parametrize("limits", [{"idle_timeout": 60.0}, {"idle_timeout": 600.0, "max_lease": 700.0}])
    def test_nothing_gets_longer_than_its_limit(self, make, clock, limits):
        pool = make(1, **limits)
        pool.succeeded("ann", pool.request("ann"))
        pool.watch({"ann"})
        clock.now += 640
        pool.watch(())
        clock.now += 60
        assert [user for user, _ in pool.expired()] == ["ann"]

    @pytest.mark.parametrize("idle", [0.0, 600.0])
    def test_who_has_seen_no_picture_yet_has_as_long(self, make, clock, idle):
        pool = make(1, idle_timeout=idle)
        pool.request("ann")
        clock.now += 6000
        pool.spare("ann")
        clock.now += GRACE - 1
        assert list(pool.expired()) == []
        clock.now += 1
        assert [user for user, _ in pool.expired()] == ["ann"]

    def test_where_nobody_is_idle_nobody_loses_anything(self, make, clock):
        pool = make(1, idle_timeout=0.0)
        pool.succeeded("ann", pool.request("ann"))
        pool.spare("ann")
        clock.now += 6000
        assert list(pool.expired()) == []


def test_a_pool_that_is_gone_takes_no_machine_from_whoever_watches(make, clock):
    pool = make(1, idle_timeout=600.0)
    pool.succeeded("ann", pool.request("ann"))
    pool.withdraw()
    clock.now += 600
    assert pool.warnings({"ann"}) == []
    assert list(pool.expired({"ann"})) == []


def test_zero_is_never(make, clock):
    pool = make(1, idle_timeout=0.0)
    pool.succeeded("ann", pool.request("ann"))
    clock.now += 1e7
    assert list(pool.expired()) == []


def test_another_process_decides_about_whoever_is_there_only(make, clock):
    pool = make(1, idle_timeout=600.0, max_lease=1500.0)
    pool.request("ann")
    clock.now += GRACE
    assert list(pool.expired((), {"ann"})) == [], "they log in there"
    pool.succeeded("ann", pool.machine_of("ann"))
    clock.now += 1500
    assert pool.warnings((), {"ann"}) == []
    assert list(pool.expired((), {"ann"})) == []
    assert [user for user, _ in pool.expired((), {"bob"})] == ["ann"]
    assert [user for user, _ in pool.expired({"ann"}, {"ann"})] == ["ann"], "she is here, too: the time is over"


def test_whoever_is_at_two_processes_is_idle_when_neither_can_have_seen_input(make, clock):
    pool = make(1, idle_timeout=600.0)
    pool.succeeded("ann", pool.request("ann"))
    notice = min(NOTICE, 300)
    clock.now += 600 - notice + LAG - 1
    assert pool.warnings({"ann"}, {"ann"}) == []
    clock.now += 1
    assert pool.warnings({"ann"}, {"ann"}) == [("ann", notice)]
    clock.now += notice - 1
    assert list(pool.expired({"ann"}, {"ann"})) == []
    clock.now += 1
    assert [user for user, _ in pool.expired({"ann"}, {"ann"})] == ["ann"]
