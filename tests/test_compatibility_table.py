"""The compatibility table in the documentation says what the tests of real servers do, and nothing else."""

from itertools import groupby
from pathlib import Path

from tests.integration.compatibility import CASES

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "compatibility.md"
HEAD = ("VNC server", "Security type", "Login", "Reached over", "Modes", "Tested with")


def shown():
    """The rows of the page's table."""
    lines = PAGE.read_text("utf-8").splitlines()
    tables = [list(group) for is_table, group in groupby(lines, lambda line: line[:1] == "|") if is_table]
    cells = [[tuple(cell.strip() for cell in line.strip("|").split("|")) for line in table] for table in tables]
    (table,) = (rows for rows in cells if rows[0] == HEAD)
    return table[2:]


def test_the_table_has_a_row_for_each_case_in_the_same_order():
    wanted = [case.row for case in CASES]
    assert shown() == wanted, "Put this there:\n" + "\n".join(f"| {' | '.join(row)} |" for row in wanted)


def test_what_is_scripted_is_marked_so():
    assert {case.row[-1] for case in CASES if case.play} == {"scripted"}
    assert {case.row[-1] for case in CASES if case.start} == {"real"}
    assert all(bool(case.play) != bool(case.start) for case in CASES)
