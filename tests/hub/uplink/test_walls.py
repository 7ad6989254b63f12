"""The wall and users' servers: which of them are asked for pictures, and what they may send."""

import asyncio
import contextlib
import json

import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application
from tornado.websocket import WebSocketClosedError

from jupyter_vnc.hub.uplink import handler, server_end, server_walls
from jupyter_vnc.model.addresses import DesktopAddress, DesktopSpec
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Mode, Target
from jupyter_vnc.model.users import User
from jupyter_vnc.model.wall_pictures import read_picture
from tests.hub.conftest import until
from tests.hub.uplink.test_handler import Hub, code_of, service
from tests.hub.uplink.test_server_end import Service, _listen, made
from tests.hub.uplink.test_uplinks import DESK, REPORTED, VIEWER, Instructor, Link, connected
from tests.webp import PICTURE, text, webp

ON, OFF = {"type": "wall", "on": True}, {"type": "wall", "on": False}
BEA = Instructor("bea", "custom:jupyter-vnc:admin!group=course-b")


def seen(uplinks, visitor=None, after=0):
    return [(session, data) for _, session, data in uplinks.pictures(visitor or Instructor(), after)]


def listed(uplinks):
    return [one["id"] for row in uplinks.rows(Instructor()) for one in row["viewers"] if one["user"] == row["owner"]]


def test_the_servers_on_a_wall_are_asked_once_and_told_when_it_is_closed():
    ann, bob = Link(), Link("bob", ["course-b"])
    uplinks = connected(ann, bob)
    assert ann.sent == [], "nobody looks"
    for _ in range(2):
        uplinks.show([Instructor()])
    assert (ann.sent, bob.sent) == ([ON], [])
    uplinks.walls.pictured(ann, VIEWER["id"], PICTURE)
    uplinks.walls.pictured(bob, VIEWER["id"], PICTURE)
    assert seen(uplinks) == [(listed(uplinks)[0], PICTURE)]
    assert seen(uplinks, BEA) == []
    uplinks.show([])
    assert ann.sent == [ON, OFF]
    assert seen(uplinks) == []
    uplinks.walls.pictured(ann, VIEWER["id"], PICTURE)
    assert seen(uplinks) == []


def test_a_server_that_comes_or_lets_look_later_is_asked_then():
    uplinks = connected()
    uplinks.show([Instructor()])
    ann = Link()
    uplinks.add(ann)
    assert ann.sent == [ON]
    uplinks.heard(ann, {**REPORTED, "looks": False})
    assert ann.sent == [ON, OFF]
    uplinks.heard(ann, REPORTED)
    uplinks.heard(ann, {**REPORTED, "desktops": [], "viewers": []})
    assert ann.sent == [ON, OFF] * 2
    again = Link()
    uplinks.add(again)
    assert again.sent == [ON]


def test_a_server_sends_pictures_of_its_owners_own_sessions_that_are_there_and_of_nobody_else():
    own, gone, guest = VIEWER, VIEWER | {"id": "b" * 16}, VIEWER | {"id": "c" * 16, "user": "gus"}
    link = Link(report={"looks": True, "desktops": [DESK], "viewers": [own, gone, guest]})
    other = Link("amy")
    uplinks = connected(link, other)
    uplinks.show([Instructor()])
    for session_id in (own["id"], gone["id"], guest["id"], "d" * 16):
        uplinks.walls.pictured(link, session_id, PICTURE)
    assert len(seen(uplinks)) == 2
    uplinks.heard(link, {"looks": True, "desktops": [DESK], "viewers": [own]})
    assert len(seen(uplinks)) == 1
    uplinks.walls.pictured(Link(), own["id"], text(webp(9, 9)))
    assert [data for _, data in seen(uplinks)] == [PICTURE], "an earlier connection of the same server"
    uplinks.remove(link)
    assert seen(uplinks) == []


def test_pictures_are_bounded(monkeypatch):
    monkeypatch.setattr(server_walls, "PER_SERVER", 2)
    monkeypatch.setattr(server_walls, "TOTAL", 3)
    own = [VIEWER | {"id": f"{nth:016x}"} for nth in range(4)]
    links = [
        Link(name, report={"looks": True, "desktops": [DESK], "viewers": [one | {"user": name} for one in own]})
        for name in ("ann", "amy", "al")
    ]
    uplinks = connected(*links)
    uplinks.show([Instructor()])
    for link in links:
        for one in own:
            uplinks.walls.pictured(link, one["id"], PICTURE)
    assert [len(shown.pictures) for shown in uplinks.walls._shown.values()] == [2, 1, 0]
    uplinks.walls.pictured(links[1], own[0]["id"], new := text(webp(9, 9)))
    assert new in [data for _, data in seen(uplinks)], "a new one of the same session takes its place"


def test_who_moves_to_another_group_is_on_no_wall_of_the_first_any_more():
    link = Link()
    uplinks = connected(link)
    uplinks.show([Instructor()])
    uplinks.walls.pictured(link, VIEWER["id"], PICTURE)
    link.owner = User("ann", frozenset({"course-b"}))
    assert seen(uplinks) == []
    uplinks.show([Instructor()])
    assert link.sent == [ON, OFF]


def said(session_id, data):
    return json.dumps({"picture": {"session": session_id, "data": data}})


#: Messages without a picture, or with anything beside it.
NONE = [
    said(VIEWER["id"], "x"),
    said(VIEWER["id"], text(webp(321))),
    said(VIEWER["id"], text(webp(body=bytes(24 * 1024)))),
    said("ann", PICTURE),
    json.dumps({"picture": {"session": VIEWER["id"], "data": PICTURE, "user": "amy"}}),
    json.dumps({"picture": PICTURE}),
    '{"picture": ' + "[" * 1000,
]


@pytest.mark.parametrize("message", NONE, ids=range(len(NONE)))
async def test_a_server_that_sends_no_real_picture_is_closed(message):
    async with service(Hub("ann")) as (connect, _):
        connection = await connect("ann")
        await connection.write_message(message)
        assert await code_of(connection) == 4400


async def test_a_server_that_sends_too_many_is_closed_and_what_nobody_asked_for_is_nothing():
    async with service(Hub("ann")) as (connect, uplinks):
        connection = await connect("ann")
        await connection.write_message(said(VIEWER["id"], PICTURE))
        await connection.write_message(json.dumps(REPORTED))
        await until(lambda: any(link.report["viewers"] for link in uplinks._links.values()))
        assert uplinks.walls._shown == {}
        with contextlib.suppress(WebSocketClosedError):
            for _ in range(5 * handler.PICTURES_AT_ONCE):
                await connection.write_message(said(VIEWER["id"], PICTURE))
        assert await code_of(connection) == 4400


@pytest.fixture
def real_service(jp_asyncio_loop):
    """The service's end, over a real websocket; keeps what comes in ``said``."""
    kind = type("Service", (Service,), {"came": [], "said": []})
    kind.on_message = lambda self, message: kind.said.append(json.loads(message))
    server = HTTPServer(Application([(r"/services/vnc/uplink", kind)]))
    (listening,) = bind_sockets(0, "127.0.0.1")
    jp_asyncio_loop.run_until_complete(_listen(server, listening))
    kind.url = f"http://127.0.0.1:{listening.getsockname()[1]}/services/vnc/"
    yield kind
    server.stop()
    jp_asyncio_loop.run_until_complete(server.close_all_connections())


def session():
    """Somebody at their own desktop."""
    return Session(User("ann"), Target(name="desk", address=DesktopAddress(DesktopSpec())), Mode.CONTROL)


async def test_a_users_server_sends_the_latest_picture_of_each_session_while_it_is_asked(real_service, monkeypatch):
    monkeypatch.setattr(server_end, "PAUSE", 0.01)
    came, changes = real_service.said, []
    one, many = session(), [session() for _ in range(server_end.MAX_PICTURED)]
    # One whose viewer sends none takes nobody's place.
    end = made(
        None, real_service.url, dict, lambda: [session(), one, *many], changed=lambda: changes.append(end.walled)
    )
    end.start()
    await until(lambda: came)
    (link,) = real_service.came
    await link.write_message(json.dumps(ON))
    await until(lambda: end.walled)
    for sent in (one, *many):
        sent.wall_picture = read_picture(PICTURE)
    await until(lambda: len(came) == 1 + server_end.MAX_PICTURED)
    assert {row["picture"]["session"] for row in came[1:]} == {one.id, *(sent.id for sent in many[:-1])}
    one.wall_picture = read_picture(new := text(webp(9, 9)))
    await until(lambda: came[-1].get("picture") == {"session": one.id, "data": new})
    await asyncio.sleep(0.05)
    assert len(came) == 2 + server_end.MAX_PICTURED, "none twice"
    await link.write_message(json.dumps(OFF))
    await until(lambda: not end.walled)
    await link.write_message(json.dumps(ON))
    await until(lambda: end.walled)
    link.close()
    await until(lambda: not end.walled)
    await end.close()
    assert changes == [False, True, False, True, False]
