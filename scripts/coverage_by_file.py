"""A plugin of pytest: coverage notes by which file of tests a line was run.

pytest-cov notes by which test (``--cov-context=test``). To write that down thrice for each of thousands of tests costs
more than to trace them, and nobody here asks for it.
"""

from collections.abc import Iterator

import pytest
from coverage import Coverage


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Begin the context of a test's file before the fixtures of its first test."""
    file = item.nodeid.partition("::")[0]
    coverage = Coverage.current()
    if coverage is not None and file != _noted[0]:
        coverage.switch_context(file)
        _noted[0] = file
    return (yield)


_noted = [""]
