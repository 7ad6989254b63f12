"""Tokens in a real Redis: raced for by two processes, with Redis killed, held, poisoned, and asked for a password."""

import asyncio
import contextlib
import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from demo.processes import free_port
from jupyter_vnc.exceptions import ConfigError, StoreUnavailable, TokenRefused
from jupyter_vnc.model.targets import Mode
from jupyter_vnc.stores.redis import MAX_GRANT
from jupyter_vnc.tokens import Grant, TokenRegistry
from tests.integration.certificates import Authority
from tests.server import callers, counting_target
from tests.stores.server import RedisServer, redis_store

ROOT = Path(__file__).parents[2]
ANN = Grant("ann", "lab", "g1", Mode.CONTROL)
DIGEST = "d" * 64
PASSWORD = "hun/ter#2"
QUOTED = "hun%2Fter%232"


@pytest.fixture
def new_store(jp_asyncio_loop):
    """Make stores, each closed at the end."""
    stores = []

    def new_store(url, **options):
        stores.append(redis_store(url, **options))
        return stores[-1]

    yield new_store
    for store in stores:
        jp_asyncio_loop.run_until_complete(store.close())


@pytest.fixture
def store(new_store, empty_redis):
    return new_store(empty_redis.url)


@pytest.fixture
def start_redis(tmp_path):
    """Start a Redis of one's own."""
    servers = []

    def start_redis(*options):
        servers.append(RedisServer(tmp_path, *options))
        return servers[-1]

    yield start_redis
    for server in servers:
        server.kill()


# -- one step ---------------------------------------------------------------------------------------------------------

RACER = """
import asyncio, sys
from jupyter_vnc.exceptions import TokenRefused
from jupyter_vnc.tokens import TokenRegistry
from tests.stores.server import redis_store

async def main(url, token):
    store = redis_store(url)
    tokens = TokenRegistry(store)
    await tokens.revoke(user="nobody")
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    tries = (tokens.redeem(token, "ann") for _ in range(500))
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert all(isinstance(result, TokenRefused) or result.user == "ann" for result in results), results
    print(sum(not isinstance(result, TokenRefused) for result in results))
    await store.close()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_two_processes_race_for_a_token_a_thousand_times(store, empty_redis):
    token = (await TokenRegistry(store).issue(ANN)).token
    command = [sys.executable, "-c", RACER, empty_redis.url, token]
    racers = [subprocess.Popen(command, stdin=-1, stdout=-1, text=True, cwd=ROOT) for _ in range(2)]
    try:
        assert [racer.stdout.readline() for racer in racers] == ["ready\n"] * 2
        for racer in racers:
            racer.stdin.write("go\n")
            racer.stdin.flush()
        counts = [int(racer.communicate(timeout=60)[0]) for racer in racers]
    finally:
        for racer in racers:
            racer.kill()
            racer.communicate()
    assert sorted(counts) == [0, 1]


async def test_limits_and_strangers_are_counted_over_all_processes(new_store, empty_redis):
    one, other = (new_store(empty_redis.url, per_user=1) for _ in range(2))
    await one.put(DIGEST, ANN, 30)
    with pytest.raises(Exception, match="Too many connections"):
        await other.put("e" * 64, ANN, 30)
    for each in (one, other, one):
        assert await each.take(DIGEST, "bob") is None
    assert await other.take(DIGEST, "ann") is None
    await other.put("e" * 64, ANN, 30)


async def test_a_put_whose_answer_was_lost_can_be_repeated_and_nothing_else(store):
    await store.put(DIGEST, ANN, 30)
    await store.put(DIGEST, ANN, 30)
    with pytest.raises(StoreUnavailable):
        await store.put(DIGEST, Grant("bob", "lab", "g1", Mode.VIEW), 30)
    assert await store.revoke() == 1


async def test_revoking_among_very_many(new_store, empty_redis):
    store = new_store(empty_redis.url, per_user=4096)
    for number in range(4096):
        await store.put(f"{number:064}", Grant("ann", f"lab-{number % 64}", "g1", Mode.VIEW), 60)
    assert await store.revoke(target="lab-7") == 64
    assert await store.revoke(user="ann") == 4032


# -- what is kept -----------------------------------------------------------------------------------------------------


async def test_redis_holds_no_token_and_forgets_by_itself(store, raw, empty_redis):
    token = (await TokenRegistry(store).issue(ANN)).token
    raw.save()
    dump = (empty_redis.folder / "dump.rdb").read_bytes()
    assert b'"target": "lab"' in dump
    assert token.encode() not in dump
    keys = list(raw.scan_iter())
    assert len(keys) == 3
    assert all(key.startswith(b"jupyter-vnc:") and 0 < raw.pttl(key) <= 30_000 for key in keys)


async def test_an_empty_store_leaves_nothing(store, raw):
    await store.put(DIGEST, ANN, 30)
    await store.take(DIGEST, "ann")
    await store.put(DIGEST, ANN, 30)
    await store.revoke(target="lab")
    assert list(raw.scan_iter()) == []


GOOD = {
    "user": "ann",
    "target": "lab",
    "generation": "g1",
    "mode": "view",
    "takeover": False,
    "owner": "",
    "kind": "session",
    "session": "",
    "server": "",
}
POISON = {
    "an address": json.dumps(GOOD | {"host": "169.254.169.254", "port": 80}),
    "only an address": "169.254.169.254:80",
    "another's": json.dumps(GOOD | {"user": "bob"}),
    "no mode": json.dumps(GOOD | {"mode": "root"}),
    "another type": json.dumps(GOOD | {"takeover": 1}),
    "a target that is none": json.dumps(GOOD | {"target": {"host": "169.254.169.254"}}),
    "too deep": "[" * 10_000,
    "too long": json.dumps(GOOD | {"target": "x" * MAX_GRANT}),
    "no text": b"\xff\xfe\x00",
    "a list": "[]",
    "nothing": "",
}


async def test_a_good_grant_is_taken_as_it_stands(store, raw):
    await store.put(DIGEST, ANN, 30)
    raw.hset(f"jupyter-vnc:token:{DIGEST}", "grant", json.dumps(GOOD))
    assert await store.take(DIGEST, "ann") == Grant("ann", "lab", "g1", Mode.VIEW)


@pytest.mark.parametrize("value", POISON.values(), ids=POISON)
async def test_an_invalid_grant_is_refused_dropped_and_logged(store, raw, value, caplog):
    await store.put(DIGEST, ANN, 30)
    raw.hset(f"jupyter-vnc:token:{DIGEST}", "grant", value)
    assert await store.take(DIGEST, "ann") is None
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "is not a grant" in caplog.text
    assert "169.254" not in caplog.text
    assert not raw.exists(f"jupyter-vnc:token:{DIGEST}")


@pytest.mark.parametrize("write", ["set", "sadd"])
async def test_a_key_of_another_type_is_no_grant(store, raw, write):
    getattr(raw, write)(f"jupyter-vnc:token:{DIGEST}", "169.254.169.254:80")
    assert await store.take(DIGEST, "ann") is None
    assert not raw.exists(f"jupyter-vnc:token:{DIGEST}")


async def test_a_list_of_another_type_stops_tokens_and_nothing_else(store, raw, caplog):
    raw.set("jupyter-vnc:all", "x")
    with pytest.raises(StoreUnavailable):
        await store.put(DIGEST, ANN, 30)
    assert "WRONGTYPE" in caplog.text
    raw.delete("jupyter-vnc:all")
    await store.put(DIGEST, ANN, 30)
    assert await store.take(DIGEST, "ann") == ANN


@pytest.fixture
def jp_server_config(redis_server):
    return {
        "ServerApp": {"jpserver_extensions": {"jupyter_vnc": True, "jupyter_server_terminals": False}},
        "VNCBroker": {
            "targets": {"lab": {"host": "127.0.0.1", "port": 1}},
            "token_store": "jupyter_vnc.stores.redis.RedisTokens",
        },
        "RedisTokens": {"url": redis_server.url},
    }


async def test_a_grant_for_an_address_dials_nobody(client, broker, raw):
    with counting_target() as listener:
        place = f"127.0.0.1:{listener.getsockname()[1]}"
        for name in (place, f"//{place}", "lab\0", "../lab"):
            token = (await client.issue("lab"))["token"]
            (key,) = raw.scan_iter("jupyter-vnc:token:*")
            grant = json.loads(raw.hget(key, "grant")) | {"target": name}
            raw.hset(key, "grant", json.dumps(grant))
            with pytest.raises(Exception, match="403"):
                await client.connect(token)
        assert callers(listener) == 0
        assert not list(broker.registry)


async def test_a_server_without_its_redis_says_503_and_never_falls_back(client, jp_serverapp, redis_server, caplog):
    token = (await client.issue("lab"))["token"]
    redis_server.kill()
    try:
        answer = await client.fetch("/api/tokens", "POST", client.token, {"target": "lab"})
        assert answer.code == 503
        assert json.loads(answer.body)["reason"] == "store_unavailable"
        with pytest.raises(Exception, match="503"):
            await client.connect(token)
    finally:
        redis_server.start()
    assert (await client.issue("lab"))["token"]
    said = [record.getMessage() for record in caplog.records if "RedisTokens" in record.getMessage()]
    assert [re.sub(r" \(.*", "", line) for line in said] == [
        "RedisTokens: no tokens until Redis answers again",
        "RedisTokens: Redis answers again",
    ]


# -- Redis is down, slow, or another ----------------------------------------------------------------------------------


async def test_a_redis_that_was_started_again_needs_no_second_request(store, empty_redis, caplog):
    await store.put(DIGEST, ANN, 30)
    empty_redis.kill()
    empty_redis.start()
    assert await store.take(DIGEST, "ann") is None
    assert not caplog.records


async def test_a_redis_killed_in_the_middle_fails_closed(store, empty_redis):
    tokens = TokenRegistry(store)
    issued = await tokens.issue(ANN)
    tries = [asyncio.ensure_future(tokens.redeem(issued.token, "ann")) for _ in range(200)]
    await asyncio.wait(tries, return_when=asyncio.FIRST_COMPLETED)
    empty_redis.kill()
    results = await asyncio.gather(*tries, return_exceptions=True)
    empty_redis.start()
    grants = [result for result in results if not isinstance(result, TokenRefused | StoreUnavailable)]
    assert grants in ([], [ANN])
    assert await tokens.redeem((await tokens.issue(ANN)).token, "ann") == ANN


async def until_it_answers(store):
    """Wait until a store that has little patience has had an answer: on a busy machine, that takes some tries."""
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(StoreUnavailable):
                return await store.take("0" * 64, "nobody")
            await asyncio.sleep(0.05)


async def test_a_redis_that_holds_still_is_given_up_in_time(new_store, empty_redis, caplog):
    store = new_store(empty_redis.url, timeout=0.3, connect_timeout=0.3)
    await until_it_answers(store)
    caplog.clear()
    empty_redis.hold()
    try:
        for _ in range(2):  # on a connection that is there, and on a new one
            async with asyncio.timeout(30):
                with pytest.raises(StoreUnavailable):
                    await store.take(DIGEST, "ann")
    finally:
        empty_redis.go_on()
    assert len(caplog.records) == 1
    assert "Timeout reading from" in caplog.text
    await until_it_answers(store)


async def test_a_primary_that_has_become_a_replica_is_left(new_store, start_redis):
    server = start_redis()
    store = new_store(server.url)
    await store.put(DIGEST, ANN, 30)
    with admin(server) as client:
        client.replicaof("127.0.0.1", "1")
        with pytest.raises(StoreUnavailable):
            await store.take(DIGEST, "ann")
        connected = {line["id"] for line in client.client_list()}
        client.replicaof("NO", "ONE")
        assert await store.take(DIGEST, "ann") == ANN
        later = {line["id"] for line in client.client_list()}
        assert later - connected, "it went back over a connection to a replica"


@contextlib.contextmanager
def admin(server, **options):
    from redis import Redis

    with Redis(unix_socket_path=str(server.socket), **options) as client:
        yield client


async def test_a_closed_store_does_not_come_back(store, empty_redis, raw):
    await store.put(DIGEST, ANN, 30)
    await store.close()
    with pytest.raises(StoreUnavailable):
        await store.revoke()


# -- passwords and rights ---------------------------------------------------------------------------------------------


async def test_a_password_opens_and_a_wrong_one_is_in_no_log(new_store, start_redis, tmp_path, caplog):
    server = start_redis("--requirepass", PASSWORD)
    (tmp_path / "url").write_text(f"unix://:{QUOTED}@{server.socket}\n")
    (tmp_path / "url").chmod(0o600)
    store = new_store("redis://nowhere.invalid", url_file=str(tmp_path / "url"))
    await store.put(DIGEST, ANN, 30)
    assert await store.take(DIGEST, "ann") == ANN
    wrong = new_store(f"unix://:wrong-{QUOTED}@{server.socket}")
    with pytest.raises(StoreUnavailable) as caught:
        await wrong.put(DIGEST, ANN, 30)
    said = f"{caplog.text}{caught.value!r}{caught.value}{caught.value.detail}"
    assert "invalid username-password pair" in said
    assert PASSWORD not in said
    assert QUOTED not in said


async def test_what_redis_says_of_the_password_is_not_passed_on(new_store, tmp_path, caplog):
    async def serve(reader, writer):
        with contextlib.suppress(ConnectionError):
            while await reader.read(4096):
                writer.write(f"-ERR unknown command 'AUTH', with args beginning with: '{PASSWORD}'\r\n".encode())
        writer.close()

    async with await asyncio.start_unix_server(serve, tmp_path / "old.sock"):
        store = new_store(f"unix://:{QUOTED}@{tmp_path / 'old.sock'}")
        with pytest.raises(StoreUnavailable):
            await store.put(DIGEST, ANN, 30)
        await store.close()
    assert "unknown command" in caplog.text
    assert "***" in caplog.text
    assert PASSWORD not in caplog.text


async def test_the_rights_that_the_documentation_gives_are_enough(new_store, start_redis):
    page = (ROOT / "docs/howto/several-processes.md").read_text()
    (line,) = re.findall(r"^ACL SETUSER (.+)$", page, re.MULTILINE)
    server = start_redis()
    with admin(server) as client:
        client.execute_command("ACL", "SETUSER", *line.split())
        client.execute_command("ACL", "SETUSER", "default", "off")
        store = new_store(f"unix://jupyter-vnc:secret@{server.socket}", per_user=1)
        tokens = TokenRegistry(store)
        issued = await tokens.issue(ANN)
        with pytest.raises(Exception, match="Too many connections"):
            await tokens.issue(ANN)
        with pytest.raises(TokenRefused):
            await tokens.redeem(issued.token, "bob")
        assert await tokens.redeem(issued.token, "ann") == ANN
        await tokens.issue(ANN)
        assert await tokens.revoke(target="lab") == 1


async def test_tls_is_verified(new_store, start_redis, tmp_path, caplog):
    good = Authority(tmp_path / "ca").sign("localhost")
    stranger = Authority(tmp_path / "other")
    port = str(free_port())
    files = {"cert": good.certificate, "key": good.key, "ca-cert": good.ca}
    options = [word for name, file in files.items() for word in (f"--tls-{name}-file", str(file))]
    start_redis("--tls-port", port, "--tls-auth-clients", "no", *options)
    store = new_store(f"rediss://localhost:{port}/0?ssl_ca_certs={good.ca}")
    await store.put(DIGEST, ANN, 30)
    assert await store.take(DIGEST, "ann") == ANN
    for host, authority in (("localhost", stranger.certificate), ("127.0.0.1", good.ca)):
        caplog.clear()
        with pytest.raises(StoreUnavailable):
            await new_store(f"rediss://{host}:{port}/0?ssl_ca_certs={authority}").put(DIGEST, ANN, 30)
        assert "certificate" in caplog.text.lower()


@pytest.mark.parametrize("option", ["ssl_ca_certs", "ssl_certfile", "ssl_keyfile"])
@pytest.mark.parametrize("kind", ["fifo", "device", "missing", "folder"])
def test_a_file_of_a_url_that_is_none_is_refused(option, kind, tmp_path, new_store):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    path = Path("/dev/zero") if kind == "device" else tmp_path / kind
    with pytest.raises(ConfigError, match=f"'RedisTokens.url': {option}: .*{path.name}"):
        new_store(f"rediss://localhost:1/0?{option}={path}")


# -- configuration ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://localhost", "must start with redis://, rediss://, unix://"),
        ("", "must start with"),
        (f"redis://:{PASSWORD}@localhost", "write characters such as"),
        ("redis://:12/hunter@localhost", "write characters such as"),
        ("redis://user:12#hunter@localhost", "write characters such as"),
        ("redis://:12?hunter@localhost", "write characters such as"),
        ("redis://localhost:hunter", "write characters such as"),
        ("redis://[hunter", "write characters such as"),
        ("redis://localhost?db=hunter", "is not a URL that redis understands"),
        ("redis://localhost?hunter=1", "is not a URL that redis understands"),
    ],
)
def test_a_bad_url_is_refused_at_start_and_not_quoted(url, sentence, caplog):
    with pytest.raises(ConfigError) as caught:
        redis_store(url)
    assert str(caught.value).startswith("key 'RedisTokens.url': ")
    assert sentence in str(caught.value)
    assert "hun" not in f"{caught.value!r}{caught.value}{caplog.text}"


def test_a_file_that_others_can_read_is_refused(tmp_path):
    (tmp_path / "url").write_text("redis://localhost")
    (tmp_path / "url").chmod(0o644)
    for name, sentence in (("url", "chmod 600 it"), ("nothing", "cannot be read")):
        with pytest.raises(ConfigError, match=rf"'RedisTokens.url_file': .*{sentence}"):
            redis_store("", url_file=str(tmp_path / name))


def test_without_the_package_the_server_says_which_one_is_missing():
    program = """
import sys
sys.modules["redis"] = None
import jupyter_vnc.app
from tests.stores.server import redis_store
try:
    redis_store("redis://localhost")
except Exception as error:
    print(error)
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    assert ran.stdout.startswith(
        "key 'VNCBroker.token_store': 'redis' needs a package that is not installed: pip install 'jupyter-vnc[redis]'"
    )
