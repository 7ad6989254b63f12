"""Pools with real machines: one each, a fair queue, and nobody loses anything when the service restarts."""

import asyncio
import json
import sqlite3
from collections import Counter
from contextlib import AsyncExitStack, ExitStack, closing

import pytest

from jupyter_vnc.hub.app import LEASES
from jupyter_vnc.pools import state_file
from jupyter_vnc.pools.merge import NOTHING
from tests.hub.conftest import until
from tests.hub.service.conftest import STUDENTS
from tests.integration import real
from tests.integration.viewer import Viewer
from tests.needs import require

PASSWORD = "s3cret-77"

pytestmark = pytest.mark.timeout(700)  # the sum of what its steps may take

#: Machines, and students who want one.
FEW = pytest.param((5, 8), id="few")
MANY = pytest.param((20, 30), id="many", marks=pytest.mark.endurance)


@pytest.fixture(scope="module", params=[FEW, MANY])
def scale(request):
    return request.param


@pytest.fixture
def names(scale):
    """The students who come."""
    return STUDENTS[: scale[1]]


@pytest.fixture(scope="module")
def machines(tmp_path_factory, scale):
    """Real machines, of which each has a colour of its own."""
    require("Xtigervnc")
    with ExitStack() as stack:
        started = {}
        for number in range(scale[0]):
            folder = tmp_path_factory.mktemp(f"m{number}")
            server = stack.enter_context(real.tigervnc(folder, password=PASSWORD, unix=True))
            server.run("xsetroot", "-solid", f"#20{number * 10:02x}80")
            started[f"m{number:02}"] = server
        yield started


@pytest.fixture(scope="module")
def hub(the_hub, tmp_path_factory, machines):
    """A service that can be restarted. A machine that is not there is set aside, and not tried again here."""
    keys = {name: server.keys() for name, server in machines.items()}
    keys["m99"] = {"socket": "/nonexistent/vnc.sock"}
    pool = {"machines": keys, "idle_timeout": 3600, "retry_after": 900}
    config = f"c.VNCBroker.targets = {{'lab': {{'pool': {pool!r}, 'allow_groups': ['course-a']}}}}\n"
    folder = tmp_path_factory.mktemp("service")
    (folder / LEASES).write_bytes(state_file.encode({"older": {**NOTHING, "queue": [{"user": "ann", "since": 5}]}}))
    with the_hub.serving(folder, config) as serving:
        yield serving


class Student:
    """A user who waits for a machine and then views it; reconnects when the service was away."""

    def __init__(self, person):
        self.person = person
        self.viewer = None
        self.task = None

    def arrive(self):
        """Open the desktop, and wait as long as it takes."""
        self.task = asyncio.create_task(self._look())
        return self

    async def _look(self):
        websocket = await self.person.open("lab", "vnc.notes")
        self.viewer = Viewer(websocket)
        await self.viewer.log_in()
        return await self.viewer.pixel(5, 5)

    @property
    def place(self):
        """The last place that they were told; 0 if none."""
        notes = [note for note in (self.viewer.notes if self.viewer else []) if note["kind"] == "place"]
        return notes[-1]["place"] if notes else 0

    @property
    def here(self):
        """Whether they see a machine."""
        return self.task.done() and not self.task.exception()

    def colour(self):
        """The colour of their machine."""
        return self.task.result()

    async def leave(self):
        """Close the page."""
        self.task.cancel()
        await asyncio.wait([self.task])
        if self.viewer is not None:
            self.viewer.websocket.close()


async def served(students, count):
    """Wait until that many have a machine."""
    await until(lambda: sum(student.here for student in students) >= count, 90)
    return [student for student in students if student.here]


async def test_more_students_than_machines_and_a_restart(hub, machines, names):
    size, places = len(machines), [*range(1, len(names) - len(machines) + 1)]
    students = [Student(hub.person(name)) for name in names]
    ada = hub.person("ada")
    assert all([one.person.enter().ok for one in students] + [ada.enter().ok])
    async with AsyncExitStack() as stack:
        for student in students:
            stack.push_async_callback(student.arrive().leave)
        first = await served(students, size)
        waiting = [student for student in students if student not in first]
        assert len({student.colour() for student in first}) == size == len(first), "each has a machine of their own"
        await until(lambda: sorted(student.place for student in waiting) == places)
        room = ada.ask("api/room").json()
        assert Counter(row["state"] for row in room["machines"]) == {"taken": size, "aside": 1}
        assert [row["place"] for row in room["waiting"]] == places
        held = {row["user"]: row["machine"] for row in room["machines"] if row["user"]}
        assert "vnc.sock" not in str(room)

        hub.stop(hub.service)
        hub.start_service()
        hub.wait_for(f"{hub.url}/services/vnc/health", 200)
        before = {student: student.colour() for student in first}
        order = sorted(waiting, key=lambda student: student.place)
        for student in students:
            await student.leave()
            student.viewer = None
        back = list(reversed(students))
        for student in back:
            student.arrive()
        again = await served(students, size)
        assert set(again) == set(first), "nobody lost a machine, nobody got one that is taken"
        assert {student: student.colour() for student in again} == before
        await until(lambda: [student.place for student in order] == places)
        rows = ada.ask("api/room").json()["machines"]
        assert {row["user"]: row["machine"] for row in rows if row["user"]} == held

        for number, next_one in enumerate(order):
            leaving = first[number]
            released = leaving.person.ask("api/leases/lab", "DELETE")
            assert released.status_code == 204, released.text
            await until(lambda one=next_one: one.here)
            assert next_one.colour() == before[leaving], "the first in the queue gets the free machine"
            assert await leaving.viewer.until_closed() == (4410, "You gave the machine back.")


async def test_an_instructor_takes_a_machine_back_and_nobody_else_can(hub, names):
    student, ada, bob = (hub.person(name) for name in (names[-1], "ada", "bob"))
    assert all(one.enter().ok for one in (student, ada, bob))
    one = Student(student).arrive()
    await until(lambda: one.here)
    (mine,) = student.ask("api/targets").json()
    assert mine["pool"]["machine"].startswith("m")
    assert bob.ask(f"api/leases/lab/of/{student.name}", "DELETE").status_code == 404
    assert student.ask("api/leases/lab/of/ada", "DELETE").status_code == 404
    assert ada.issue("lab", owner=student.name, mode="view")[0] == 201
    assert ada.ask(f"api/leases/lab/of/{student.name}", "DELETE").status_code == 204
    code, why = await one.viewer.until_closed()
    assert (code, why) == (4410, "ada took the machine back.")
    assert ada.ask(f"api/leases/lab/of/{student.name}", "DELETE").status_code == 404
    await one.leave()


async def test_looking_in_on_a_user_gives_them_no_machine(hub):
    ada = hub.person("ada")
    assert ada.enter().ok
    free = ada.ask("api/targets").json()[0]["pool"]["free"]
    websocket = await ada.open("lab", owner="zara", mode="view")
    code, why = await Viewer(websocket).until_closed()
    assert (code, why) == (4404, "zara has no machine at present.")
    assert ada.ask("api/targets").json()[0]["pool"]["free"] == free


async def test_the_leases_are_in_the_database_with_those_of_a_file_that_was_there(hub, names):
    student = hub.person(names[0])
    assert student.enter().ok
    one = Student(student).arrive()
    await until(lambda: one.here)
    assert not (hub.place / LEASES).exists()
    assert (hub.place / f"{LEASES}.taken-over").exists()
    assert hub.log("service").count("are in the database now") == 1
    with closing(sqlite3.connect(hub.place / "jupyter-vnc.sqlite", timeout=30)) as database:
        contents = [json.loads(content) for (content,) in database.execute("SELECT content FROM pools")]
        leases = [json.loads(content)["user"] for (content,) in database.execute("SELECT content FROM leases")]
    assert [one["queue"][0]["user"] for one in contents if one["name"] == "older"] == ["ann"]
    assert names[0] in leases
    assert set(leases) <= set(names)
    await one.leave()


def test_no_traceback_was_logged_in_all_of_this(hub):
    assert "Traceback" not in hub.log() + hub.log("service")
