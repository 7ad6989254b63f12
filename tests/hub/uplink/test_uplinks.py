"""What the service knows of users' servers: whose they are, who sees them, and where a notice goes."""

import json

import pytest

from jupyter_vnc.exceptions import LimitExceeded, TargetNotFound
from jupyter_vnc.hub.scopes import ADMIN, Rights
from jupyter_vnc.hub.uplink.handler import server_of
from jupyter_vnc.hub.uplink.messages import LONGEST, NOTICE, REPORT, read
from jupyter_vnc.hub.uplink.uplinks import PER_USER, Uplinks
from jupyter_vnc.model.users import User

SINCE = "2026-01-02T03:04:05.123456+00:00"
DESK = {"name": "desk", "state": "up", "since": SINCE}
VIEWER = {"id": "a" * 16, "target": "desk", "user": "ann", "mode": "control", "since": SINCE, "last_input": None}
REPORTED = {"desktops": [DESK], "viewers": [VIEWER]}


class Link:
    """Stands for a connection: has what came, and keeps what is sent."""

    def __init__(self, owner="ann", groups=("course-a",), server="", report=None):
        self.owner = User(owner, frozenset(groups))
        self.server = server
        self.report = report or REPORTED
        self.sent = []
        self.replaced = False

    def send(self, notice):
        read(json.dumps(notice), NOTICE)
        self.sent.append(notice)

    def replace(self):
        self.replaced = True


class Instructor:
    """Somebody with the scopes of an instructor."""

    def __init__(self, name="ada", scope=f"{ADMIN}!group=course-a"):
        self.user = User(name)
        self.oversees = Rights.parse([scope]).oversees


def connected(*links):
    uplinks = Uplinks()
    for link in links:
        uplinks.add(link)
    return uplinks


def test_an_instructor_sees_the_servers_of_their_group_and_of_nobody_else():
    uplinks = connected(Link(), Link("bob", ["course-b"]), Link("zoe", []))
    assert [row["owner"] for row in uplinks.rows(Instructor())] == ["ann"]
    assert [row["owner"] for row in uplinks.rows(Instructor("bea", f"{ADMIN}!group=course-b"))] == ["bob"]
    assert [row["owner"] for row in uplinks.rows(Instructor("root", ADMIN))] == ["ann", "bob", "zoe"]


def test_a_server_without_a_running_desktop_has_no_row():
    assert connected(Link(report={"desktops": [], "viewers": [VIEWER]})).rows(Instructor()) == []


def test_guests_are_named_to_themselves_and_to_those_who_oversee_them_only():
    guests = [{**VIEWER, "id": f"{nth:016x}", "user": name} for nth, name in enumerate(("ann", "gus", "ada"))]
    uplinks = connected(Link(report={"desktops": [DESK], "viewers": guests}))
    (row,) = uplinks.rows(Instructor())
    assert [one["user"] for one in row["viewers"]] == ["ann", None, "ada"]
    (row,) = uplinks.rows(Instructor("root", ADMIN))
    assert [one["user"] for one in row["viewers"]] == ["ann", "gus", "ada"]


def test_a_notice_reaches_the_session_that_was_listed():
    ann, amy = Link(), Link("amy")
    uplinks = connected(amy, ann)  # both servers chose the same id
    listed = {row["owner"]: row["viewers"][0]["id"] for row in uplinks.rows(Instructor())}
    assert len({*listed.values(), VIEWER["id"]}) == 3
    assert uplinks.message(Instructor(), listed["ann"], "Save.") == "ann"
    assert uplinks.end(Instructor(), listed["ann"]) == "ann"
    about = {"session": VIEWER["id"], "sender": "ada"}
    assert ann.sent == [{"type": "message", "text": "Save.", **about}, {"type": "end", **about}]
    assert amy.sent == []


def test_nobody_else_can_send_a_notice_and_none_goes_to_a_guest():
    link = Link(report={"desktops": [DESK], "viewers": [VIEWER, {**VIEWER, "id": "b" * 16, "user": "gus"}]})
    uplinks = connected(link)
    own, guest = (row["id"] for row in uplinks.rows(Instructor())[0]["viewers"])
    for visitor, session in ((Instructor("bea", f"{ADMIN}!group=course-b"), own), (Instructor(), guest)):
        with pytest.raises(TargetNotFound):
            uplinks.message(visitor, session, "Hello")
        with pytest.raises(TargetNotFound):
            uplinks.end(visitor, session)
    assert link.sent == []


def test_a_server_that_connects_again_takes_the_place_of_its_earlier_connection():
    first, second = Link(), Link()
    uplinks = connected(first, second)
    assert first.replaced
    assert not second.replaced
    uplinks.remove(first)  # its end is noticed late
    assert len(uplinks.rows(Instructor())) == 1
    uplinks.remove(second)
    assert uplinks.rows(Instructor()) == []


def test_one_user_cannot_fill_the_service():
    uplinks = connected(*(Link(server=str(nth)) for nth in range(PER_USER)))
    with pytest.raises(LimitExceeded):
        uplinks.add(Link(server="more"))
    uplinks.add(Link("amy"))
    uplinks.add(Link(server="0"))


OWN = ["access:servers!server=ann/", "users:activity!user=ann"]


@pytest.mark.parametrize(
    ("name", "scopes", "server"),
    [
        ("ann", OWN, ("ann", "")),
        ("ann", ["access:servers!server=ann/lab/2", OWN[1]], ("ann", "lab/2")),
        ("ann", OWN[:1], None),  # a browser's, from the login at her own server
        ("gus", OWN, None),  # a guest's
        ("gus", [OWN[0], "users:activity!user=gus"], None),
        ("ann", ["access:servers!user=ann", OWN[1]], None),  # one that she made for everything
        ("ann", ["access:servers", OWN[1]], None),
        ("ann", [*OWN, "access:servers!server=amy/"], None),
        ("ann", ["access:servers!server=ann", OWN[1]], None),
        ("ann", [], None),
    ],
)
def test_only_the_token_of_a_server_is_a_servers(name, scopes, server):
    assert server_of({"name": name, "scopes": scopes}) == server


def test_whom_the_hub_does_not_know_has_no_server():
    assert server_of(None) is None
    assert server_of({"name": "vnc", "kind": "service"}) is None


def test_a_report_is_read_as_it_was_sent():
    assert read(json.dumps(REPORTED), REPORT) == REPORTED


@pytest.mark.parametrize(
    "message",
    [
        b"{}",
        "",
        "[]",
        "{}",
        "[" * 100_000,
        json.dumps({**REPORTED, "owner": "amy"}),
        json.dumps({**REPORTED, "desktops": [DESK] * 17}),
        json.dumps({**REPORTED, "viewers": [VIEWER] * 65}),
        json.dumps({**REPORTED, "desktops": [{**DESK, "name": "x" * 256}]}),
        json.dumps({**REPORTED, "desktops": [{**DESK, "since": "yesterday"}]}),
        json.dumps({**REPORTED, "viewers": [{**VIEWER, "id": "A" * 16}]}),
        json.dumps({**REPORTED, "viewers": [{**VIEWER, "mode": "root"}]}),
        json.dumps(REPORTED) + " " * LONGEST,
    ],
    ids=lambda message: str(message)[:24],
)
def test_what_is_no_report_is_refused(message):
    with pytest.raises(ValueError, match=r"^(no |nested|not |Expecting)"):
        read(message, REPORT)
