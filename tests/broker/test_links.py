"""Links that an instructor sends: shown as what they are, and never anything but a web address."""

import json
import logging
from types import SimpleNamespace

import pytest

from jupyter_vnc.broker.live_sessions import LiveSessions
from jupyter_vnc.exceptions import MalformedRequest
from jupyter_vnc.hub.uplink.messages import NOTICE, read
from jupyter_vnc.hub.uplink.server_end import _DEEDS
from jupyter_vnc.model.addresses import TCPAddress
from jupyter_vnc.model.session_registry import SessionRegistry
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Mode, Target
from jupyter_vnc.model.users import User
from tests.hub.uplink.test_uplinks import Instructor, Link, connected

ANN = User("ann", frozenset({"course-a"}))


@pytest.fixture
def desktop():
    """Ann at a desktop, what her viewer is told, and what an instructor may do."""
    registry = SessionRegistry()
    session = registry.add(Session(ANN, Target(name="lab", address=TCPAddress("lab", 1)), Mode.CONTROL))
    told = []
    session.tell = told.append
    live = LiveSessions(registry, None, None, logging.getLogger("links"))
    return SimpleNamespace(session=session, told=told, live=live)


def test_a_link_is_a_note_of_its_own_kind(desktop):
    desktop.live.send_message(Instructor(), desktop.session.id, " https://example.org/a?b#c ", link=True)
    desktop.live.send_message(Instructor(), desktop.session.id, "https://example.org/")
    assert [(note["kind"], note["text"], note["sender"]) for note in desktop.told] == [
        ("link", "https://example.org/a?b#c", "ada"),
        ("message", "https://example.org/", "ada"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "hello",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "ftp://example.org",
        "https://",
        "https://a b",
        'http://a"b',
    ],
)
def test_anything_else_is_refused(desktop, text):
    with pytest.raises(MalformedRequest):
        desktop.live.send_message(Instructor(), desktop.session.id, text, link=True)
    assert desktop.told == []


def test_it_reaches_a_desktop_in_a_users_server(desktop):
    link = Link()
    uplinks = connected(link)
    (listed,) = (row["id"] for row in uplinks.rows(Instructor())[0]["viewers"])
    uplinks.message(Instructor(), listed, "https://example.org/", link=True)
    (notice,) = link.sent
    _DEEDS[notice["type"]](desktop.session, read(json.dumps(notice), NOTICE))
    assert desktop.told == [{"kind": "link", "text": "https://example.org/", "sender": "ada"}]
