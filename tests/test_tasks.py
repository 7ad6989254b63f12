"""Tasks that end together, and a bell that wakes one before its time."""

import asyncio
import threading

import pytest

from jupyter_vnc import tasks


async def test_all_have_ended_whatever_they_do_at_their_end():
    ended = []

    async def go_on(error=None):
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            ended.append(error)
            if error is not None:
                raise error

    async def be_done():
        return 1

    faulty = RuntimeError("broken")
    some = [asyncio.create_task(one) for one in (go_on(), go_on(faulty), be_done())]
    await asyncio.sleep(0)
    await tasks.end(some)
    assert all(task.done() for task in some)
    assert ended == [None, faulty]


async def test_there_may_be_none():
    async with asyncio.timeout(30):
        assert await tasks.end([]) is None


async def test_what_has_ended_is_left_as_it_ended():
    """Its result and its error are still there for whoever wants them."""
    done = asyncio.get_running_loop().create_future()
    done.set_result("a result")
    failed = asyncio.get_running_loop().create_future()
    failed.set_exception(RuntimeError("broken"))
    await tasks.end([done, failed])
    assert done.result() == "a result"
    assert str(failed.exception()) == "broken"


class Work:
    """Something that goes on until it is told to give a result or to fail; knows whether it has ended."""

    def __init__(self, at_the_end=None):
        self.outcome = asyncio.get_running_loop().create_future()
        self.ended = False
        self._at_the_end = at_the_end

    async def go_on(self):
        try:
            return await self.outcome
        except asyncio.CancelledError:
            if self._at_the_end is not None:
                raise self._at_the_end from None
            raise
        finally:
            await asyncio.sleep(0)
            self.ended = True


async def begin(function, *works):
    task = asyncio.create_task(function(*(one.go_on() for one in works)))
    await asyncio.sleep(0.01)
    return task


BOTH = pytest.mark.parametrize("function", [tasks.together, tasks.beside])


async def test_two_results_in_their_order():
    one, other = Work(), Work()
    task = await begin(tasks.together, one, other)
    other.outcome.set_result(2)
    one.outcome.set_result(1)
    assert await task == (1, 2)


@BOTH
@pytest.mark.parametrize("failing", [0, 1])
async def test_the_first_error_is_raised_as_it_is_and_the_other_has_ended(function, failing):
    works = [Work(), Work()]
    works[1 - failing]._at_the_end = RuntimeError("the second error")
    error, cancellations = ValueError("the first error"), []

    async def see(*coroutines):
        try:
            await function(*coroutines)
        finally:
            cancellations.append(asyncio.current_task().cancelling())

    task = await begin(see, *works)
    works[failing].outcome.set_exception(error)
    with pytest.raises(ValueError, match="the first error") as caught:
        await task
    assert caught.value is error
    assert all(work.ended for work in works)
    assert cancellations == [0]  # a time limit around it would not be one otherwise


@BOTH
@pytest.mark.parametrize("faulty", [None, RuntimeError("broken")])
async def test_a_cancelled_caller_stays_cancelled_whatever_the_tasks_do_at_their_end(function, faulty):
    works = [Work(faulty), Work()]
    task = await begin(function, *works)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert all(work.ended for work in works)


@BOTH
async def test_a_time_limit_around_it_is_one(function):
    works = [Work(RuntimeError("broken")), Work()]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await function(*(work.go_on() for work in works))
    assert all(work.ended for work in works)


async def test_company_ends_with_the_work_and_not_the_other_way_round():
    company, work = Work(), Work()
    task = await begin(tasks.beside, company, work)
    work.outcome.set_result("done")
    assert await task == "done"
    assert company.ended
    company, work = Work(), Work()
    task = await begin(tasks.beside, company, work)
    company.outcome.set_result(None)
    await asyncio.sleep(0.01)
    assert not task.done()
    work.outcome.set_result("done")
    assert await task == "done"


async def test_a_cancelled_caller_waits_for_the_thread():
    go, done = threading.Event(), []

    def work():
        go.wait(20)
        done.append(True)

    task = asyncio.create_task(tasks.in_thread(work))
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.sleep(0.01)
    assert not task.done()
    go.set()
    await asyncio.wait([task])
    assert task.cancelled()
    assert done == [True]


async def test_it_wakes_whoever_sleeps():
    bell = tasks.Bell()
    sleeper = asyncio.create_task(bell.wait(3600))
    await asyncio.sleep(0)
    bell.ring()
    async with asyncio.timeout(20):
        await sleeper


async def test_what_was_rung_before_is_heard_once():
    bell = tasks.Bell()
    bell.ring()
    bell.ring()
    async with asyncio.timeout(20):
        await bell.wait(3600)
    sleeper = asyncio.create_task(bell.wait(3600))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not sleeper.done()
    sleeper.cancel()
    await asyncio.wait([sleeper])


async def test_without_it_a_sleep_has_an_end():
    async with asyncio.timeout(20):
        await tasks.Bell().wait(0.001)


async def test_however_often_it_is_rung_there_is_a_rest():
    bell, clock = tasks.Bell(0.05), asyncio.get_running_loop().time
    before = clock()
    for _ in range(2):
        bell.ring()
        await bell.wait(3600)
    assert clock() - before >= 0.09
