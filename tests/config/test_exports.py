"""Registered targets as a table that a spreadsheet opens."""

import csv
import io

import pytest

from jupyter_vnc.config.exports import as_csv


@pytest.mark.parametrize(
    ("title", "cell"),
    [
        ("Lab", "Lab"),
        ("=1+1", "'=1+1"),
        ("+cmd", "'+cmd"),
        ("@sum", "'@sum"),
        ("-1", "-1"),
        ("+2.5", "+2.5"),
        ("-1+1", "'-1+1"),
    ],
)
def test_a_spreadsheet_takes_no_cell_for_a_formula_and_numbers_stay_numbers(title, cell):
    (row,) = csv.DictReader(io.StringIO(as_csv({"lab": {"host": "h", "title": title}})))
    assert row == {"name": "lab", "title": cell, "host": "h"}
