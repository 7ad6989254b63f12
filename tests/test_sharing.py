"""Sharing over real sockets: refusals name the user, replaced sessions get a reason, and viewers see each other."""

import json
import logging

import pytest

from tests import test_websocket as people
from tests.fakes import vnc_server
from tests.server import read_to_close
from tests.test_websocket import add_target, greet, until

# The server of these tests knows several people.
jp_server_config = people.jp_server_config

ANN, BOB = {"X-User": "ann"}, {"X-User": "bob"}


async def ask(client, headers, **more):
    """Ask for a token of the fake target; return status and JSON."""
    answer = await client.fetch("/api/tokens", "POST", headers, {"target": "fake", **more})
    return answer.code, json.loads(answer.body)


async def enter(client, headers, **more):
    """Connect up to the first pixels."""
    status, issued = await ask(client, headers, **more)
    assert status == 201, issued
    websocket = await client.connect(issued["token"], headers)
    await greet(websocket)
    return websocket


async def viewers(client, headers):
    answer = await client.fetch("/api/targets/fake/viewers", headers=headers)
    assert answer.code == 200
    return [(row["user"], row["mode"], row["you"]) for row in json.loads(answer.body)]


async def leave(broker, *websockets):
    for websocket in websockets:
        websocket.close()
    await until(lambda: len(broker.registry) == 0)


async def test_an_exclusive_desktop_tells_the_second_user_who_is_in_control(client, broker):
    async with vnc_server.recorder() as server:
        add_target(broker, server, sharing="exclusive")
        first = await enter(client, ANN)
        assert await ask(client, BOB) == (409, {"message": "ann is using this desktop.", "reason": "busy"})
        assert await viewers(client, BOB) == [("ann", "control", False)]
        await leave(broker, first)
        assert (await ask(client, BOB))[0] == 201


async def test_a_user_who_confirms_takes_it_over_and_the_first_is_told_by_whom(client, broker, caplog):
    caplog.set_level(logging.INFO)
    async with vnc_server.recorder() as server:
        add_target(broker, server, sharing="exclusive")
        first = await enter(client, ANN)
        ousted = next(iter(broker.registry)).id
        second = await enter(client, BOB, takeover=True)
        _, code, reason = await read_to_close(first)
        assert (code, reason) == (4409, "bob is using it now.")
        assert (await ask(client, ANN))[1]["message"] == "bob is using this desktop."
        await until(lambda: len(broker.registry) == 1)
        assert f"takes over from session {ousted} of ann" in caplog.text
        await leave(broker, second)


async def test_a_token_for_taking_over_ends_nobody_before_it_is_redeemed(client, broker):
    async with vnc_server.recorder() as server:
        add_target(broker, server, sharing="exclusive")
        first = await enter(client, ANN)
        assert (await ask(client, BOB, takeover=True))[0] == 201
        assert await viewers(client, ANN) == [("ann", "control", True)]
        await leave(broker, first)


async def test_of_two_that_were_told_it_is_free_the_later_is_closed(client, broker):
    async with vnc_server.recorder() as server:
        add_target(broker, server, sharing="exclusive")
        early, late = (await ask(client, ANN))[1]["token"], (await ask(client, BOB))[1]["token"]
        first = await client.connect(early, ANN)
        await greet(first)
        _, code, reason = await read_to_close(await client.connect(late, BOB))
        assert (code, reason) == (4409, "ann is using this desktop.")
        assert await viewers(client, ANN) == [("ann", "control", True)]
        await leave(broker, first)


@pytest.mark.parametrize("sharing", ["exclusive", "takeover"])
async def test_a_reload_takes_the_place_of_what_it_left_behind(client, broker, sharing):
    async with vnc_server.recorder() as server:
        add_target(broker, server, sharing=sharing, max_sessions=1)
        left_behind = await enter(client, ANN)
        second = await enter(client, ANN)
        _, code, reason = await read_to_close(left_behind)
        assert (code, reason) == (4409, "You have opened it in another window.")
        await leave(broker, second)


async def test_a_takeover_desktop_is_the_last_comers(client, broker):
    async with vnc_server.recorder() as server:
        add_target(broker, server, sharing="takeover")
        first = await enter(client, ANN)
        second = await enter(client, BOB)
        assert (await read_to_close(first))[1:] == (4409, "bob is using it now.")
        back = await enter(client, ANN)
        assert (await read_to_close(second))[1] == 4409
        await leave(broker, back)


@pytest.mark.parametrize("sharing", ["shared", "exclusive", "takeover"])
async def test_a_viewer_in_view_mode_is_admitted_listed_and_stays(client, broker, sharing):
    async with vnc_server.recorder() as server:
        add_target(broker, server, sharing=sharing)
        first = await enter(client, ANN)
        watcher = await enter(client, BOB, mode="view")
        assert await viewers(client, ANN) == [("ann", "control", True), ("bob", "view", False)]
        assert await viewers(client, BOB) == [("ann", "control", False), ("bob", "view", True)]
        await leave(broker, first, watcher)


async def test_many_control_a_shared_desktop(client, broker):
    async with vnc_server.recorder() as server:
        add_target(broker, server)
        both = [await enter(client, ANN), await enter(client, BOB)]
        assert len(await viewers(client, ANN)) == 2
        await leave(broker, *both)


async def test_a_user_whom_a_desktop_does_not_admit_sees_nobody(client, broker):
    async with vnc_server.recorder() as server:
        add_target(broker, server, allow_users=["ann"])
        first = await enter(client, ANN)
        answer = await client.fetch("/api/targets/fake/viewers", headers=BOB)
        assert (answer.code, b"ann" in answer.body) == (404, False)
        await leave(broker, first)


async def test_takeover_is_true_or_false(client, broker):
    async with vnc_server.recorder() as server:
        add_target(broker, server)
        status, body = await ask(client, ANN, takeover="yes")
        assert (status, body["reason"]) == (400, "malformed")


class BrokenBus:
    """Somebody's listener fails."""

    def emit(self, **event):
        raise BrokenPipeError


async def test_a_session_is_forgotten_though_nobody_takes_its_end_in(client, broker):
    async with vnc_server.recorder() as server:
        add_target(broker, server)
        broker.audit.events = BrokenBus()
        websocket = await enter(client, ANN)
        assert len([*broker.registry]) == 1
        await leave(broker, websocket)
        assert [*broker.registry] == []


async def test_a_part_that_cannot_be_closed_keeps_none_of_the_others_from_it(broker, monkeypatch):
    closed = []

    async def fail():
        closed.append("desktops")
        raise BrokenPipeError

    for part in ("desktop_manager", "pools", "tokens"):

        async def close(part=part):
            closed.append(part)

        monkeypatch.setattr(getattr(broker, part), "close", close)
    monkeypatch.setattr(broker.desktops, "close", fail)
    with pytest.raises(BrokenPipeError):
        await broker.close()
    assert closed == ["desktops", "desktop_manager", "pools", "tokens"]
    monkeypatch.undo()
