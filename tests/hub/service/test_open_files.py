"""A course that needs more open files than the service may have: all are in, or refused with a sentence."""

import asyncio
import re

import psutil
import pytest
import requests

from jupyter_vnc.system import descriptors
from tests.fakes.flood import flood
from tests.integration.viewer import Viewer

#: How many viewers come at once.
AT_ONCE = 20
SENTENCE = "The server has no room for another desktop at present. Try again in a moment."

FEW = pytest.param((256, 256), 70, id="few")
MANY = pytest.param((1024, 1024), 600, id="many", marks=[pytest.mark.endurance, pytest.mark.timeout(900)])
RAISED = pytest.param((1024, 4096), 600, id="raised", marks=[pytest.mark.endurance, pytest.mark.timeout(900)])

CONFIG = """
c.VNCBroker.tokens_per_minute = c.VNCBroker.sessions_per_user = 0
c.VNCBroker.tokens_per_user = 1000
c.VNCBroker.sessions_total = 700
c.VNCBroker.targets = {"screen": {"host": "127.0.0.1", "port": %d, "mode": "view", "allow_groups": ["course-a"]}}
"""


async def comes(person, there):
    """One viewer: in at last, which is None, or the sentence with which it was refused."""
    status, grant = await asyncio.to_thread(person.issue, "screen")
    if status == 429:
        return grant["message"]
    assert status == 201, grant
    viewer = Viewer(await person.connect(grant["token"]))
    there.append(viewer.websocket)
    try:
        await viewer.log_in()
    except EOFError:
        assert viewer.websocket.close_code == 4429, viewer.websocket.close_reason
        return viewer.websocket.close_reason
    return None


@pytest.mark.parametrize(("files", "viewers"), [FEW, MANY, RAISED])
async def test_all_are_in_or_refused_with_a_sentence(the_hub, tmp_path, files, viewers):
    there, outcomes = [], []
    with flood(floods=False) as server, the_hub.serving(tmp_path, CONFIG % server.port, files=files) as hub:
        person = hub.person("ann")
        assert person.enter().ok
        for begin in range(0, viewers, AT_ONCE):
            group = (comes(person, there) for _ in range(min(AT_ONCE, viewers - begin)))
            outcomes += await asyncio.gather(*group)
        fits = (files[1] - min(descriptors.RESERVE, files[1] // 4)) // descriptors.SESSION
        came_in = min(viewers, fits)
        async with asyncio.timeout(60):
            # The requests of a crowd need files, too: whoever was refused comes again in a moment.
            while outcomes.count(None) < came_in:
                outcomes.append(await comes(person, there))
        if viewers > fits:
            outcomes.append(await comes(person, there))
        assert {one for one in outcomes if one} <= {SENTENCE}
        assert outcomes.count(None) == came_in, "as many as fit, and no more"
        process = psutil.Process(hub.service.pid)
        assert process.num_fds() < files[1]
        assert requests.get(f"{hub.url}/services/vnc/health", timeout=60).ok
        assert len(person.ask("api/sessions").json()) == came_in
        for websocket in there:
            websocket.close()
        lines = [
            line for line in hub.log("service").splitlines() if not re.search(r"Session \w+: ann (opens|left)", line)
        ]
        assert len(lines) < 100, lines[-100:]
        assert "Traceback" not in hub.log("service")
        assert ("The limit of open files is" in hub.log("service")) == (files[1] < descriptors.needed(700))
