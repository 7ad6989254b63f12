"""The log of a session that was refused, or failed, before any line said who opens what: it names both."""

import logging
from types import SimpleNamespace

import pytest

from jupyter_vnc.broker.session_runner import ServingLimits, SessionRunner
from jupyter_vnc.broker.traffic import Activity
from jupyter_vnc.close_codes import CloseCode
from jupyter_vnc.model.addresses import TCPAddress
from jupyter_vnc.model.session_registry import SessionLimits, SessionRegistry
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Mode, Sharing, Target
from jupyter_vnc.model.users import User

ANN, ADA, BOB = User("ann"), User("ada"), User("bob")
LAB = Target(name="lab", address=TCPAddress("lab", 5901), sharing=Sharing.EXCLUSIVE)


class Viewer:
    """What a viewer is told at the end."""

    async def close(self, code, reason):
        self.told = code, reason


@pytest.mark.parametrize(
    ("limits", "code", "sentence"),
    [
        (SessionLimits(), CloseCode.TAKEN_OVER, "bob is using this desktop."),
        (
            SessionLimits(total=1),
            CloseCode.LIMIT,
            "The server has 1 open desktops, its limit. Close one and try again.",
        ),
    ],
)
@pytest.mark.parametrize(
    ("owner", "where"), [(ANN, "ada, target lab of ann"), (ADA, "ada, target lab")], ids=["a look-in", "one's own"]
)
async def test_whoever_is_refused_is_named_and_whose_desktop_it_was(limits, code, sentence, owner, where, caplog):
    caplog.set_level(logging.INFO)
    registry = SessionRegistry(limits)
    registry.add(Session(BOB, LAB, Mode.CONTROL))
    mode = Mode.VIEW if code is CloseCode.LIMIT else Mode.CONTROL
    session, viewer = Session(ADA, LAB, mode, owner=owner, look_in=owner is ANN), Viewer()
    activity, log = Activity("none", lambda: None), logging.getLogger("test")
    await SessionRunner(None, registry, None, None, None, log, ServingLimits(5, 5), activity).serve(session, viewer)
    assert viewer.told == (code, sentence)
    assert caplog.messages == [f"Session {session.id} of {where}: {sentence}"]


@pytest.mark.parametrize("error", [RuntimeError("a bug"), OSError("a broken disk")])
async def test_whoever_meets_an_error_that_nobody_foresaw_is_named_too(error, caplog):
    """The traceback is for the log, and names nobody."""

    def fail(target):
        raise error

    caplog.set_level(logging.INFO)
    session, viewer = Session(ADA, LAB, Mode.CONTROL), Viewer()
    notified = SimpleNamespace(changed=lambda place: None, closed=lambda *how: None, left=lambda session: None)
    activity, log = Activity("none", lambda: None), logging.getLogger("test")
    kinds, registry = SimpleNamespace(of=fail), SessionRegistry(SessionLimits())
    runner = SessionRunner(kinds, registry, notified, notified, notified, log, ServingLimits(5, 5), activity)
    await runner.serve(session, viewer)
    sentence = "Something went wrong in the server. Its log has the details."
    assert viewer.told == (CloseCode.INTERNAL_ERROR, sentence)
    assert caplog.messages == [f"Session {session.id} failed", f"Session {session.id} of ada, target lab: {sentence}"]
    assert caplog.records[0].exc_info[1] is error
    assert list(registry) == []
