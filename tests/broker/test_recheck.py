"""Rechecks: a user who is no longer permitted loses the session, and is told why."""

import asyncio
import logging

import pytest

from jupyter_vnc.broker.catalogue import Catalogue
from jupyter_vnc.broker.recheck import Rechecker
from jupyter_vnc.close_codes import CloseCode
from jupyter_vnc.exceptions import LoginExpired
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Mode
from jupyter_vnc.model.users import User
from tests.broker.test_catalogue import ANN, BOB, LAB, MINE, Listed, Somebody

SHORT = 0.01


class Changing(Somebody):
    """A visitor whose rights differ when the host is asked again."""

    def __init__(self, becomes):
        super().__init__(ANN)
        self._becomes = becomes

    async def again(self):
        if isinstance(self._becomes, Exception):
            raise self._becomes
        return self._becomes


async def watch(visitor, source=None, **session):
    """Watch a session until it is ended; return it."""
    one = Session(ANN, LAB, session.get("mode", Mode.CONTROL))
    rechecker = Rechecker(Catalogue([source or Listed(LAB)], logging.getLogger("test")), logging.getLogger("test"))
    async with asyncio.timeout(30):
        await rechecker.watch(one, visitor, SHORT)
    return one


@pytest.mark.parametrize(
    ("becomes", "code", "sentence"),
    [
        (LoginExpired(), CloseCode.LOGIN_EXPIRED, "Your login has expired. Log in again."),
        (Somebody(User("ann")), CloseCode.NOT_PERMITTED, "You may no longer use this desktop."),
        (Somebody(ANN, reach=Mode.VIEW), CloseCode.NOT_PERMITTED, "You may no longer control this desktop."),
    ],
)
async def test_a_user_who_is_no_longer_permitted_is_told(becomes, code, sentence):
    session = await watch(Changing(becomes))
    assert (session.error.close_code, str(session.error)) == (code, sentence)


class FailingSource(Listed):
    """A source that fails for a while, and then does not have the target any more."""

    def __init__(self, times):
        super().__init__()
        self.times = times

    async def target(self, user, name):
        if self.times:
            self.times -= 1
            raise OSError("no answer")


async def test_a_source_that_fails_does_not_end_sessions():
    source = FailingSource(3)
    session = await watch(Somebody(ANN), source)
    assert source.times == 0
    assert session.error.close_code is CloseCode.TARGET_GONE


async def test_a_target_that_is_gone_is_no_question_of_rights():
    session = await watch(Somebody(ANN), Listed())
    assert session.error.close_code is CloseCode.TARGET_GONE


@pytest.mark.parametrize("promoted", [User("ann", frozenset({"a", "helpers"})), User("anna", frozenset({"a"}))])
async def test_a_user_who_is_still_permitted_continues_with_their_current_name_and_groups(promoted):
    session = Session(ANN, LAB, Mode.CONTROL)
    task = asyncio.create_task(
        Rechecker(Catalogue([Listed(LAB)], logging.getLogger("test")), logging.getLogger("test")).watch(
            session, Changing(Somebody(promoted)), SHORT
        )
    )
    async with asyncio.timeout(30):
        while session.user is ANN:
            await asyncio.sleep(SHORT)
    assert (session.user, session.owner, session.error) == (promoted, promoted, None)
    task.cancel()


async def test_a_viewer_in_view_mode_may_lose_control():
    session = Session(ANN, LAB, Mode.VIEW)
    watching = Rechecker(Catalogue([Listed(LAB)], logging.getLogger("test")), logging.getLogger("test")).watch(
        session, Somebody(ANN, reach=Mode.VIEW), SHORT
    )
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(10 * SHORT):
            await watching
    assert session.error is None


class Failing(Somebody):
    """A visitor whose host breaks the first time that it is asked, and says no the second time."""

    asked = 0

    async def again(self):
        self.asked += 1
        if self.asked == 1:
            raise RuntimeError("a plug-in that is broken")
        raise LoginExpired


async def test_a_host_that_breaks_once_is_asked_again(caplog):
    session = await watch(Failing(ANN))
    assert session.error.close_code is CloseCode.LOGIN_EXPIRED
    assert caplog.messages == [f"Session {session.id} could not be rechecked; trying again later"]


class Own(Listed):
    """Has a target for ann only."""

    async def targets(self, user):
        return [MINE] if user.name == "ann" else []


class Overseeing(Somebody):
    """Oversees ann the first three times that the host is asked."""

    asked = 0

    async def again(self):
        self.asked += 1
        self.wards = ["ann"] if self.asked < 4 else []
        return self


async def test_a_session_on_the_desktop_of_somebody_else_is_rechecked_for_them():
    session = Session(BOB, MINE.for_user(ANN), Mode.VIEW, owner=ANN, look_in=True)
    instructor = Overseeing(BOB)
    rechecker = Rechecker(Catalogue([Own()], logging.getLogger("test")), logging.getLogger("test"))
    async with asyncio.timeout(30):
        await rechecker.watch(session, instructor, SHORT)
    assert instructor.asked == 4
    assert str(session.error) == "You may no longer use this desktop."
    assert session.owner is ANN
