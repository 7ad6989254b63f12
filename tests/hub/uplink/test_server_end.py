"""The uplink's end in a user's server, while the hub or the service is away or is something else."""

import asyncio
import logging
from types import SimpleNamespace

import pytest

from demo.demo import free_port
from jupyter_vnc.hub.client import NoAnswer
from jupyter_vnc.hub.uplink import server_end
from jupyter_vnc.hub.uplink.server_end import ServerEnd
from jupyter_vnc.model.session_registry import SessionRegistry
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


def made(hub, url=""):
    auth = SimpleNamespace(api_token="secret", certfile="", keyfile="", client_ca="")
    return ServerEnd(auth, url, dict, SessionRegistry(), logging.getLogger("uplink"), hub=hub)


@pytest.mark.parametrize(
    "answer",
    [NoAnswer("HTTP 404: Not Found", refused=True), {}, {"url": "file:///x", "prefix": "/"}, {"url": 7, "prefix": 7}],
    ids=str,
)
async def test_without_a_service_the_hub_is_asked_once_and_nobody_is_told(answer, caplog):
    hub = Hub(answer)
    one = made(hub)
    one.start()
    await until(one._task.done)
    await one.close()
    assert hub.asked == ["services/vnc"]
    assert [record for record in caplog.records if record.levelno > logging.DEBUG] == []


async def test_a_service_that_is_away_is_tried_again_and_the_log_has_one_line(monkeypatch, caplog):
    monkeypatch.setattr(server_end, "FIRST", 0.01)
    monkeypatch.setattr(server_end, "LAST", 0.02)
    tried = []
    hub = Hub(NoAnswer("refused connection"), {"url": f"http://127.0.0.1:{free_port()}", "prefix": "/services/vnc/"})
    one = made(hub)
    connect = one._connect

    async def counted():
        tried.append(None)
        return await connect()

    monkeypatch.setattr(one, "_connect", counted)
    one.start()
    await until(lambda: len(tried) > 2)
    await one.close()
    assert hub.asked == ["services/vnc"] * 2
    assert len([record for record in caplog.records if "No uplink" in record.message]) == 1
    assert "secret" not in caplog.text


async def test_closing_what_was_never_started_is_nothing():
    await made(Hub({})).close()
    assert asyncio.all_tasks() == {asyncio.current_task()}
