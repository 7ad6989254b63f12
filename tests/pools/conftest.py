import pytest

from jupyter_vnc.pools.pool import Pool
from tests.pools.machines import Clock, address


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def make(clock):
    return lambda count, **times: Pool(address(count, **times), clock)
