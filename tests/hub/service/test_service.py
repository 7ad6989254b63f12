"""The service in a real hub: who logs in, sees what, looks at what, and loses it again."""

import asyncio
import re
from http.cookiejar import DefaultCookiePolicy

import jupyterhub
import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families
from tornado.httpclient import HTTPClientError

from jupyter_vnc import routes
from jupyter_vnc.hub.handlers import HUB_ROUTES
from tests.hub.conftest import looking, until
from tests.hub.service.conftest import COLOURS, METRICS_TOKEN, targets
from tests.test_auth import UPGRADE, path_of, served

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def hub(the_hub, tmp_path_factory, servers):
    """A service with two courses; sessions are rechecked each second."""
    config = targets(servers, a1="course-a", a2="course-a", b1="course-b")
    folder = tmp_path_factory.mktemp("service")
    (folder / "metrics-token").write_text(METRICS_TOKEN)
    (folder / "metrics-token").chmod(0o600)
    config += 'c.VNCBroker.recheck_interval = 1\nc.VNCHub.metrics_token_file = "metrics-token"\n'
    with the_hub.serving(folder, config) as serving:
        yield serving


@pytest.mark.parametrize(
    ("name", "modes"),
    [
        ("ann", {"a1": "control", "a2": "control"}),
        ("bob", {"b1": "control"}),
        ("ada", {"a1": "control", "a2": "control"}),
        ("bea", {"b1": "control"}),
        ("sid", {"b1": "control"}),  # by a group of instructors
        ("wim", {"a1": "view", "a2": "view"}),
        ("root", {"a1": "control", "a2": "control", "b1": "control"}),
    ],
)
def test_all_users_see_their_own_targets(enter, name, modes):
    person = enter(name)
    assert {row["name"]: row["mode"] for row in person.ask("api/targets").json()} == modes
    for target in COLOURS:
        seen = target in modes
        assert person.ask(f"view/{target}").status_code == (200 if seen else 404)
        status, answer = person.issue(target)
        assert status == (201 if seen else 404), answer


def test_a_target_that_is_not_permitted_and_one_that_does_not_exist_give_one_answer(enter):
    ann = enter("ann")
    assert ann.issue("b1") == ann.issue("no-such")


async def test_a_student_works_on_their_courses_machines_over_tcp_and_unix_sockets(enter, servers):
    ann = enter("ann")
    for target in ("a1", "a2"):
        async with looking(ann, target) as viewer:
            await viewer.until_pixel(5, 5, COLOURS[target])
            with servers[target].watching() as window:
                await viewer.move(200, 200)
                await viewer.key("g")
                await until(lambda w=window: "key g" in w.events)
        for secret in ("s3cret-99", str(servers["a1"].keys().get("port")), "vnc.sock"):
            assert secret.encode() not in bytes(viewer.seen)


def test_a_user_without_access_gets_the_hubs_own_page(hub):
    stranger = hub.person("zoe")
    assert stranger.enter().status_code == 403
    assert stranger.ask("api/targets").status_code == 403


def test_a_page_without_a_login_leads_to_the_hub_and_back(hub):
    answer = requests.get(f"{hub.url}/services/vnc/view/a1", allow_redirects=False, timeout=60)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/hub/api/oauth2/authorize?")
    # Clients before 6.0 know no PKCE.
    assert ("code_challenge" in answer.headers["Location"]) is (jupyterhub.version_info >= (6,))


#: Every route of the service and each of its verbs, but the one for monitoring.
ROUTES = [
    (path_of(pattern), verb)
    for pattern, handler, _ in [*HUB_ROUTES, *(one for one in routes.ROUTES if one not in routes.NOTEBOOK_ROUTES)]
    for verb in served(handler)
    if pattern != "/health"
]


def nobody():
    """Somebody's browser that keeps no cookies."""
    http = requests.Session()
    http.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return http


def walk(http, hub, headers=None, only=lambda verb: True):
    """Ask for everything; yield what was asked for with its answer."""
    for path, verb in ROUTES:
        if only(verb):
            more = UPGRADE if path in {"/ws", "/stream"} else {}
            body = {"json": {"target": "a1"}} if verb == "POST" else {}
            how = {"headers": {**(headers or {}), **more}, "allow_redirects": False, "timeout": 20, **body}
            yield f"{verb} {path}", http.request(verb, f"{hub.url}/services/vnc{path}", **how)


def refused(answer):
    """Whether the answer is a refusal: forbidden, or to the hub's login."""
    if answer.status_code == 302:
        return answer.headers["Location"].startswith("/hub/api/oauth2/authorize?")
    return answer.status_code == 403


def test_the_walk_over_the_routes_has_the_rooms():
    assert {("/room", "GET"), ("/api/room", "GET"), ("/ws", "GET"), ("/api/tokens", "POST")} <= {*ROUTES}


@pytest.mark.parametrize("headers", [{}, {"Authorization": "token wrong"}, {"Cookie": "service-vnc=wrong"}], ids=str)
def test_no_route_answers_without_a_login(hub, headers):
    for asked, answer in walk(nobody(), hub, headers):
        assert refused(answer), f"{asked}: {answer.status_code}"


def test_no_route_answers_somebody_of_the_hub_without_access(hub):
    stranger = hub.person("zoe")
    assert stranger.enter().status_code == 403
    for asked, answer in walk(stranger.http, hub):
        assert refused(answer), f"{asked}: {answer.status_code}"


def test_no_route_answers_another_sites_page(hub, enter):
    ann = enter("ann")
    for origin in ("http://evil.example", "null", f"{hub.url}.evil.example"):
        for asked, answer in walk(ann.http, hub, {"Origin": origin, "Sec-Fetch-Mode": "cors"}):
            assert refused(answer), f"{asked} from {origin}: {answer.status_code}"


def test_nothing_changes_without_the_header_of_this_path(hub, enter):
    ann = enter("ann")
    for asked, answer in walk(ann.http, hub, {"Origin": hub.url}, only=lambda verb: verb not in {"GET", "HEAD"}):
        assert answer.status_code == 403, f"{asked}: {answer.status_code}"


@pytest.mark.parametrize(("name", "status"), [("ann", 403), ("wim", 403), ("ada", 200), ("root", 200)])
def test_the_room_is_for_instructors(enter, name, status):
    person = enter(name)
    assert {person.ask(path).status_code for path in ("room", "api/room")} == {status}


def test_asking_for_a_token_needs_the_header_of_this_path(enter):
    ann = enter("ann")
    for headers in ({}, {"X-XSRFToken": "wrong"}, {"X-XSRFToken": "wrong", "Sec-Fetch-Mode": "no-cors"}):
        answer = ann.http.post(f"{ann.root}api/tokens", json={"target": "a1"}, headers=headers, timeout=60)
        assert answer.status_code == 403, headers


async def only_session(person):
    """The one session that they see; that of a test before may be listed for a moment yet."""
    async with asyncio.timeout(30):
        while len(found := person.ask("api/sessions").json()) != 1:
            await asyncio.sleep(0.05)
    return found[0]


async def test_another_users_token_is_refused_not_spent_and_logged(hub, enter):
    ann, amy = enter("ann"), enter("amy")
    _, grant = ann.issue("a1")
    with pytest.raises(HTTPClientError) as refused:
        await amy.connect(grant["token"])
    assert refused.value.code == 403
    await until(lambda: "of another user was presented" in hub.log("service"))
    assert grant["token"] not in hub.log() + hub.log("service")
    websocket = await ann.connect(grant["token"])
    websocket.close()
    with pytest.raises(HTTPClientError):
        await ann.connect(grant["token"])


def people_of(note):
    """Who is at a desktop, as a note says it."""
    return {(row["user"], row["mode"], row["you"]) for row in note.get("viewers", ())}


async def test_an_instructor_sees_and_opens_their_courses_sessions_only(hub, enter):
    ann, bob, ada, bea, root = (enter(name) for name in ("ann", "bob", "ada", "bea", "root"))
    async with looking(ann, "a1") as student, looking(bob, "b1"):
        session, other = await only_session(ada), await only_session(bea)
        seen = {one.name: {row["user"] for row in one.ask("api/room").json()["sessions"]} for one in (ada, bea, root)}
        assert seen == {"ada": {"ann"}, "bea": {"bob"}, "root": {"ann", "bob"}}
        assert other["user"] == "bob"
        assert ann.ask("api/room").status_code == 403
        assert bea.ask(f"api/sessions/{session['id']}", "DELETE").status_code == 404
        assert bea.issue("a1", owner="ann")[0] == 404
        async with looking(ada, "a1", owner="ann", mode="view") as instructor:
            await instructor.until_pixel(5, 5, COLOURS["a1"])
            await student.until_pixel(5, 5, COLOURS["a1"])
            both = {("ann", "control", True), ("ada", "view", False)}
            async with asyncio.timeout(30):
                while both not in map(people_of, student.notes):  # the student is told who came
                    await student.until_pixel(5, 5, COLOURS["a1"])
                    await asyncio.sleep(0.05)
            rows = ann.ask("api/targets/a1/viewers").json()
            assert [(row["user"], row["mode"]) for row in rows if not row["you"]] == [("ada", "view")]
    await until(lambda: "ada opens a1 of ann (view)" in hub.log("service"))
    await until(lambda: "ada left a1 of ann after" in hub.log("service"))


async def test_an_instructor_sends_a_message_and_ends_a_session(hub, enter):
    ann, ada, bea = enter("ann"), enter("ada"), enter("bea")
    async with looking(ann, "a1") as student:
        session = await only_session(ada)
        path = f"api/sessions/{session['id']}"
        assert bea.ask(f"{path}/messages", "POST", json={"text": "x"}).status_code == 404
        for bad in ("", "  ", "x" * 501, None, 7):
            assert ada.ask(f"{path}/messages", "POST", json={"text": bad}).status_code == 400
        assert ada.ask(f"{path}/messages", "POST", json={"text": "Bitte speichern 保存"}).status_code == 204
        await student.until_note({"kind": "message", "text": "Bitte speichern 保存", "sender": "ada"})
        assert ada.ask(path, "DELETE").status_code == 204
        assert await student.until_closed() == (4410, "ada ended this session.")
    left = re.compile(rf"{session['id']}: ann left a1 .*code 4410: ada ended this session\.\n")
    await until(lambda: left.search(hub.log("service")))
    assert "ada sends ann, at a1, a message of 18 characters" in hub.log("service")
    assert hub.log("service").count(f"{session['id']}: ann left a1") == 1


async def test_a_viewer_that_takes_no_notes_gets_none(enter):
    ann, ada = enter("ann"), enter("ada")
    async with looking(ann, "a1", notes=False) as student:
        session = await only_session(ada)
        answer = ada.ask(f"api/sessions/{session['id']}/messages", "POST", json={"text": "hello"})
        assert (answer.status_code, answer.json()["reason"]) == (409, "busy")
        await student.until_pixel(5, 5, COLOURS["a1"])
        assert student.notes == []


async def test_a_user_who_leaves_the_group_loses_the_session(hub, enter):
    amy = enter("amy")
    async with looking(amy, "a1") as viewer:
        hub.ask("DELETE", "/groups/course-a/users", json={"users": ["amy"]})
        try:
            assert await viewer.until_closed() == (4403, "You may no longer use this service.")
        finally:
            hub.ask("POST", "/groups/course-a/users", json={"users": ["amy"]})


async def test_logging_out_of_the_hub_ends_the_session(hub, enter):
    amy = enter("amy")
    async with looking(amy, "a1") as viewer:
        amy.http.get(f"{hub.url}/hub/logout", timeout=60)
        assert await viewer.until_closed() == (4401, "Your login has expired. Log in again.")


async def test_a_session_that_is_permitted_goes_on_through_its_rechecks(enter):
    ann = enter("ann")
    async with looking(ann, "a1") as viewer:
        await asyncio.sleep(2.5)  # two rechecks
        await viewer.until_pixel(5, 5, COLOURS["a1"])


async def test_nobody_new_gets_a_target_in_maintenance_until_it_is_back(enter):
    root, ann, amy = enter("root"), enter("ann"), enter("amy")

    def state():
        return next(row["state"] for row in amy.ask("api/targets").json() if row["name"] == "a1")

    async with looking(ann, "a1") as viewer:
        assert ann.ask("api/machines/a1", "PUT", json={"maintenance": True}).status_code == 403
        answer = root.ask("api/machines/a1", "PUT", json={"maintenance": True})
        assert answer.json() == {"maintenance": True, "machines": []}
        try:
            status, refusal = amy.issue("a1")
            assert (status, refusal["message"]) == (409, "This desktop is in maintenance. Try again later.")
            assert state() == "maintenance"
            await viewer.until_pixel(5, 5, COLOURS["a1"])
        finally:
            assert root.ask("api/machines/a1", "PUT", json={"maintenance": False}).ok
    assert state() != "maintenance"
    assert amy.issue("a1")[0] == 201


SCRAPER = {"Authorization": f"Bearer {METRICS_TOKEN}"}


def scrape(hub, headers=SCRAPER):
    """Ask for the metrics as Prometheus does; return the response."""
    return requests.get(f"{hub.url}/services/vnc/metrics", headers=headers, allow_redirects=False, timeout=60)


def sample(hub, name, **labels):
    """The value of a metric of the service."""
    families = text_string_to_metric_families(scrape(hub).text)
    (value,) = (s.value for one in families for s in one.samples if (s.name, s.labels) == (name, labels))
    return value


def test_metrics_are_for_admins_and_for_their_token(hub, enter):
    for name in ("ann", "ada", "max", "zoe"):
        person = hub.person(name)
        person.enter()
        assert person.ask("metrics").status_code == 403, name
    for answer in (enter("root").ask("metrics"), scrape(hub)):
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        assert "\njupyter_vnc_sessions " in answer.text


@pytest.mark.parametrize("sent", ["Bearer wrong", "Bearer ", f"Bearer {METRICS_TOKEN}x", "Bearer té", METRICS_TOKEN])
def test_metrics_are_not_for_another_token(hub, sent):
    assert refused(scrape(hub, {"Authorization": sent.encode()}))


def test_the_token_of_metrics_is_in_the_header_and_nowhere_else(hub):
    for where in ({"params": {"token": METRICS_TOKEN}}, {"cookies": {"service-vnc": METRICS_TOKEN}}):
        assert refused(requests.get(f"{hub.url}/services/vnc/metrics", allow_redirects=False, timeout=60, **where))


def test_the_token_of_metrics_opens_nothing_else(hub):
    for asked, answer in walk(nobody(), hub, SCRAPER):
        assert refused(answer) != asked.endswith(" /metrics"), f"{asked}: {answer.status_code}"
    assert METRICS_TOKEN not in hub.log() + hub.log("service")


async def test_metrics_count_what_happens_in_the_service(hub, enter):
    ann = enter("ann")
    written = {"kind": "write"}

    def counts():
        return [
            sample(hub, "jupyter_vnc_sessions"),
            sample(hub, "jupyter_vnc_tokens_total", action="redeem", outcome="ok"),
            sample(hub, "jupyter_vnc_tokens_total", action="redeem", outcome="token_refused"),
        ]

    await until(lambda: sample(hub, "jupyter_vnc_sessions") == 0)  # those of the tests before this one are gone
    before, transactions = counts(), sample(hub, "jupyter_vnc_database_transaction_seconds_count", **written)
    async with looking(ann, "a1"):
        with pytest.raises(HTTPClientError):
            await ann.connect("no-token-of-ours")
        assert [now - then for now, then in zip(counts(), before, strict=True)] == [1, 1, 1]
    await until(lambda: sample(hub, "jupyter_vnc_sessions") == 0)
    assert sample(hub, "jupyter_vnc_database_transaction_seconds_count", **written) - transactions >= 2
    for private in ("ann", "a1", "s3cret-99", METRICS_TOKEN):
        assert f'"{private}"' not in scrape(hub).text


async def test_who_was_at_which_desktop_is_told_to_those_who_manage_it(enter):
    root, ann = enter("root"), enter("ann")

    def visits():
        return root.ask("api/visits").json()

    def sessions():
        return {row["id"] for row in ann.ask("api/sessions").json() if row["target"] == "a2"}

    before, others = {row["session"] for row in visits()}, sessions()
    async with looking(ann, "a2") as viewer:
        await viewer.until_pixel(5, 5, COLOURS["a2"])
        (session,) = sessions() - others
        await until(lambda: session in {row["session"] for row in visits()})
        (row,) = [row for row in visits() if row["session"] == session]
        assert session not in before
        assert row["began"]
        assert row == {
            "session": session,
            "user": "ann",
            "owner": "ann",
            "target": "a2",
            "machine": None,
            "mode": "control",
            "began": row["began"],
            "ended": None,
            "cause": "",
        }
    await until(lambda: next(row for row in visits() if row["session"] == session)["ended"])
    assert next(row for row in visits() if row["session"] == session)["cause"]
    ada, bea = enter("ada"), enter("bea")
    for nobody in (ann, ada):
        assert nobody.ask("api/visits").status_code == 403
    asked = "api/attendance?since=2026-01-01T00:00:00Z&until=2199-01-01T00:00:00Z"
    for reader in (ada, enter("max"), root):  # an instructor, who manages the course's targets, and an admin
        (seen,) = [row for row in reader.ask(asked).json()["rows"] if row["session"] == session]
        assert (seen["user"], seen["target"], seen["courses"]) == ("ann", "a2", ["course-a"])
        assert seen["ended"]
        file = reader.ask(f"{asked}&format=csv")
        assert file.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert f"ann,course-a,a2,,,{seen['began']},{seen['ended']},{seen['seconds']}\r\n" in file.text
    assert "ann" not in {row["user"] for row in bea.ask(asked).json()["rows"]}
    assert "ann" not in bea.ask(f"{asked}&format=csv").text
    for path in (asked, "attendance"):
        assert ann.ask(path).status_code == 403
    assert ada.ask("attendance").ok
    assert ada.ask("api/attendance?since=2026-01-01&until=x").status_code == 400


def test_no_traceback_was_logged_in_all_of_this(hub):
    assert "Traceback" not in hub.log() + hub.log("service")
