"""The figures of ``make mutants``: what each state means, and one clock for all of it."""

import pytest

from scripts import mutants

STATES = [
    *["killed"] * 5,
    *["timeout", "segfault", "caught by type check"],
    *["survived"] * 2,
    *["no tests"] * 3,
    *["check was interrupted by user", "suspicious", "skipped"],
]


def test_a_timeout_counts_as_noticed_and_what_decides_nothing_is_apart():
    became = {f"change{number}": state for number, state in enumerate(STATES)}
    assert mutants.table(became, 99).splitlines() == [
        "16 of 99 changes were tried",
        "    8  noticed (killed 5, timeout 1, segfault 1, caught by type check 1)",
        "    2  survived",
        "    3  reached by no test",
        "    3  undecided (check was interrupted by user 1, skipped 1, suspicious 1)",
        "8 of the 10 that a test reaches were noticed (80.0%)",
    ]


def test_no_share_of_nothing():
    assert "%" not in mutants.table({"change": "no tests"}, 1)


def test_all_calls_together_have_one_limit(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(mutants.time, "monotonic", lambda: now[0])
    clock = mutants.Clock(60)
    assert (clock.left(), clock.left(mutants.REPORT)) == (60, 54)
    now[0] += 54
    assert (clock.left(), clock.left(mutants.REPORT)) == (6, 0)
    now[0] += 60
    assert clock.left() == 0
    monkeypatch.setattr(mutants.subprocess, "run", lambda *_, **__: pytest.fail("the time was over"))
    assert mutants.run(clock.left(), "run") == ""


@pytest.mark.parametrize(("arguments", "tried"), [([], mutants.SAMPLE), (["--sample", "7"], 7), (["--all"], 999)])
def test_a_sample_of_the_changes_is_tried_or_all(monkeypatch, capsys, arguments, tried):
    """The same ones each time; what survived is shown."""
    became = {f"change{number}": mutants.UNTRIED for number in range(999)}

    def run(seconds, command, *names):
        chosen = [name for name in names if name in became]
        became.update(dict.fromkeys(chosen, "killed"))
        return ""

    monkeypatch.setattr(mutants, "prepare", lambda: None)
    monkeypatch.setattr(mutants, "run", run)
    monkeypatch.setattr(mutants, "results", lambda: dict(became))
    assert mutants.main(arguments) == 0
    assert f"{tried} of 999 changes were tried" in capsys.readouterr().out
    first = [name for name, state in became.items() if state == "killed"]
    became.update(dict.fromkeys(became, mutants.UNTRIED))
    mutants.main(arguments)
    assert [name for name, state in became.items() if state == "killed"] == first
