"""The queue of a pool: places, presence, and who is forgotten."""

from jupyter_vnc.pools.lease import GRACE, Waiter
from jupyter_vnc.pools.queue import Queue


def users(queue):
    return [waiter.user for waiter in queue]


def test_users_wait_in_their_order_and_the_first_may_be_put_before_them(clock):
    queue = Queue(clock)
    for user in ("ann", "bob", "ann"):
        queue.join(user)
    queue.put_first([("eve", 1.0), ("dan", 2.0)])
    assert users(queue) == ["eve", "dan", "ann", "bob"]
    assert [queue.place(user) for user in ("eve", "bob", "nobody")] == [1, 4, 0]
    assert queue.present() == ["ann", "bob"]
    assert queue.rows()[0] == {"user": "eve", "place": 1, "since": "1970-01-01T00:00:01+00:00"}


def test_whoever_leaves_is_not_there(clock):
    queue = Queue(clock)
    queue.join("ann")
    assert queue.leave("ann")
    assert not queue.leave("ann")
    assert (len(queue), queue.find("ann")) == (0, None)


def test_an_absent_user_is_forgotten_after_a_while(clock):
    queue = Queue(clock)
    queue.join("ann")
    queue.join("bob")
    queue.absent("ann")
    queue.absent("nobody")
    assert queue.present() == ["bob"]
    clock.now += GRACE - 1
    queue.absent("ann")  # absent already: the time runs on
    queue.forget_absent()
    assert users(queue) == ["ann", "bob"]
    clock.now += 1
    queue.forget_absent()
    assert users(queue) == ["bob"]


def test_a_queue_that_is_replaced_has_the_new_times_and_who_was_present_still_is(clock):
    queue = Queue(clock)
    for user in ("ann", "bob", "eve"):
        queue.join(user)
    queue.absent("bob")
    left = clock.now
    clock.now += 60
    queue.replace([Waiter("bob", 2.0, clock.now, present=False), Waiter("ann", 1.0, clock.now, present=False)])
    assert [(one.user, one.since, one.seen, one.present) for one in queue] == [
        ("bob", 2.0, left, False),
        ("ann", 1.0, left, True),
    ]


def test_whoever_is_present_elsewhere_keeps_their_turn_and_place(clock):
    queue = Queue(clock, [Waiter("ann", 1.0, clock.now, present=False), Waiter("bob", 2.0, clock.now, present=False)])
    queue.join("eve")
    queue.meet({"bob", "nobody"})
    assert queue.present() == ["bob", "eve"]
    clock.now += GRACE - 1
    queue.meet({"bob"})
    clock.now += 1
    queue.forget_absent()
    assert users(queue) == ["bob", "eve"], "ann was nowhere"
    queue.replace([Waiter("bob", 2.0, clock.now, present=False), Waiter("eve", 3.0, clock.now, present=False)])
    assert queue.present() == ["bob", "eve"]
    clock.now += 1
    queue.meet(set())
    left = clock.now
    assert queue.present() == ["eve"]
    clock.now = left + GRACE - 1
    queue.forget_absent()
    assert users(queue) == ["bob", "eve"]
    clock.now = left + GRACE
    queue.forget_absent()
    assert users(queue) == ["eve"]


def test_what_has_to_be_saved_is_counted_and_presence_is_not(clock):
    queue = Queue(clock)
    seen = [queue.version]
    for change in (
        lambda: queue.join("ann"),
        lambda: queue.join("ann"),
        lambda: queue.absent("ann"),
        lambda: queue.put_first([]),
        lambda: queue.put_first([("eve", 0.0)]),
        lambda: queue.leave("nobody"),
        lambda: queue.leave("ann"),
    ):
        change()
        seen.append(queue.version)
    assert seen == [0, 1, 1, 1, 1, 2, 2, 3]
