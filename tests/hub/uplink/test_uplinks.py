"""What the service knows of users' servers: whose they are, who sees them, and where a notice goes."""

import contextlib
import json
from datetime import UTC, datetime

import pytest
from cachetools import TTLCache

from jupyter_vnc.exceptions import LimitExceeded, ServerAway, TargetBusy, TargetNotFound
from jupyter_vnc.hub.scopes import ADMIN, Rights
from jupyter_vnc.hub.uplink import server_end
from jupyter_vnc.hub.uplink import uplinks as uplinks_module
from jupyter_vnc.hub.uplink.handler import server_of
from jupyter_vnc.hub.uplink.messages import LONGEST, NOTICE, REPORT, read
from jupyter_vnc.hub.uplink.uplinks import (
    BURST,
    GONE,
    NOTICES,
    NOTICES_AT_ONCE,
    OWN,
    PER_USER,
    RETURNING,
    UNSAID,
    Uplinks,
)
from jupyter_vnc.model.users import User

SINCE = "2026-01-02T03:04:05.123456+00:00"
DESK = {"name": "desk", "state": "up", "since": SINCE}
VIEWER = {
    "id": "a" * 16,
    "target": "desk",
    "user": "ann",
    "mode": "control",
    "since": SINCE,
    "last_input": None,
    "hand": None,
    "hand_sentence": "",
    "notes": True,
}
REPORTED = {"looks": True, "desktops": [DESK], "viewers": [VIEWER]}


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
        rights = Rights.parse([scope])
        self.oversees, self.oversees_somebody = rights.oversees, rights.oversees_somebody


def connected(*links, **more):
    uplinks = Uplinks(**more)
    for link in links:
        uplinks.add(link)
    return uplinks


def test_an_instructor_sees_the_servers_of_their_group_and_of_nobody_else():
    uplinks = connected(Link(), Link("bob", ["course-b"]), Link("zoe", []))
    assert [row["owner"] for row in uplinks.rows(Instructor())] == ["ann"]
    assert [row["owner"] for row in uplinks.rows(Instructor("bea", f"{ADMIN}!group=course-b"))] == ["bob"]
    assert [row["owner"] for row in uplinks.rows(Instructor("root", ADMIN))] == ["ann", "bob", "zoe"]


def test_a_server_without_a_running_desktop_has_no_row():
    assert connected(Link(report={"looks": True, "desktops": [], "viewers": [VIEWER]})).rows(Instructor()) == []


def test_guests_are_named_to_themselves_and_to_those_who_oversee_them_only():
    guests = [{**VIEWER, "id": f"{nth:016x}", "user": name} for nth, name in enumerate(("ann", "gus", "ada"))]
    uplinks = connected(Link(report={"looks": True, "desktops": [DESK], "viewers": guests}))
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


def test_a_notice_reaches_only_what_the_latest_report_of_the_latest_connection_has():
    first, second = Link(), Link(report={"looks": True, "desktops": [DESK], "viewers": []})
    uplinks = connected(first)

    def reached():
        found = []
        for nth in (VIEWER["id"], "b" * 16):
            with contextlib.suppress(TargetNotFound):
                uplinks.end(Instructor(), listed[nth])
                found.append(nth[0])
        return found

    uplinks.heard(first, {"looks": True, "desktops": [DESK], "viewers": [VIEWER, VIEWER | {"id": "b" * 16}]})
    both = uplinks.rows(Instructor())[0]["viewers"]
    listed = dict(zip((VIEWER["id"], "b" * 16), (row["id"] for row in both), strict=True))
    assert reached() == ["a", "b"]
    uplinks.heard(first, {"looks": True, "desktops": [DESK], "viewers": [VIEWER | {"id": "b" * 16}]})
    assert reached() == ["b"]
    uplinks.add(second)
    assert reached() == []
    uplinks.heard(first, REPORTED)
    assert reached() == []
    uplinks.heard(second, REPORTED)
    uplinks.remove(first)
    assert reached() == ["a"]
    uplinks.remove(second)
    assert reached() == []
    assert uplinks._sessions == {}
    assert not uplinks._servers


def test_a_notice_finds_its_session_among_those_of_all_servers_without_asking_for_each():
    asked = []

    class Counting(Instructor):
        def __init__(self):
            super().__init__()
            self._may, self.oversees = self.oversees, self._counted

        def _counted(self, person, target):
            asked.append(person.name)
            return self._may(person, target)

    names = [f"u{nth}" for nth in range(50)]
    uplinks = connected(*(Link(name, report=viewer(user=name)) for name in names))
    session = next(row for row in uplinks.rows(Instructor()) if row["owner"] == "u49")["viewers"][0]["id"]
    assert uplinks.message(Counting(), session, "Hello") == "u49"
    with pytest.raises(TargetNotFound):
        uplinks.end(Counting(), "f" * 16)
    assert asked == ["u49"]


def test_a_server_has_a_bounded_number_of_its_owners_sessions_and_all_guests():
    own = [VIEWER | {"id": f"{nth:016x}"} for nth in range(OWN + 2)]
    guests = [VIEWER | {"id": f"{nth:016x}", "user": "gus"} for nth in range(100, 103)]
    link = Link(report={"looks": True, "desktops": [DESK], "viewers": [*own, *guests]})
    uplinks = connected(link)
    (row,) = uplinks.rows(Instructor("root", ADMIN))
    assert [one["user"] for one in row["viewers"]] == ["ann"] * OWN + ["gus"] * 3
    assert len(uplinks._sessions) == OWN
    for one in row["viewers"][:OWN]:
        uplinks.end(Instructor(), one["id"])
    assert [notice["session"] for notice in link.sent] == [one["id"] for one in own[:OWN]]


def test_who_cannot_show_a_message_is_not_said_to_have_got_one():
    link = Link(report={"looks": True, "desktops": [DESK], "viewers": [VIEWER | {"notes": False}]})
    uplinks = connected(link)
    (session,) = (row["id"] for row in uplinks.rows(Instructor())[0]["viewers"])
    with pytest.raises(TargetBusy, match="cannot show messages"):
        uplinks.message(Instructor(), session, "Save.")
    with pytest.raises(TargetNotFound):
        uplinks.message(Instructor("bea", f"{ADMIN}!group=course-b"), session, "Save.")
    assert link.sent == []
    assert uplinks.end(Instructor(), session) == "ann"


def test_nobody_else_can_send_a_notice_and_none_goes_to_a_guest():
    link = Link(
        report={"looks": True, "desktops": [DESK], "viewers": [VIEWER, {**VIEWER, "id": "b" * 16, "user": "gus"}]}
    )
    uplinks = connected(link)
    own, guest = (row["id"] for row in uplinks.rows(Instructor())[0]["viewers"])
    for visitor, session in ((Instructor("bea", f"{ADMIN}!group=course-b"), own), (Instructor(), guest)):
        with pytest.raises(TargetNotFound):
            uplinks.message(visitor, session, "Hello")
        with pytest.raises(TargetNotFound):
            uplinks.end(visitor, session)
    assert link.sent == []


def test_one_visitor_cannot_use_up_what_a_server_does_for_all():
    now = [0.0]
    ann, amy = Link(), Link("amy", report=REPORTED | {"viewers": [VIEWER | {"user": "amy"}]})
    uplinks = connected(ann, amy, clock=lambda: now[0])
    ada = Instructor()
    ids = {row["owner"]: row["viewers"][0]["id"] for row in uplinks.rows(ada)}
    for _ in range(NOTICES_AT_ONCE):
        uplinks.message(ada, ids["ann"], "Hello")
    with pytest.raises(LimitExceeded, match="Too many requests to this server"):
        uplinks.end(ada, ids["ann"])
    assert len(ann.sent) == NOTICES_AT_ONCE
    assert uplinks.message(ada, ids["amy"], "Hello") == "amy"
    assert uplinks.end(Instructor("eva"), ids["ann"]) == "ann"
    now[0] += 60.0
    assert uplinks.end(ada, ids["ann"]) == "ann"
    assert 2 * NOTICES_AT_ONCE <= server_end.BURST
    assert 2 * NOTICES <= server_end.PER_MINUTE


def test_a_server_that_connects_again_takes_the_place_of_its_earlier_connection():
    first, second = Link(), Link()
    uplinks = connected(first, second)
    assert first.replaced
    assert not second.replaced
    uplinks.remove(first)  # its end is noticed late
    (row,) = uplinks.rows(Instructor())
    assert row["gone"] is None
    uplinks.remove(second)
    (row,) = uplinks.rows(Instructor())
    assert row["gone"]


def test_a_server_that_has_gone_is_shown_for_a_while_to_those_who_saw_it_and_nobody_in_it():
    now = [0.0]
    ann = Link()
    uplinks = connected(ann, Link("bob", report={"looks": True, "desktops": [], "viewers": []}), clock=lambda: now[0])
    session = uplinks.rows(Instructor())[0]["viewers"][0]["id"]
    uplinks.remove(ann)
    (row,) = uplinks.rows(Instructor())
    assert (row["owner"], row["viewers"], row["desktops"][0]["target"]) == ("ann", [], "desk")
    assert datetime.fromisoformat(row["gone"]).tzinfo is UTC
    assert uplinks.rows(Instructor("bea", f"{ADMIN}!group=course-b")) == []
    with pytest.raises(TargetNotFound):
        uplinks.message(Instructor(), session, "Hello")
    uplinks.add(Link(report={"looks": True, "desktops": [], "viewers": []}))
    assert uplinks.rows(Instructor()) == []
    uplinks.add(Link("amy"))
    uplinks.remove(uplinks._links["amy", ""])
    now[0] = GONE - 1
    assert len(uplinks.rows(Instructor())) == 1
    now[0] = GONE + 1
    assert uplinks.rows(Instructor()) == []


def found(uplinks, instructor, owner="ann", name="desk"):
    """What somebody who wants to look is told: the desktop's owner, or the error."""
    try:
        return uplinks.find(instructor, owner, "", name)[1].name
    except TargetNotFound as error:
        return type(error)


def test_who_looks_is_told_to_try_again_until_the_server_is_back():
    now = [0.0]
    link, ada, eva = Link(), Instructor(), Instructor("eva", f"{ADMIN}!group=course-b")
    uplinks = connected(link, clock=lambda: now[0])
    now[0] = RETURNING
    assert (found(uplinks, ada), found(uplinks, eva)) == ("ann", TargetNotFound)
    uplinks.remove(link)
    assert [found(uplinks, one) for one in (ada, eva)] == [ServerAway, TargetNotFound]
    assert found(uplinks, ada, name="other") is TargetNotFound
    again = Link(report=UNSAID)
    uplinks.add(again)
    assert [found(uplinks, one) for one in (ada, eva)] == [ServerAway, TargetNotFound], "it has said nothing yet"
    assert [row["gone"] is None for row in uplinks.rows(ada)] == [False]
    uplinks.heard(again, REPORTED)
    assert found(uplinks, ada) == "ann"
    assert [row["gone"] for row in uplinks.rows(ada)] == [None]
    uplinks.heard(again, REPORTED | {"looks": False})
    assert found(uplinks, ada) is TargetNotFound
    uplinks.add(Link(report=UNSAID))
    assert found(uplinks, ada) is ServerAway


def test_after_its_start_the_service_does_not_know_yet_who_is_gone():
    now = [0.0]
    uplinks = connected(clock=lambda: now[0])
    nobodys = Instructor("wim", "custom:jupyter-vnc:control")
    now[0] = RETURNING - 1
    assert [found(uplinks, one) for one in (Instructor(), nobodys)] == [ServerAway, TargetNotFound]
    now[0] = RETURNING
    assert found(uplinks, Instructor()) is TargetNotFound
    assert (ServerAway.http_status, ServerAway.close_code) == (503, 4502)


def test_one_user_cannot_fill_the_room_with_servers_that_have_gone():
    now = [0.0]
    uplinks = Uplinks(clock=lambda: now[0])
    for nth in range(3 * PER_USER):
        now[0] += 5.0
        uplinks.add(link := Link(server=str(nth)))
        uplinks.remove(link)
    assert len(uplinks.rows(Instructor())) == PER_USER
    assert {row["server"] for row in uplinks.rows(Instructor())} == {str(PER_USER * 2 + nth) for nth in range(PER_USER)}


def test_when_all_servers_go_at_once_each_is_kept_without_a_look_at_the_others(monkeypatch):
    looked = []
    monkeypatch.setattr(TTLCache, "__iter__", lambda cache: looked.append(cache) or iter(()))
    links = [Link(f"u{nth}") for nth in range(20)]
    uplinks = connected(*links)
    for link in links:
        uplinks.remove(link)
    assert looked == []
    monkeypatch.undo()
    assert len(uplinks.rows(Instructor())) == 20


def test_servers_that_have_gone_are_bounded_in_all_and_expire_one_by_one(monkeypatch):
    monkeypatch.setattr(uplinks_module, "TOTAL", 5)
    now = [0.0]
    uplinks = Uplinks(clock=lambda: now[0])

    def goes(owner, server=""):
        uplinks.add(link := Link(owner, server=server))
        uplinks.remove(link)

    for nth in range(4):
        goes("ann", str(nth))
    now[0] = GONE / 2
    goes("ann", "late")
    now[0] = GONE + 1
    assert [row["server"] for row in uplinks.rows(Instructor())] == ["late"]
    for name in ("bob", "cem", "dan", "eve", "fay", "gil"):
        for server in ("", "second"):
            goes(name, server)
            assert len(uplinks.rows(Instructor())) <= 5
    assert {row["owner"] for row in uplinks.rows(Instructor())} == {"fay", "gil"}


def test_one_user_cannot_connect_all_the_time():
    now = [0.0]
    uplinks = connected(*(Link() for _ in range(BURST)), clock=lambda: now[0])
    with pytest.raises(LimitExceeded):
        uplinks.add(Link())
    uplinks.add(Link("amy"))
    now[0] = 3.0
    uplinks.add(Link())


def test_one_user_cannot_fill_the_service():
    uplinks = connected(*(Link(server=str(nth)) for nth in range(PER_USER)))
    with pytest.raises(LimitExceeded):
        uplinks.add(Link(server="more"))
    uplinks.add(Link("amy"))
    uplinks.add(Link(server="0"))


SERVER = ["access:servers!server=ann/", "users:activity!user=ann"]


def own(server):
    return f"access:servers!server=ann/{server}"


@pytest.mark.parametrize(
    ("name", "scopes", "server"),
    [
        ("ann", SERVER, ("ann", "")),
        ("ann", ["access:servers!server=ann/lab/2", SERVER[1]], ("ann", "lab/2")),
        ("ann", SERVER[:1], None),  # a browser's, from the login at her own server
        ("gus", SERVER, None),  # a guest's
        ("gus", [SERVER[0], "users:activity!user=gus"], None),
        ("ann", ["access:servers!user=ann", SERVER[1]], None),  # one that she made for everything
        ("ann", ["access:servers", SERVER[1]], None),
        ("ann", [*SERVER, "access:servers!server=amy/"], None),
        ("ann", ["access:servers!server=ann", SERVER[1]], None),
        ("ann", [], None),
        ("ann", [own("x" * 255), SERVER[1]], ("ann", "x" * 255)),
        ("ann", [own("x" * 256), SERVER[1]], None),
        ("ann", [own("實驗"), SERVER[1]], ("ann", "實驗")),
        ("ann", [own("lab\n"), SERVER[1]], None),
        ("ann", [own("lab\u202e"), SERVER[1]], None),
        ("ann", [own("\x1b[2J"), SERVER[1]], None),
        ("ann", [own("lab\ud800"), SERVER[1]], None),
    ],
)
def test_a_token_speaks_for_the_one_server_of_its_user_that_its_scopes_name(name, scopes, server):
    assert server_of({"name": name, "scopes": scopes}) == server


def test_whom_the_hub_does_not_know_has_no_server():
    assert server_of(None) is None
    assert server_of({"name": "vnc", "kind": "service"}) is None
    assert server_of({"name": "ann", "kind": "service", "scopes": SERVER}) is None


def test_a_report_is_read_as_it_was_sent():
    assert read(json.dumps(REPORTED), REPORT) == REPORTED


def desk(**keys):
    return {**REPORTED, "desktops": [DESK | keys]}


def viewer(**keys):
    return {**REPORTED, "viewers": [VIEWER | keys]}


REFUSED = {
    "bytes": b"{}",
    "empty": "",
    "list": "[]",
    "no keys": "{}",
    "null": "null",
    "deep": "[" * 100_000,
    "long": json.dumps(REPORTED) + " " * LONGEST,
    "number": "1" * 100_000,
    "another owner": {**REPORTED, "owner": "amy"},
    "a kind": {**REPORTED, "type": "picture"},
    "desktops": {**REPORTED, "desktops": [DESK | {"name": f"d{nth}"} for nth in range(17)]},
    "viewers": {**REPORTED, "viewers": [VIEWER | {"id": f"{nth:016x}"} for nth in range(65)]},
    "no rows": {**REPORTED, "viewers": [None]},
    "a row": {**REPORTED, "viewers": VIEWER},
    "one desktop twice": {**REPORTED, "desktops": [DESK, DESK | {"state": "starting"}]},
    "one session twice": {**REPORTED, "viewers": [VIEWER, VIEWER | {"user": "gus"}]},
    "more of a desktop": desk(picture="x"),
    "long name": desk(name="x" * 256),
    "no name": desk(name=""),
    "markup": desk(name="<b>desk</b>"),
    "controls": desk(name="desk\n"),
    "order": viewer(target="desk\u202e"),
    "path": desk(name="../../admin"),
    "state": desk(state="on fire"),
    "no user": viewer(user=""),
    "long user": viewer(user="x" * 256),
    "user": viewer(user=7),
    "id": viewer(id="A" * 16),
    "id and more": viewer(id="a" * 16 + "\n"),
    "mode": viewer(mode="root"),
    "notes": viewer(notes=1),
    "no notes": {**REPORTED, "viewers": [{key: VIEWER[key] for key in VIEWER if key != "notes"}]},
    **{
        f"time {time!r}": viewer(last_input=time)
        for time in (
            *(
                "yesterday",
                "",
                0,
                "2026-99-99T99:99:99+00:00",
                "2026-02-30T00:00:00+00:00",
                "0000-01-01T00:00:00+00:00",
            ),
            *("2026-01-02T24:00:00+00:00", "2026-01-02T03:04:60+00:00", "2026-01-02"),
            *("2026-01-02T03:04:05", "2026-01-02T03:04:05+02:00", "2026-01-02T03:04:05+00:00\n"),
            "2026-W01-1T00:00:00+00:00",
            *("\u0662026-01-02T03:04:05+00:00", f"2026-01-02T03:04:05.{'1' * 40}+00:00"),
        )
    },
    "since": desk(since=None),
}


@pytest.mark.parametrize("said", REFUSED.values(), ids=REFUSED)
def test_what_is_no_report_is_refused(said):
    message = json.dumps(said) if isinstance(said, dict) else said
    with pytest.raises(ValueError, match=r"^(no |nested|not |Expecting|Exceeds)"):
        read(message, REPORT)


@pytest.mark.parametrize(
    "name", ["<b onclick=alert(1)>gus</b>", "gus\nann", "gus\u202e", "gus\0", "gus\ud800", "x" * 255]
)
def test_a_name_that_a_server_made_up_is_text_of_one_line(name):
    said = viewer(user=name)
    uplinks = connected(Link(report=read(json.dumps(said), REPORT)))
    (row,) = json.loads(json.dumps(uplinks.rows(Instructor("root", ADMIN))))
    (shown,) = row["viewers"]
    assert shown["user"].isprintable()
    assert shown["user"][:3] == name[:3]
    assert uplinks.rows(Instructor())[0]["viewers"][0]["user"] is None, "others are not named by a server's word"


def test_what_a_hand_is_about_is_shown_as_text_of_one_line_that_is_not_long():
    for sentence, shown in (("It does\nnot start.", "It does\\nnot start."), ("\u202e" * 200, "\\u202e" * 33 + "\\…")):
        uplinks = connected(Link(report=read(json.dumps(viewer(hand=SINCE, hand_sentence=sentence)), REPORT)))
        assert uplinks.rows(Instructor())[0]["viewers"][0]["hand_sentence"] == shown
    with pytest.raises(ValueError, match="shape"):
        read(json.dumps(viewer(hand=SINCE, hand_sentence="x" * 201)), REPORT)


def test_who_claims_to_be_at_somebody_elses_desktop_is_nobodys_session_but_the_servers_own():
    said = viewer(user="amy")
    uplinks = connected(Link(report=said), Link("amy", report={"looks": True, "desktops": [], "viewers": []}))
    (row,) = uplinks.rows(Instructor())
    assert row["owner"] == "ann"
    with pytest.raises(TargetNotFound):
        uplinks.end(Instructor(), row["viewers"][0]["id"])
