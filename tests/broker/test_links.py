"""Links that an instructor sends: shown as what they are, and never anything but a web address."""

import json
import logging
from types import SimpleNamespace

import pytest

from jupyter_vnc.broker.live_sessions import LiveSessions
from jupyter_vnc.exceptions import MalformedRequest
from jupyter_vnc.hub.uplink.deeds import DEEDS
from jupyter_vnc.hub.uplink.messages import NOTICE, read
from jupyter_vnc.model.addresses import TCPAddress
from jupyter_vnc.model.session_registry import SessionRegistry
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Mode, Target
from jupyter_vnc.model.users import User
from tests.hub.uplink.test_uplinks import Instructor, Link, connected

#: What ends a sentence may end an address, too.
ADDRESSES = (
    "HTTPS://example.org",
    "http://127.0.0.1:8888/lab?token=x",
    "https://[::1]/",
    "https://b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.example/\N{HIRAGANA LETTER A}",
    *(f"https://example.org/it's{end}" for end in "'_~!.,)*?"),
)
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
        "https://:8080",
        "https://a:99999/",
        "https://[a/",
        "https:example.org",
        "https://good.example\\@bad.example/",
        "https://a/\x07",
        "https://a/\u202egpj.exe",
        "https://a\u200b.example/",
        "https://a\u200d.example/",
        "https://a/\u3164",
        "https://a/\ufe0f",
        "https://a/\udc00",
    ],
)
def test_anything_else_is_refused(desktop, text):
    with pytest.raises(MalformedRequest):
        desktop.live.send_message(Instructor(), desktop.session.id, text, link=True)
    assert desktop.told == []


@pytest.mark.parametrize("text", ADDRESSES)
def test_an_address_is_sent_as_it_is(desktop, text):
    desktop.live.send_message(Instructor(), desktop.session.id, text, link=True)
    assert [note["text"] for note in desktop.told] == [text]


def test_a_service_cannot_have_a_server_show_anything_else_as_a_link():
    notice = {"type": "link", "session": "0" * 16, "sender": "ada", "text": "https://a/'_"}
    assert read(json.dumps(notice), NOTICE)["text"] == "https://a/'_"
    with pytest.raises(ValueError, match="shape"):
        read(json.dumps(notice | {"text": "javascript:alert(1)"}), NOTICE)


def test_it_reaches_a_desktop_in_a_users_server(desktop):
    link = Link()
    uplinks = connected(link)
    (listed,) = (row["id"] for row in uplinks.rows(Instructor())[0]["viewers"])
    uplinks.message(Instructor(), listed, "https://example.org/", link=True)
    (notice,) = link.sent
    DEEDS[notice["type"]](desktop.session, read(json.dumps(notice), NOTICE))
    assert desktop.told == [{"kind": "link", "text": "https://example.org/", "sender": "ada"}]
