"""The uplink's end in a user's server, while the hub or the service is away or is something else."""

import asyncio
import json
import logging
import time
from types import SimpleNamespace
from typing import ClassVar

import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application
from tornado.websocket import WebSocketHandler

from demo.processes import free_port
from jupyter_vnc.hub.client import NoAnswer
from jupyter_vnc.hub.uplink import server_end
from jupyter_vnc.hub.uplink.server_end import ServerEnd
from jupyter_vnc.model.addresses import DesktopAddress, DesktopSpec
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Mode, Target
from jupyter_vnc.model.users import User
from tests.hub.conftest import until


class Hub:
    """Stands for the hub: gives one answer after the other, the last one for ever."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    async def get(self, path):
        self.asked.append(path)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def made(hub, url="", report=dict, sessions=tuple, **more):
    auth = SimpleNamespace(api_token="secret", certfile="", keyfile="", client_ca="")
    return ServerEnd(auth, url, report, sessions, logging.getLogger("uplink"), hub=hub, **more)


@pytest.mark.parametrize(
    "answer",
    [NoAnswer("HTTP 404: Not Found", status=404), {}, {"url": "file:///x", "prefix": "/"}, {"url": 7, "prefix": 7}],
    ids=str,
)
async def test_without_a_service_the_hub_is_asked_once_and_nobody_is_told(answer, caplog):
    hub = Hub(answer)
    one = made(hub)
    one.start()
    await until(one._task.done)
    await one.close()
    assert hub.asked == ["services/vnc"]
    assert [record for record in caplog.records if record.name == "uplink" and record.levelno > logging.DEBUG] == []


async def test_a_service_that_is_away_is_tried_again_and_the_log_has_one_line(monkeypatch, caplog):
    monkeypatch.setattr(server_end, "FIRST", 0.01)
    monkeypatch.setattr(server_end, "LAST", 0.02)
    tried = []
    hub = Hub(NoAnswer("refused connection"), {"url": f"http://127.0.0.1:{free_port()}", "prefix": "/services/vnc/"})
    one = made(hub)
    connect = one._connect

    async def counted(url):
        tried.append(url)
        return await connect(url)

    monkeypatch.setattr(one, "_connect", counted)
    one.start()
    await until(lambda: len(tried) > 2)
    await one.close()
    assert hub.asked == ["services/vnc"] * (1 + len(tried)), "the hub is asked again before each try"
    assert len([record for record in caplog.records if "No uplink" in record.message]) == 1
    assert "secret" not in caplog.text


class Service(WebSocketHandler):
    """Stands for the service, over a real websocket: says something, and then drops or stays."""

    says: ClassVar[list[str]] = []
    #: Of the first connections.
    drops: ClassVar[int] = 0
    came: ClassVar[list["Service"]] = []

    def open(self):
        self.came.append(self)
        for text in self.says:
            self.write_message(text)
        if len(self.came) <= self.drops:
            self.close()

    def on_message(self, message):
        self.report = json.loads(message)


@pytest.fixture
def service(jp_asyncio_loop):
    """A service of this test's own."""
    kind = type("Service", (Service,), {"says": [], "came": []})
    server = HTTPServer(Application([(r"/services/vnc/uplink", kind)]))
    (listening,) = bind_sockets(0, "127.0.0.1")
    jp_asyncio_loop.run_until_complete(_listen(server, listening))
    kind.url = f"http://127.0.0.1:{listening.getsockname()[1]}/services/vnc/"
    yield kind
    server.stop()
    jp_asyncio_loop.run_until_complete(server.close_all_connections())


async def _listen(server, listening):
    server.add_socket(listening)


async def test_the_token_is_not_shown_to_an_address_that_the_hub_no_longer_names(service, monkeypatch, caplog):
    monkeypatch.setattr(server_end, "FIRST", 0.01)
    monkeypatch.setattr(server_end, "LAST", 0.02)
    service.drops = 1000
    here, there = service.url.removesuffix("/services/vnc/"), f"http://127.0.0.1:{free_port()}"
    prefix = {"prefix": "/services/vnc/"}
    answers = [{"url": here, **prefix}, NoAnswer("HTTP 404: Not Found", status=404), {}, {"url": there, **prefix}]
    hub = Hub(*answers)
    one = made(hub)
    one.start()
    await until(lambda: len(hub.asked) >= 6)
    assert not one._task.done()
    await one.close()
    assert len(service.came) == 1
    assert len([record for record in caplog.records if "No uplink" in record.message]) == 1


async def test_a_configured_address_is_kept_and_the_hub_is_never_asked(service, monkeypatch):
    monkeypatch.setattr(server_end, "FIRST", 0.01)
    service.drops = 1000
    hub = Hub({})
    one = made(hub, service.url)
    one.start()
    await until(lambda: len(service.came) >= 3)
    await one.close()
    assert hub.asked == []


async def test_a_service_that_accepts_and_drops_is_tried_ever_later(service, monkeypatch, caplog):
    monkeypatch.setattr(server_end, "FIRST", 0.01)
    service.drops = 1000
    one = made(Hub({}), service.url)
    caplog.set_level(logging.INFO)
    begun = time.monotonic()
    one.start()
    await until(lambda: len(service.came) == 8)
    assert time.monotonic() - begun > sum(0.01 / 2 * 2**nth for nth in range(7)), "each pause is twice as long"
    await one.close()
    assert [record.levelname for record in caplog.records if record.name == "uplink"] == ["WARNING"]


async def test_a_connection_that_lasts_ends_the_outage(service, monkeypatch, caplog):
    monkeypatch.setattr(server_end, "FIRST", 0.01)
    monkeypatch.setattr(server_end, "SPREAD", 0.01)
    service.drops = 3
    one = made(Hub({}), service.url)
    connect, tried = one._connect, []

    async def counted(url):
        # Only the fourth lasts, however busy the machine is that has to see the end of the others.
        tried.append(url)
        monkeypatch.setattr(server_end, "LASTING", 0.05 if len(tried) == 4 else 3600)
        return await connect(url)

    monkeypatch.setattr(one, "_connect", counted)
    caplog.set_level(logging.INFO)
    one.start()
    await until(lambda: "works again" in caplog.text)
    assert len(service.came) == 4
    service.came[-1].close()
    await until(lambda: len(service.came) == 5)
    assert one._delay == 0.02, "as after the first failure"
    await one.close()


async def test_the_servers_of_a_class_do_not_come_back_at_one_moment(monkeypatch):
    spans = []
    monkeypatch.setattr(server_end.random, "uniform", lambda *span: spans.append(span) or span[1])
    one = made(Hub({}))
    assert [one._pause(), one._pause()] == [1.0, 2.0]
    one._lasts()
    assert [one._pause(), one._pause(), one._pause()] == [10.0, 2.0, 4.0]
    assert spans == [(0.5, 1.0), (1.0, 2.0), (0.0, 10.0), (1.0, 2.0), (2.0, 4.0)]


MESSAGE = {"type": "message", "session": "a" * 16, "sender": "sue", "text": "Hello"}
ENDED = {"type": "end", "session": "b" * 16, "sender": "sue"}


async def test_a_notice_is_for_the_session_that_it_names(service):
    desk = Target(name="desk", address=DesktopAddress(DesktopSpec()))
    sessions = [Session(User("ann"), desk, Mode.CONTROL, id=letter * 16) for letter in "ab"]
    shown = {one.id: [] for one in sessions}
    for one in sessions:
        one.tell = shown[one.id].append
    service.says = [json.dumps(said) for said in (MESSAGE | {"session": "c" * 16}, MESSAGE, ENDED)]
    server_end = made(Hub({}), service.url, sessions=lambda: sessions)
    server_end.start()
    await until(lambda: sessions[1].error is not None)
    await server_end.close()
    assert shown == {"a" * 16: [{"kind": "message", "text": "Hello", "sender": "sue"}], "b" * 16: []}
    assert sessions[0].error is None


FALSE = {
    "kind": {**MESSAGE, "type": "open"},
    "more": {**MESSAGE, "run": "xterm"},
    "sender": {**MESSAGE, "sender": ""},
    "no sender": {"type": "end", "session": "a" * 16},
    "text": {**MESSAGE, "text": "x" * 501},
    "an end with a text": {**MESSAGE, "type": "end"},
    "session": {**MESSAGE, "session": "*"},
}


@pytest.mark.parametrize("said", FALSE.values(), ids=FALSE)
async def test_what_is_no_notice_ends_the_connection(service, caplog, said):
    service.says = [json.dumps(said)]
    one = made(Hub({}), service.url)
    one.start()
    await until(lambda: "No uplink" in caplog.text)
    await one.close()


@pytest.fixture
def no_refill(monkeypatch):
    """Nothing of a limit comes back while a test runs, however long it takes."""
    monkeypatch.setattr(server_end, "PER_MINUTE", 0.001)


async def test_one_notice_too_many_is_left_out_and_the_connection_stays(service, no_refill, caplog):
    desk = Target(name="desk", address=DesktopAddress(DesktopSpec()))
    sessions = [Session(User("ann"), desk, Mode.CONTROL, id=letter * 16) for letter in "ab"]
    shown, looked = [], asyncio.Event()
    sessions[0].tell = shown.append

    async def look(*args):
        raise AssertionError

    one = made(Hub({}), service.url, sessions=lambda: sessions, look=look)
    one._show_desktop = lambda *args: asyncio.sleep(0, looked.set())
    look_in = {"type": "look", "target": "desk", "sender": "sue", "token": "t" * 43}
    service.says = [json.dumps(said) for said in [MESSAGE] * (server_end.BURST + 10) + [look_in]]
    one.start()
    await until(looked.is_set)
    assert len(shown) == server_end.BURST, "a look has a limit of its own"
    assert one.connected
    assert len(service.came) == 1
    await one.close()
    assert "No uplink" not in caplog.text


async def test_a_wall_that_closes_is_never_left_out(service, no_refill):
    states = []
    one = made(Hub({}), service.url, changed=lambda: states.append(one.walled))
    wall = [{"type": "wall", "on": on} for on in (True, False)]
    service.says = [json.dumps(said) for said in [wall[0], *[MESSAGE] * (server_end.BURST + 10), wall[1]]]
    one.start()
    await until(lambda: states == [False, True, False])
    assert one.connected
    await one.close()


async def test_notices_without_end_end_the_connection(service, no_refill, caplog):
    service.says = [json.dumps(MESSAGE)] * (server_end.FLOOD * server_end.BURST + 10)
    one = made(Hub({}), service.url)
    one.start()
    await until(lambda: "Too many notices" in caplog.text)
    await one.close()


async def test_a_report_that_fails_does_not_leave_an_old_one_there(service, monkeypatch, caplog):
    monkeypatch.setattr(server_end, "PAUSE", 0.01)
    reports = [{"desktops": [1]}]

    def report():
        return reports[0]

    one = made(Hub({}), service.url, report)
    one.start()
    await until(lambda: service.came and getattr(service.came[0], "report", None) == reports[0])
    reports.clear()
    await until(lambda: service.came[0].close_code is not None or service.came[0].ws_connection is None)
    await until(lambda: "list index out of range" in caplog.text)
    await one.close()


async def test_closing_what_was_never_started_is_nothing():
    await made(Hub({})).close()
    assert asyncio.all_tasks() == {asyncio.current_task()}
