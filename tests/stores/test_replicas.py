"""Three processes of the service behind nginx in turn, on one PostgreSQL: a course with more students than machines."""

import asyncio
import contextlib
import itertools
import json
import statistics
import time
from collections import Counter

import psutil
import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPClientError
from tornado.websocket import WebSocketError

from tests.stores.course import Student, machines, nginx, processes, until
from tests.stores.database.postgres import PostgreSQL
from tests.stores.services import PREFIX, hub, person

#: Seconds until what a dead process has left is gone, on a busy machine.
PATIENCE = 120
#: Students, and machines for them.
FEW = (30, 20)
MANY = (300, 200)
MIB = 1 << 20

pytestmark = pytest.mark.timeout(900)  # the sum of what its steps may take


def names(count):
    return [f"student{number:03}" for number in range(count)]


def people(count):
    """Whom the hub knows, by their tokens."""
    return {name: person(name) for name in names(count)} | {"ada": person("ada", admin=True)}


class Course:
    """Students, their instructor, and the processes that serve them."""

    def __init__(self, url, services, size, count):
        self.http = AsyncHTTPClient(force_instance=True, max_clients=1000)
        self.services, self.size = services, size
        self.students = [Student(name, url, self.http) for name in names(count)]
        self.ada = Student("ada", url, self.http)

    def click(self):
        """All come at once."""
        for student in self.students:
            student.click()

    def with_machine(self):
        return [student for student in self.students if student.machine]

    def waiting(self):
        return sorted((student for student in self.students if student.place), key=lambda student: student.place)

    async def settled(self):
        """Wait until all machines are taken, and everybody else has a place in one line; return the line."""

        def is_settled():
            line = self.waiting()
            places = [*range(1, len(self.students) - self.size + 1)]
            return len(self.with_machine()) == self.size and [student.place for student in line] == places

        try:
            await until(is_settled)
        except TimeoutError:
            said = Counter(why for student in self.students for why in student.refusals).most_common(5)
            places = [student.place for student in self.waiting()]
            pytest.fail(f"{len(self.with_machine())} have a machine; places {places}; {said}")
        assert len({student.machine for student in self.with_machine()}) == self.size, "each has one of their own"
        return self.waiting()

    async def room(self):
        """What an instructor sees, once it is what the students see; sessions of a dead process go after a while."""
        seen = {student.name: student.machine for student in self.with_machine()}
        everybody = sorted(student.name for student in self.students if student.ended is None)
        held, there, waiting = {}, [], None
        try:
            async with asyncio.timeout(PATIENCE):
                while held != seen or there != everybody or waiting != [one.name for one in self.waiting()]:
                    await asyncio.sleep(0.5)
                    room = json.loads((await self.ada.ask("api/room")).body)
                    held = {row["user"]: row["machine"] for row in room["machines"] if row["user"]}
                    there = sorted(row["user"] for row in room["sessions"])
                    waiting = [row["user"] for row in room["waiting"]]
        except TimeoutError:
            said = f"in the room {len(held)}, where {len(there)} sessions are, and {waiting} wait"
            pytest.fail(f"{len(seen)} have a machine, {said}")
        return room

    async def close(self):
        await asyncio.gather(*(student.leave() for student in self.students))
        self.http.close()


@contextlib.asynccontextmanager
async def course(folder, database, scale, count):
    """That many processes, students and machines; nobody has clicked yet."""
    students, size = scale
    paths = [folder / f"m{number:03}" for number in range(size)]
    async with machines(paths):
        with hub(people(students)) as api, processes(folder, database, api, paths, count) as services:
            for service in services:
                await service.ready()
            with nginx(folder, [service.port for service in services]) as url:
                one = Course(f"{url}{PREFIX}/", services, size, students)
                try:
                    yield one
                finally:
                    await one.close()


async def kill(course, line):
    """Kill a process; nobody loses or shares a machine, and the line is what it was.

    Return the seconds until all who have a machine see it again, until the line is complete, and until the room shows
    nothing of that process.
    """
    machines, viewers = ({one.name: getattr(one, what) for one in course.students} for what in ("machine", "viewer"))
    sessions = await course.services[0].measured("jupyter_vnc_sessions")
    assert 0 < sessions < len(course.students), "nginx gives each process some"
    (killed := course.services[0].process).kill()
    killed.wait(30)
    begun = time.monotonic()
    await until(lambda: sum(one.viewer is not viewers[one.name] for one in course.students) >= sessions)
    await until(lambda: len(course.with_machine()) == course.size)
    back = time.monotonic() - begun
    assert await course.settled() == line, "nobody lost their place"
    waiting = time.monotonic() - begun
    assert {student.name: student.machine for student in course.students} == machines
    await course.room()
    return back, waiting, time.monotonic() - begun


async def test_a_process_is_killed_and_nobody_loses_or_shares_a_machine(postgres, tmp_path):
    async with course(tmp_path, postgres.new_database("replicas"), FEW, 2) as few:
        few.click()
        line = await few.settled()
        room = await few.room()
        assert [row["user"] for row in room["waiting"]] == [student.name for student in line]
        await kill(few, line)
        giving, first = few.with_machine()[0], line[0]
        machine = giving.machine
        await giving.ask("api/leases/lab", "DELETE")
        await until(lambda: first.machine)
        assert first.machine == machine
        assert set(first.machines) == {machine}


class Figures:
    """What a course costs from here on: the processor's time, and the statements of the database."""

    def __init__(self, course, statements):
        self._course, self._statements = course, statements
        self._processes = [psutil.Process(service.process.pid) for service in course.services]
        self._begun, self._used, self._asked = time.monotonic(), self._processor(), statements()

    def _processor(self):
        return sum(one.cpu_times().user + one.cpu_times().system for one in self._processes)

    def show(self, what):
        seconds = time.monotonic() - self._begun
        used, asked = self._processor() - self._used, self._statements() - self._asked
        memory = ", ".join(f"{one.memory_info().rss / MIB:.0f}" for one in self._processes)
        show(f"{what}: {seconds:.0f} s; processor {used:.1f} s; {memory} MiB; {asked / seconds:.0f} statements/s")


def show(line):
    """Print a figure for the docs' table."""
    print(line)  # noqa: T201


async def come(course, statements):
    """All students click at once; each machine gets one, and the others are one line. Return it."""
    figures = Figures(course, statements)
    course.click()
    line = await course.settled()
    figures.show("until all have a machine or a place")
    waited = sorted(student.waited for student in course.with_machine())
    cuts = statistics.quantiles(waited, n=100)
    show(f"click to machine: p50 {cuts[49]:.1f} s, p99 {cuts[98]:.1f} s, last {waited[-1]:.1f} s")
    assert waited[-1] < 120
    await course.room()
    answers = []
    for _ in range(20):
        begun = time.monotonic()
        answer = await course.ada.ask("api/room")
        answers.append(time.monotonic() - begun)
    show(f"room: {len(answer.body) / 1024:.0f} KiB, {statistics.median(answers) * 1000:.0f} ms")
    idle = Figures(course, statements)
    await asyncio.sleep(20)
    idle.show("all at their desktops")
    return line


@pytest.fixture(scope="module")
def counting():
    """A PostgreSQL that counts its statements."""
    server = PostgreSQL("shared_preload_libraries=pg_stat_statements")
    yield server
    server.close()


@pytest.mark.endurance
async def test_one_process_without_postgresql_serves_as_many(tmp_path):
    async with course(tmp_path, f"sqlite:///{tmp_path}/vnc.sqlite", MANY, 1) as many:
        await come(many, lambda: 0)


@pytest.mark.endurance
async def test_three_hundred_students_at_three_processes(counting, tmp_path):
    database = counting.new_database("many")
    counting.do("many", "CREATE EXTENSION pg_stat_statements")

    def statements():
        return int(counting.ask("many", "SELECT sum(calls) FROM pg_stat_statements"))

    async with course(tmp_path, database, MANY, 3) as many:
        line = await come(many, statements)
        back, waiting, gone = await kill(many, line)
        show(f"a process is killed: desktops are back after {back:.1f} s, the line after {waiting:.1f} s")
        show(f"the room shows nothing of it after {gone:.1f} s")
        assert gone < 60
        many.services[0].start()
        await many.services[0].ready()
        await give_back(many, line[:5])
        await outage(many, counting)
        await tokens(many)
        for service in many.services:
            assert "Traceback" not in service.log.read_text()


async def give_back(course, line):
    """Machines that are given back go to the first of the line, in turn."""
    for giving, first in zip(course.with_machine(), line, strict=False):
        machine = giving.machine
        await giving.ask("api/leases/lab", "DELETE")
        await until(lambda one=first: one.machine)
        assert first.machine == machine


async def outage(course, postgres):
    """PostgreSQL is away for 20 seconds: open sessions go on, new ones are told, and all recovers."""
    before = {student.name: (student.viewer, student.machine) for student in course.students}
    people = itertools.cycle(course.with_machine())
    postgres.stop()
    begun = time.monotonic()
    told = Counter()
    while time.monotonic() - begun < 20:
        someone = next(people)
        try:
            await someone.ask("api/tokens", "POST", target="one")
        except HTTPClientError as error:
            told[error.code] += 1
        await someone.viewer.key("a")
        await asyncio.sleep(0.5)
    postgres.start()
    begun = time.monotonic()
    assert set(told) == {503}, told
    async with asyncio.timeout(60):
        while True:
            someone = next(people)
            try:
                token = json.loads((await someone.ask("api/tokens", "POST", target="one")).body)["token"]
                (await someone.open(token)).close()
                break
            except (HTTPClientError, WebSocketError):
                await asyncio.sleep(0.2)
    show(
        f"the database was away: {told[503]} refusals, a new session {time.monotonic() - begun:.1f} s after it is back"
    )
    await course.room()
    assert {student.name: (student.viewer, student.machine) for student in course.students} == before


async def tokens(course):
    """A thousand tokens are redeemed at all processes at once: one session each."""
    issued = []
    for number in range(1000):
        student = course.students[number % len(course.students)]
        issued.append((student, json.loads((await student.ask("api/tokens", "POST", target="one")).body)["token"]))
    urls = [f"http://127.0.0.1:{service.port}{PREFIX}/" for service in course.services]
    gate, refused = asyncio.Semaphore(100), Counter()

    async def redeem(student, token, url):
        try:
            async with gate:
                return await student.open(token, url)
        except HTTPClientError as error:
            refused[error.code] += 1

    async def everywhere(student, token):
        sockets = [one for one in await asyncio.gather(*(redeem(student, token, url) for url in urls)) if one]
        for one in sockets:
            one.close()
        return len(sockets)

    begun = time.monotonic()
    sessions = Counter(await asyncio.gather(*(everywhere(*one) for one in issued)))
    show(f"a thousand tokens at {len(urls)} processes: {time.monotonic() - begun:.1f} s")
    assert (sessions, refused) == ({1: 1000}, {403: 2000})
