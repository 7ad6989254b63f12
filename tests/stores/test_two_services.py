"""Two processes of the hub service on one PostgreSQL: what one issues the other redeems, and both know all sessions."""

import pytest
from tornado.httpclient import HTTPClientError

from tests.fakes import vnc_server
from tests.stores.services import Service, closed, hub, note, person, secrets

#: Whom the hub knows, by their tokens.
PEOPLE = {name: person(name, admin=name == "ada") for name in ("ada", "ann", "bob")}


@pytest.fixture(scope="module")
def started(postgres, tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    keys = {"socket": str(folder / "vnc.sock"), "allow_groups": ["course"]}
    config = {"fake": keys, "single": keys | {"sharing": "exclusive", "max_sessions": 1}}
    config = f"c.VNCHub.db_url = {postgres.new_database('two')!r}\nc.VNCBroker.targets = {config!r}\n"
    (folder / "vnc.py").write_text(config)
    secrets(folder)
    with hub(PEOPLE) as api:
        services = [Service(folder, api, name) for name in ("one", "two")]
        yield folder, services
        for service in services:
            service.process.terminate()
        for service in services:
            service.process.wait(30)


async def test_a_session_is_that_of_both(started):
    folder, (one, two) = started
    async with vnc_server.recorder(folder / "vnc.sock") as target:
        for service in (one, two):
            await service.ready()
        token = await one.issue("ann", "fake")
        websocket = await two.open("ann", token)
        for service in (one, two):
            with pytest.raises(HTTPClientError, match="403"):
                await service.open("ann", token)
            (row,) = await service.until_sessions("ada", 1)
            assert (row["user"], row["target"]) == ("ann", "fake")
        await one.ask("ada", f"api/sessions/{row['id']}/messages", "POST", text="hello")
        assert (await note(websocket, "message"))["text"] == "hello"
        await one.ask("ada", f"api/sessions/{row['id']}", "DELETE")
        assert await closed(websocket) == (4410, "ada ended this session.")
        for service in (one, two):
            await service.until_sessions("ada", 0)
        await target.until(lambda: target.open == 0)


async def test_a_limit_and_a_desktop_for_one_are_those_of_both(started):
    folder, (one, two) = started
    async with vnc_server.recorder(folder / "vnc.sock"):
        for service in (one, two):
            await service.ready()
        token = await two.issue("bob", "single")
        websocket = await one.open("ann", await one.issue("ann", "single"))
        await one.until_sessions("ann", 1)
        late = await two.open("bob", token)
        assert (await closed(late)) == (4409, "ann is using this desktop.")
        await two.until_sessions("ann", 1)
        with pytest.raises(HTTPClientError, match="409"):
            await two.issue("bob", "single")
        taken = await two.open("bob", await two.issue("bob", "single", takeover=True))
        assert await closed(websocket) == (4409, "bob is using it now.")
        taken.close()
        for service in (one, two):
            await service.until_sessions("ada", 0)
