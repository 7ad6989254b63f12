"""Attendance by values: for which courses somebody is there, who may read it, what is asked for, and the file."""

import csv
import io

import pytest

from jupyter_vnc.exceptions import MalformedRequest
from jupyter_vnc.model.addresses import TCPAddress
from jupyter_vnc.model.attendance import COLUMNS, Question, Reader, as_csv, courses_of, read_time
from jupyter_vnc.model.targets import Target
from jupyter_vnc.model.users import User

EIGHT = 1_772_352_000.0  # 2026-03-01T08:00:00Z
ANN = User("ann", frozenset({"course-a", "course-b"}))
DAY = Question(EIGHT, EIGHT + 86400)
ROOT = Reader(everything=True)
VISIT = {
    "session": "0123456789abcdef",
    "user": "ann",
    "owner": "ann",
    "target": "lab",
    "mode": "control",
    "machine": "m1",
    "groups": ["course-a"],
    "courses": ["course-a"],
    "began": EIGHT,
    "ended": EIGHT + 90.4,
    "cause": "The viewer left.",
}


def target(**who):
    return Target(name="lab", address=TCPAddress("a", 1), **{key: frozenset(names) for key, names in who.items()})


@pytest.mark.parametrize(
    ("who", "courses"),
    [
        ({}, ["course-a", "course-b"]),
        ({"allow_groups": ["course-a", "course-c"]}, ["course-a"]),
        ({"allow_groups": ["course-c"], "allow_users": ["ann"]}, []),
        ({"allow_users": ["ann"]}, []),
    ],
)
def test_somebody_is_there_for_those_of_their_groups_that_the_target_is_for(who, courses):
    assert courses_of(ANN, target(**who)) == courses


@pytest.mark.parametrize(
    ("reader", "groups", "courses", "known"),
    [
        (ROOT, None, ["course-a", "x"], ["course-a", "x"]),
        (ROOT, None, None, []),
        (Reader(), ["course-a"], ["course-a"], None),
        (Reader(courses=frozenset({"course-a"})), [], ["course-a", "x"], ["course-a"]),
        (Reader(courses=frozenset({"course-b"})), ["course-a"], ["course-a"], None),
        (Reader(people=frozenset({"ann"})), [], ["x"], []),
        (Reader(people=frozenset({"amy"})), [], ["x"], None),
        (Reader(managed=frozenset({"course-a"})), ["course-a"], ["course-a"], ["course-a"]),
        (Reader(managed=frozenset({"course-a"})), ["course-a", "x"], ["course-a", "x"], None),
        (Reader(managed=frozenset({"course-a"})), [], ["course-a"], None),  # it is for everybody
        (Reader(managed=frozenset({"course-a"})), None, ["course-a"], None),
    ],
)
def test_each_reader_knows_of_their_own_courses_only(reader, groups, courses, known):
    assert reader.courses_in(VISIT | {"groups": groups, "courses": courses}) == known


def test_a_row_says_who_where_and_how_long():
    assert DAY.row(VISIT, ROOT, 0.0) == {
        "session": "0123456789abcdef",
        "user": "ann",
        "courses": ["course-a"],
        "target": "lab",
        "machine": "m1",
        "server": None,
        "began": "2026-03-01T08:00:00Z",
        "ended": "2026-03-01T08:01:30Z",
        "seconds": 90,
    }


@pytest.mark.parametrize(("now", "seconds"), [(EIGHT + 60.4, 60), (EIGHT - 5, 0)])
def test_who_is_still_there_has_been_for_so_long_and_clocks_may_differ(now, seconds):
    row = DAY.row(VISIT | {"ended": None}, ROOT, now)
    assert (row["ended"], row["seconds"]) == (None, seconds)


@pytest.mark.parametrize(
    ("asked", "more", "found"),
    [
        ({}, {}, True),
        ({}, {"owner": "amy"}, False),  # somebody who looks in, or a guest
        ({"course": "course-a"}, {}, True),
        ({"course": "course-b"}, {}, False),
        ({"course": "course-b"}, {"courses": None}, False),
        ({"person": "NN"}, {}, True),
        ({"person": "bob"}, {}, False),
    ],
)
def test_only_what_is_asked_for_has_a_row(asked, more, found):
    question = Question.read("2026-03-01T08:00:00Z", "2026-03-01T10:30:00+01:00", **asked)
    assert (question.since, question.until) == (EIGHT, EIGHT + 5400)
    assert (question.row(VISIT | more, ROOT, EIGHT) is not None) is found


def test_what_the_reader_may_not_read_has_no_row_and_no_course_of_theirs_is_guessed():
    of_a = Reader(courses=frozenset({"course-a"}))
    visit = VISIT | {"groups": [], "courses": ["course-a", "secret"]}
    assert DAY.row(visit, Reader(), EIGHT) is None
    assert DAY.row(visit, of_a, EIGHT)["courses"] == ["course-a"]
    assert Question(EIGHT, EIGHT + 1, "secret").row(visit, of_a, EIGHT) is None


@pytest.mark.parametrize("text", ["", "now", "2026-03-01", "2026-03-01T08:00:00", "9" * 99])
def test_a_time_without_an_offset_is_refused(text):
    with pytest.raises(MalformedRequest, match="ISO 8601"):
        read_time(text)


def test_a_time_that_ends_before_it_begins_is_refused():
    with pytest.raises(MalformedRequest, match="before"):
        Question.read("2026-03-01T08:00:00Z", "2026-03-01T08:00:00Z")


def test_the_file_has_a_head_utc_times_and_no_formulas():
    evil = VISIT | {"user": "=1+1\n", "owner": "=1+1\n", "target": "@lab", "courses": ["-a", "b"], "ended": None}
    text = as_csv([DAY.row(one, ROOT, EIGHT + 60) for one in (VISIT | {"server": ""}, evil)])
    head, first, second = csv.reader(io.StringIO(text))
    assert head == list(COLUMNS)
    began, ended = "2026-03-01T08:00:00Z", "2026-03-01T08:01:30Z"
    assert first == ["ann", "course-a", "lab", "m1", "", began, ended, "90"]
    assert second == ["'=1+1\\n", "'-a; b", "'@lab", "m1", "", began, "", "60"]
