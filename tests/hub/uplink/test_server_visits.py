"""Visits at desktops in students' own servers: made of reports, bounded, and by the service's clock."""

import pytest

from jupyter_vnc.hub.uplink.links import id_of
from jupyter_vnc.hub.uplink.server_visits import AT_ONCE, LEFT, LOST, STOPPED, ServerVisits
from jupyter_vnc.hub.uplink.uplinks import Uplinks

from .test_uplinks import DESK, REPORTED, VIEWER, Link


@pytest.fixture
def noted():
    return []


@pytest.fixture
def hours():
    return [1000.0]


@pytest.fixture
def uplinks(noted, hours):
    uplinks = Uplinks()
    uplinks.visits = ServerVisits(noted.append, clock=lambda: hours[0])
    return uplinks


def report(*viewers):
    return {"looks": True, "desktops": [DESK], "viewers": [{**VIEWER, **viewer} for viewer in viewers]}


def test_the_owner_is_there_from_one_report_to_the_other(uplinks, noted, hours):
    uplinks.add(link := Link(server="gpu", groups=("course-b", "course-a")))
    (begun,) = noted
    assert (begun.session, begun.began, begun.ended, begun.moves) == (id_of(link, VIEWER), 1000.0, None, True)
    assert begun.content == {
        "user": "ann",
        "owner": "ann",
        "target": "desk",
        "mode": "control",
        "machine": None,
        "groups": [],
        "courses": ["course-a", "course-b"],
        "server": "gpu",
    }
    hours[0] += 60
    uplinks.heard(link, REPORTED)
    assert noted == [begun]
    uplinks.heard(link, report())
    assert [(one.session, one.ended, one.cause) for one in noted[1:]] == [(begun.session, 1060.0, LEFT)]
    uplinks.heard(link, report())
    assert len(noted) == 2


@pytest.mark.parametrize("said", [report({"user": "gus"}), report({"target": "other"}), report()])
def test_guests_and_desktops_that_do_not_run_make_no_visit(uplinks, noted, said):
    uplinks.add(Link(report=said))
    assert noted == []


def test_who_comes_back_to_the_same_session_goes_on_with_the_visit(uplinks, noted):
    uplinks.add(link := Link())
    uplinks.add(again := Link())  # before the first one is gone
    uplinks.remove(link)
    assert len(noted) == 1
    uplinks.remove(again)
    assert [one.cause for one in noted] == ["", LOST]
    uplinks.add(Link())
    assert {one.session for one in noted} == {noted[0].session}
    assert noted[-1].ended is None


def test_all_end_when_the_service_stops(uplinks, noted):
    links = [Link(), Link("bob", report=report({"user": "bob"}))]
    for link in links:
        uplinks.add(link)
    uplinks.visits.close()
    assert [one.cause for one in noted] == ["", "", STOPPED, STOPPED]
    for link in links:
        uplinks.heard(link, REPORTED)
        uplinks.remove(link)
    assert len(noted) == 4, "a server that is heard after that begins none"


def test_a_server_makes_so_many_visits_and_no_more(uplinks, noted):
    uplinks.add(link := Link(report=report()))
    uplinks.add(other := Link("bob", report=report()))
    for number in range(2 * AT_ONCE):
        uplinks.heard(link, report({"id": f"{number:016x}"}))
    assert sum(one.ended is None for one in noted) == AT_ONCE
    assert len(noted) <= 2 * AT_ONCE
    uplinks.heard(other, report({"user": "bob"}))
    assert noted[-1].content["user"] == "bob"
