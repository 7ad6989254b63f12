"""The extension inside users' servers: their desktops through the hub's proxy, and guests whom they invite."""

import asyncio
import os
import re
import signal
import struct
from contextlib import asynccontextmanager

import psutil
import pytest
import requests
from playwright.async_api import expect
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from tests.hub.conftest import looking, until
from tests.hub.user_servers.conftest import PATIENCE, log_in, window
from tests.integration import lamp, real
from tests.processes import running

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def owner(hub):
    """Ann, in her server."""
    ann = hub.person("ann")
    hub.start_servers("ann")
    ann = ann.at("ann")
    assert ann.enter().ok
    return ann


def events(hub, name="ann"):
    """What has reached somebody's desktop."""
    return (hub.folder / f"home-{name}" / "events").read_text().splitlines()


def typed(hub, characters):
    """What tells which of these keys reach Ann's desktop from now on: other tests have typed there before."""
    lines, before = {f"key {one}" for one in characters}, len(events(hub))
    return lambda: [line for line in events(hub)[before:] if line in lines]


def x_servers(hub, name=""):
    """The X servers of all the hub's users, or of one."""
    home = str(hub.folder / f"home-{name}")
    return [one.pid for one in running("Xtigervnc") if environment_of(one).get("HOME", "").startswith(home)]


def environment_of(process):
    """A process's variables, if it is there and ours."""
    try:
        return process.environ()
    except psutil.Error:
        return {}


def in_server(hub, name):
    """The variables of a user's server, of which its programs do not have all."""
    for process in psutil.process_iter():
        found = environment_of(process)
        if found.get("HOME") == str(hub.folder / f"home-{name}") and "JUPYTERHUB_API_TOKEN" in found:
            return found
    raise AssertionError(f"{name} has no server")


async def lit(viewer):
    """See the lamp, whatever it has been told so far."""
    async with asyncio.timeout(real.PATIENCE):
        while await viewer.pixel(*real.LAMP_POINT) not in {lamp.READY, lamp.KEY}:
            await asyncio.sleep(0.05)


@asynccontextmanager
async def working(person, **more):
    """Somebody at Ann's desktop, whose lamp listens."""
    async with looking(person, "desk", **more) as viewer:
        await lit(viewer)
        await viewer.move(*real.LAMP_HAND)
        yield viewer


@pytest.fixture
def at_the_hub(hub, owner):
    """Ask the hub what it knows of Ann's server, with its own token; it is not shared any more afterwards."""
    found = in_server(hub, "ann")
    headers = {"Authorization": f"token {found['JUPYTERHUB_API_TOKEN']}"}

    def ask(method, what="shares", **more):
        url = f"{found['JUPYTERHUB_API_URL']}/{what}/ann/"
        answer = requests.request(method, url, headers=headers, timeout=PATIENCE, **more)
        assert answer.ok, answer.text
        return answer

    yield ask
    ask("DELETE")
    ask("DELETE", "share-codes")


@pytest.fixture
def invite(hub, owner, at_the_hub):
    """Let somebody into Ann's server: she makes a link, and they open it."""

    def invite(name, right):
        guest = hub.person(name).at("ann")
        answer = owner.ask("api/shares", "POST", json={"target": "desk", "mode": right, "hours": 1})
        assert answer.status_code == 201, answer.text
        page = guest.http.get(hub.url + answer.json()["url"], timeout=PATIENCE)
        form = dict(re.findall(r'name="(\w+)"[^>]*?value="([^"]*)"', re.sub(r"\s+", " ", page.text)))
        assert form["code"], page.text
        assert guest.http.post(page.url, form, timeout=PATIENCE, allow_redirects=False).status_code == 302
        assert guest.enter().ok
        return guest

    return invite


async def test_a_users_desktop_is_reached_through_the_hubs_proxy(hub, owner):
    assert owner.ask("view/desk").status_code == 200
    async with working(owner) as viewer:
        await viewer.key("g")
        await until(lambda: "key g" in events(hub))
        await until(lambda: [row["user"] for row in owner.ask("api/sessions").json()] == ["ann"])


async def test_no_cookie_alone_opens_a_websocket_of_this_server(hub, owner):
    headers = {"Cookie": owner.cookies(), "Origin": hub.url, "Sec-Fetch-Mode": "websocket"}
    url = f"{hub.url}/user/ann/api/events/subscribe".replace("http", "ws", 1)
    with pytest.raises(HTTPClientError, match="403"):
        await websocket_connect(HTTPRequest(url, headers=headers))
    with pytest.raises(HTTPClientError, match="403"):
        await owner.connect("x" * 43)


async def test_a_guest_who_may_look_sees_the_owners_desktop_and_cannot_type(hub, owner, invite):
    gus = invite("gus", "view")
    assert {row["name"]: row["mode"] for row in gus.ask("api/targets").json()} == {"desk": "view"}
    assert gus.issue("desk", mode="control")[0] == 403
    async with working(owner) as viewer, looking(gus, "desk") as look:
        await lit(look)
        await look.move(*real.LAMP_HAND)
        await look.key("x")
        await look.pixel(5, 5)
        await viewer.key("o")
        await until(lambda: "key o" in events(hub))
        await look.until_pixel(*real.LAMP_POINT, lamp.KEY)
        assert "key x" not in events(hub)
        await until(lambda: len(x_servers(hub, "ann")) == 1)
        both = {"ann", "gus"}
        await until(lambda: {row["user"] for row in owner.ask("api/targets/desk/viewers").json()} == both)


async def test_a_guest_who_may_control_types(hub, invite, owner):
    gil = invite("gil", "control")
    async with working(gil) as viewer:
        await viewer.key("c")
        await until(lambda: "key c" in events(hub))
    assert gil.ask("api/desktops/desk", "DELETE").status_code == 403
    assert gil.ask("api/desktops/desk", "POST", json={"action": "restart"}).status_code == 403


def test_a_guest_has_nothing_else_of_the_server(invite):
    gus = invite("gus", "control")
    for path in ("contents", "kernels", "sessions", "terminals", "status", "kernelspecs"):
        assert gus.ask(f"../api/{path}").status_code == 403, path
    assert gus.ask("../api/kernels", "POST", json={}).status_code == 403
    assert gus.ask("../api/terminals", "POST", json={}).status_code == 403


def test_a_page_of_an_error_makes_no_owner_of_a_guest_or_of_another_users_page(hub, invite, owner):
    gus = invite("gus", "view")
    as_page = {"headers": {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}, "allow_redirects": False}
    paths = ["nothing", "view/none", "static/none.js", "../nothing", "../files/x"]
    answers = {path: gus.ask(path) for path in paths}
    answers["owner"] = owner.http.get(owner.root + "static/none.js", timeout=60, **as_page)
    for path, answer in answers.items():
        assert answer.status_code >= 400, path
        assert "<html" in answer.text.lower(), path
        assert not re.search(r'data-jupyter-api-token="[^"]', answer.text), path


def test_a_guest_without_our_scopes_has_nothing_at_all(hub, at_the_hub):
    gus = hub.person("gip").at("ann")
    at_the_hub("POST", json={"user": "gip", "scopes": ["access:servers"]})
    assert gus.enter().status_code == 403
    assert gus.ask("api/targets").status_code == 403


@pytest.mark.parametrize(("name", "status"), [("zoe", 403), ("amy", 403), ("sue", 200), ("wes", 200)])
def test_strangers_and_fellow_students_stay_out_and_instructors_come_in(hub, owner, name, status):
    person = hub.person(name).at("ann")
    assert person.enter().status_code == status
    if status == 200:
        (desk,) = person.ask("api/targets").json()
        assert desk["mode"] == {"sue": "control", "wes": "view"}[name]
        assert person.ask("../api/contents").status_code == 403
    else:
        assert person.ask("api/targets").status_code == 403


async def test_a_former_guest_loses_the_desktop(at_the_hub, invite):
    gus = invite("gus", "view")
    async with looking(gus, "desk") as viewer:
        at_the_hub("DELETE")
        assert await viewer.until_closed() == (4403, "You may no longer use this service.")


#: Why a removed guest's session may end: the removal, or the check of a moment later, which runs each second here.
REMOVED = {
    "The owner no longer shares this desktop with you.",
    "You may no longer use this service.",
    "You may no longer use this desktop.",
}


async def test_a_guest_whom_the_owner_removes_is_out_at_once(owner, invite):
    gus = invite("gus", "view")
    shared = owner.ask("api/shares").json()
    assert (shared["problem"], shared["people"]) == (None, [{"user": "gus", "mode": "view"}])
    (link,) = shared["links"]
    assert link["mode"] == "view"
    assert requests.get(f"{owner.root}api/shares", timeout=PATIENCE, allow_redirects=False).status_code == 403
    assert gus.ask("api/shares").status_code == gus.ask("api/shares/users/gus", "DELETE").status_code == 403
    async with looking(gus, "desk") as viewer:
        assert owner.ask("api/shares/users/gus", "DELETE").status_code == 204
        code, sentence = await viewer.until_closed()
        assert (code, sentence in REMOVED) == (4403, True), sentence
    # The hub's answer to a request of before may be on its way.
    await becomes(lambda: gus.ask("api/targets").status_code, lambda status: status == 403)
    assert owner.ask(f"api/shares/links/{link['id']}", "DELETE").status_code == 204
    assert owner.ask(f"api/shares/links/{link['id']}", "DELETE").status_code == 404
    assert owner.ask("api/shares").json() == {"problem": None, "people": [], "links": []}


async def test_the_owner_ends_a_guests_session(owner, invite):
    gus = invite("gus", "view")
    async with looking(gus, "desk") as viewer:
        (row,) = await becomes(lambda: owner.ask("api/sessions").json(), lambda rows: len(rows) == 1)
        assert (row["user"], row["owner"]) == ("gus", "ann")
        assert owner.ask(f"api/sessions/{row['id']}", "DELETE").status_code == 204
        assert await viewer.until_closed() == (4410, "ann ended this session.")


#: Notes that a page's viewer was not connected, however short that was.
NOTE_BREAKS = """() => {
  const { dataset } = document.querySelector('.jp-VNC');
  const observer = new MutationObserver(() => { window.broken ||= dataset.state !== 'connected'; });
  observer.observe(document.querySelector('.jp-VNC'), { attributes: true });
}"""


@pytest.mark.browser
async def test_page_and_tab_come_back_after_the_hubs_proxy_was_killed(hub, owner, chromium):
    async with window(chromium) as context:
        page = await context.new_page()
        await log_in(page, hub, "ann", "/user/ann/vnc/view/desk")
        await page.wait_for_selector(".jp-VNC[data-state='connected']")
        await page.evaluate(NOTE_BREAKS)
        tab = await context.new_page()
        await tab.goto(f"{hub.url}/user/ann/lab")
        await tab.click(".jp-LauncherCard:has-text('desk')")
        await tab.wait_for_selector(".jp-VNC[data-state='connected']")
        os.kill(int((hub.folder / "jupyterhub-proxy.pid").read_text().split()[0]), signal.SIGKILL)
        await page.wait_for_function("() => window.broken")
        for one in (tab, page):
            await one.bring_to_front()
            await one.wait_for_selector(".jp-VNC[data-state='connected']")
        await page.mouse.move(300, 300)
        await page.keyboard.press("b")
        await until(lambda: "key b" in events(hub))


@pytest.mark.parametrize(
    ("name", "told", "not_told"),
    [
        ("amy", ["Ask them for one"], ["apt install", "VNCBroker", "jupyter vnc check"]),
        ("root", ["in the configuration of this service", "allow_groups"], ["apt install", "your Jupyter server"]),
    ],
)
def test_where_the_service_has_no_target_all_are_told_what_they_can_do(hub, name, told, not_told):
    page = hub.person(name).enter().text
    assert "There is no desktop for you yet" in page
    assert [words for words in told if words not in page] == []
    assert [words for words in not_told if words in page] == []


async def signed_in(context, hub, name):
    """Somebody's page of Ann's desktop."""
    page = await context.new_page()
    await log_in(page, hub, name, "/user/ann/vnc/view/desk")
    # The hub asks each guest once, by whatever way they came first.
    question = page.locator("input[name=scopes]")
    viewer = page.locator(".jp-VNC")
    await question.or_(viewer).first.wait_for(state="attached")
    if await question.count():
        await page.click("input[type=submit], button[type=submit]")
    await page.wait_for_selector(".jp-VNC[data-state='connected']")
    return page


@pytest.mark.browser
async def test_somebody_elses_window_changes_the_size_of_a_desktop_only_while_its_owner_is_away(hub, owner, chromium):
    get = "() => {{ const {{ {0}, {1} }} = document.querySelector('{2}'); return [{0}, {1}]; }}"
    size = get.format("width", "height", ".jp-VNC-screen canvas")
    frame = get.format("clientWidth", "clientHeight", ".jp-VNC-screen")

    async def fits(page):
        """Wait until a desktop is as large as the window, which may find its layout meanwhile; return its size."""
        looks = []
        async with asyncio.timeout(real.PATIENCE):
            while len(looks) < 4 or len({*looks[-4:]}) > 1:
                found, wanted = await page.evaluate(size), await page.evaluate(frame)
                looks = [*looks, tuple(found)] if found == wanted else []
                await asyncio.sleep(0.1)
        return [*looks[-1]]

    async def becomes(page, wanted):
        async with asyncio.timeout(real.PATIENCE):
            while await page.evaluate(size) != wanted:
                await asyncio.sleep(0.1)

    wide, narrow = ({"width": width, "height": height} for width, height in ((1200, 800), (360, 740)))
    async with window(chromium, viewport=wide) as anns, window(chromium, viewport=narrow) as sues:
        ann = await signed_in(anns, hub, "ann")
        whole = await fits(ann)
        sue = await signed_in(sues, hub, "sue")
        # What she asks for is dropped: her picture shows a key that she pressed after that.
        await sue.mouse.move(100, 300)
        await sue.keyboard.press("s")
        await until(lambda: "key s" in events(hub))
        assert await ann.evaluate(size) == await sue.evaluate(size) == whole
        await ann.close()
        assert await fits(sue) != whole
        ann = await anns.new_page()
        await ann.goto(f"{hub.url}/user/ann/vnc/view/desk")
        await becomes(sue, whole)


def room(person):
    """What an instructor's room says of users' servers."""
    assert person.enter().ok
    return person.ask("api/room").json()["servers"]


async def becomes(ask, wanted):
    """Wait until the service has heard something.

    A server reports within seconds; after breaks that were close together it connects again within two minutes.
    """
    async with asyncio.timeout(PATIENCE):
        while not wanted(found := await asyncio.to_thread(ask)):
            await asyncio.sleep(0.2)
    return found


def _is_up(row):
    """Only the owner is there; somebody who was there in a test before may be reported for a moment yet."""
    return [one["user"] for one in row["viewers"]] == ["ann"] and row["desktops"][0]["state"] == "up"


def inputs(rows):
    """When the people in some servers have typed last."""
    return {one["last_input"] for row in rows for one in row["viewers"]}


async def noted(viewer, wanted):
    """Wait until somebody was told something."""
    async with asyncio.timeout(real.PATIENCE):
        while not any(map(wanted, viewer.notes)):
            await viewer.pixel(5, 5)
            await asyncio.sleep(0.05)


async def left(person):
    """Wait until nobody is reported at Ann's desktop: her session of a test before looks like that of this one."""
    await becomes(lambda: of_ann(person), lambda rows: not rows or not rows[0]["viewers"])


async def test_the_course_room_has_the_desktop_in_a_students_server(hub, owner):
    sue = hub.person("sue")
    await left(sue)
    async with working(owner) as viewer:
        (row,) = await becomes(lambda: of_ann(sue), lambda rows: rows and _is_up(rows[0]))
        assert (row["owner"], row["server"]) == ("ann", "")
        assert [(one["target"], one["state"]) for one in row["desktops"]] == [("desk", "up")]
        (there,) = row["viewers"]
        assert (there["user"], there["mode"], there["target"]) == ("ann", "control", "desk")
        await viewer.key("u")
        await becomes(lambda: room(sue), lambda rows: inputs(rows) - {there["last_input"]})
        for name in ("ada", "bea"):
            assert room(hub.person(name)) == []
        text = {"text": "Save your work."}
        bea = hub.person("bea")
        assert bea.enter().ok
        assert bea.ask(f"api/sessions/{there['id']}/messages", "POST", json=text).status_code == 404
        assert bea.ask(f"api/sessions/{there['id']}", "DELETE").status_code == 404
        assert sue.ask(f"api/sessions/{there['id']}/messages", "POST", json=text).status_code == 204
        await noted(viewer, lambda one: (one.get("text"), one.get("sender")) == ("Save your work.", "sue"))
        assert sue.ask(f"api/sessions/{there['id']}", "DELETE").status_code == 204
        assert await viewer.until_closed() == (4410, "sue ended this session.")
    await left(sue)
    # Visits of other tests are there, too.
    visit = lambda: [row for row in attendance(sue) if row["session"] == there["id"]]  # noqa: E731
    (row,) = await becomes(visit, lambda rows: rows and rows[0]["ended"])
    assert (row["user"], row["target"], row["server"], row["courses"]) == ("ann", "desk", "", ["course-s"])
    assert attendance(bea) == []


def attendance(person):
    """What somebody reads of when Ann was at desktops."""
    answer = person.ask("api/attendance?since=2026-01-01T00:00:00Z&until=2199-01-01T00:00:00Z&person=ann")
    return answer.json()["rows"]


async def uplink(hub, token, **headers):
    """Connect as a server does."""
    url = f"{hub.url}/services/vnc/uplink".replace("http", "ws", 1)
    return await websocket_connect(HTTPRequest(url, headers={"Authorization": f"token {token}", **headers}))


def token_of(hub, name):
    """The token in the environment of a user's server."""
    return in_server(hub, name)["JUPYTERHUB_API_TOKEN"]


async def test_a_token_for_everything_a_services_and_a_page_open_no_uplink(hub, owner):
    mine = hub.ask("POST", "/users/ann/tokens", json={"note": "for everything"}).json()["token"]
    for token in (mine, hub.token, "wrong"):
        with pytest.raises(HTTPClientError, match="403"):
            await uplink(hub, token)
    with pytest.raises(HTTPClientError, match="403"):
        await uplink(hub, token_of(hub, "ann"), Origin=hub.url)


@pytest.mark.parametrize("said", ['{"desktops": []}', "[" * 50_000, b"\0"], ids=["shape", "depth", "binary"])
async def test_a_server_that_sends_what_is_no_report_is_closed(hub, owner, said):
    connection = await uplink(hub, token_of(hub, "ann"))
    await connection.write_message(said, binary=isinstance(said, bytes))
    async with asyncio.timeout(real.PATIENCE):
        while await connection.read_message() is not None:
            pass  # a notice
    assert connection.close_code == 4400


@asynccontextmanager
async def staying(viewer):
    """Somebody who goes on looking, and so reads what they are told and answers pings, while others do something."""

    async def look():
        while True:
            await viewer.pixel(5, 5)
            await asyncio.sleep(0.2)

    task = asyncio.create_task(look())
    try:
        yield
        if task.done():
            task.result()
    finally:
        task.cancel()
        await asyncio.wait([task])


async def tells(viewer, wanted):
    """Wait until somebody who goes on looking was told something."""
    await until(lambda: any(map(wanted, viewer.notes)))


@pytest.mark.browser
async def test_the_rooms_page_follows_two_students_servers(hub, owner, chromium):
    await asyncio.to_thread(hub.start_servers, "amy")
    amy, sue = hub.person("amy").at("amy"), hub.person("sue")
    assert amy.enter().ok
    await left(sue)
    async with window(chromium) as context, working(owner) as viewer, staying(viewer):
        page = await context.new_page()
        await log_in(page, hub, "sue", "/services/vnc/room")
        rows = {
            name: page.locator("#people tbody tr", has=page.locator(f"td:text-is('{name}')")) for name in ("ann", "amy")
        }
        await expect(rows["ann"]).to_contain_text("desk · own server")
        assert await rows["amy"].count() == 0, "no desktop runs there yet"
        await page.click("[data-kind=absent]")
        await expect(page.locator("#people tbody td:first-child")).to_have_text(["amy"])
        await page.click("[data-kind=all]")
        async with looking(amy, "desk"):
            await expect(rows["amy"].get_by_role("button")).to_have_text(["Message", "End"])
            await rows["ann"].get_by_text("Message").click()
            await page.fill("dialog textarea", "請儲存")
            await page.locator("dialog").get_by_text("Send").click()
            await expect(page.locator("#result")).to_have_text("The message was sent to ann.")
            await tells(viewer, lambda one: (one.get("text"), one.get("sender")) == ("請儲存", "sue"))
        await expect(rows["amy"]).to_contain_text("away")
        # Whoever looks is told why it ends.
        async with looking(sue, "desk", mode="view", owner="amy", server="") as seen:
            await asyncio.to_thread(hub.stop_server, "amy")
            code, sentence = await seen.until_closed()
            assert code in {1000, 4502}
            assert sentence
        await expect(rows["amy"]).to_contain_text("disconnected")
        await expect(rows["ann"].get_by_text("End")).to_be_visible()
        await rows["ann"].get_by_role("link", name="Look in").click()
        await page.wait_for_selector(".jp-VNC[data-state='connected']")
        await expect(page.get_by_text("Take control")).to_have_count(1)
        await tells(
            viewer, lambda one: ("sue", "view") in [(row["user"], row["mode"]) for row in one.get("viewers", ())]
        )


#: The page by which an instructor looks at Ann's desktop from the course room.
LOOK_IN = "view/desk/of/ann/server/"


def of_ann(person):
    """What somebody sees of Ann's server; Amy's may have been there a moment ago."""
    return [row for row in room(person) if row["owner"] == "ann"]


async def test_an_instructor_looks_into_a_students_server_and_changes_nothing_there(hub, owner):
    sue = hub.person("sue")
    assert sue.enter().ok
    look = {"owner": "ann", "server": ""}
    async with working(owner) as viewer:
        (row,) = await becomes(lambda: of_ann(sue), lambda rows: rows and _is_up(rows[0]))
        assert row["looks"]
        assert sue.ask(LOOK_IN).status_code == 200
        for name in ("ada", "bea", "amy"):
            other = hub.person(name)
            assert other.enter().ok
            assert other.ask(LOOK_IN).status_code == 404, name
            assert other.issue("desk", mode="view", **look)[0] == 404, name
        async with looking(sue, "desk", mode="view", **look) as seen:
            await lit(seen)
            assert seen.size == (size := viewer.size)
            await seen.send(struct.pack(">BxHHBxIHHHHI", 251, 640, 480, 1, 0, 0, 0, 640, 480, 0))
            await seen.copy("from sue")
            await seen.move(*real.LAMP_HAND)
            await seen.key("x")
            await seen.pixel(5, 5)
            await viewer.key("v")
            await becomes(lambda: events(hub), lambda lines: "key v" in lines)
            await seen.until_pixel(*real.LAMP_POINT, lamp.KEY)
            assert "key x" not in events(hub)
            both = [("ann", "control"), ("sue", "view")]
            rows = "api/targets/desk/viewers"
            await until(lambda: [(one["user"], one["mode"]) for one in owner.ask(rows).json()] == both)
            await noted(viewer, lambda one: one["kind"] == "viewers" and "sue" in str(one))
            (there,) = [one for one in owner.ask("api/sessions").json() if one["user"] == "sue"]
            assert owner.ask(f"api/sessions/{there['id']}", "DELETE").status_code == 204
            assert await seen.until_closed() == (4410, "The server of ann says: ann ended this session.")
        assert viewer.size == size
        assert viewer.copied == []


async def test_an_instructor_takes_control_in_a_students_server_and_has_it_alone(hub, owner):
    sue, wes = hub.person("sue"), hub.person("wes")
    assert sue.enter().ok
    assert wes.enter().ok
    look = {"owner": "ann", "server": ""}

    async with working(owner) as viewer:
        keys = typed(hub, "efgh")
        await becomes(lambda: of_ann(sue), lambda rows: rows and _is_up(rows[0]))
        assert wes.issue("desk", mode="control", **look)[0] == 404
        async with looking(sue, "desk", mode="control", **look) as seen:
            await lit(seen)
            await seen.copy("from sue")
            await seen.move(*real.LAMP_HAND)
            await seen.key("e")
            await becomes(keys, lambda lines: lines == ["key e"])
            await seen.websocket.write_message('{"type": "alone", "on": true}')
            await noted(viewer, lambda one: one["kind"] == "held" and (one["by"], one["why"]) == ("sue", "control"))
            await viewer.key("f")
            await viewer.pixel(5, 5)
            await seen.key("g")
            await becomes(keys, lambda lines: lines == ["key e", "key g"])
            viewer.notes.clear()
        # Nobody holds it any more when whoever did has left.
        await noted(viewer, lambda one: one["kind"] == "held" and one["by"] is None)
        await viewer.key("h")
        await becomes(keys, lambda lines: lines == ["key e", "key g", "key h"])
        assert viewer.copied == []


async def test_a_hand_goes_up_in_the_course_room_and_down_when_somebody_looks_in(hub, owner):
    sue = hub.person("sue")
    assert sue.enter().ok

    async def told(viewer, wanted):
        await noted(viewer, lambda one: one["kind"] == "overseen" and wanted(one))
        viewer.notes.clear()

    def hands():
        return [one["hand"] for row in of_ann(sue) for one in row["viewers"] if one["user"] == "ann"]

    async with working(owner) as viewer:
        await told(viewer, lambda note: note["hands"] and note["looks"] and note["since"] is None)
        await viewer.websocket.write_message('{"type": "hand", "up": true}')
        await told(viewer, lambda note: note["since"])
        await becomes(hands, lambda found: len(found) == 1 and found[0])
        async with looking(sue, "desk", mode="view", owner="ann", server="") as seen:
            await lit(seen)
            await told(viewer, lambda note: note["since"] is None)
            await becomes(hands, lambda found: found == [None])
        await viewer.websocket.write_message("hello")
        assert (await viewer.until_closed())[0] == 4400


async def test_users_are_told_that_instructors_may_look(hub, owner):
    sentence = "Instructors may look at the desktops of their courses."
    # The uplink is there a moment after the server.
    await becomes(lambda: owner.enter().text, lambda page: sentence in page)
    assert sentence not in hub.person("amy").enter().text, "who has no desktop there needs no notice"


async def test_an_instructor_holds_the_input_in_a_students_server(hub, owner):
    """Real keys, sent by a viewer that knows nothing of it."""
    sue, ada = hub.person("sue"), hub.person("ada")
    assert sue.enter().ok
    assert ada.enter().ok
    desktop = {"target": "desk", "owner": "ann", "server": ""}

    def ask(person, **more):
        return person.ask("api/room/attention", "POST", json={"desktops": [desktop], **more}).json()

    async def held(viewer, by):
        await noted(viewer, lambda one: one["kind"] == "held" and one["by"] == by)
        viewer.notes.clear()

    async with working(owner) as viewer:
        keys = typed(hub, "mnop")
        await becomes(lambda: of_ann(sue), lambda rows: rows and _is_up(rows[0]))
        await viewer.key("m")
        await becomes(keys, lambda lines: lines == ["key m"])
        assert ask(ada, hold=True)["done"] == 0
        assert ask(sue, hold=True, text="Look here.") == {"done": 1, "missed": []}
        await held(viewer, "sue")
        await viewer.key("n")
        async with working(owner) as again:
            await held(again, "sue")
            await again.key("o")
            await again.pixel(5, 5)  # which is answered after the key was taken
        await viewer.pixel(5, 5)
        assert ask(sue, hold=False)["done"] == 1
        await held(viewer, None)
        await viewer.key("p")
        await becomes(keys, lambda lines: lines == ["key m", "key p"])
