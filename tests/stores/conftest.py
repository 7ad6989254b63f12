"""One Redis for a module, emptied for each test."""

import pytest
from redis import Redis

from tests.stores.server import RedisServer


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory):
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()


@pytest.fixture
def raw(redis_server):
    """A client of one's own, to look behind the store."""
    with Redis.from_url(redis_server.url) as client:
        client.flushall()
        yield client


@pytest.fixture
def empty_redis(raw, redis_server):
    """The server, with nothing in it."""
    return redis_server
