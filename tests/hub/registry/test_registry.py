"""The rules of registered targets, over a real SQLite database."""

import logging
import os
from types import SimpleNamespace

import pytest

from jupyter_vnc.exceptions import EditConflict, InvalidTarget, NameTaken, NotPermitted, TargetNotFound
from jupyter_vnc.hub.editor import Editor
from jupyter_vnc.hub.registry.drafts import Draft
from jupyter_vnc.hub.registry.handlers import RegistryAPIHandler
from jupyter_vnc.hub.registry.service import open_registry
from jupyter_vnc.model.maintenance import Maintenance
from jupyter_vnc.model.remote_sessions import decode, describe, encode
from jupyter_vnc.model.session_registry import SessionRegistry
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Mode
from jupyter_vnc.model.users import User

ADMIN = Editor("root", local=True)
EVERYTHING = Editor("mia")
OF_A = Editor("max", frozenset({"course-a"}))
A = {"allow_groups": ["course-a"]}
CANARY = "c4nary-s3cret"


@pytest.fixture
def service(tmp_path, jp_asyncio_loop):
    url = f"sqlite:///{tmp_path}/vnc.sqlite"
    opened = jp_asyncio_loop.run_until_complete(
        open_registry(url, "", str(tmp_path / "keys"), logging.getLogger("tests.registry"))
    )
    yield opened
    jp_asyncio_loop.run_until_complete(opened.close())


@pytest.fixture
def registry(service):
    return service.registry


async def test_a_target_is_there_at_once_with_its_secret(service, registry, tmp_path):
    one = await registry.save(ADMIN, "lab", {"host": "a", "password": CANARY}, 0)
    assert service.targets["lab"].credentials.value.reveal() == CANARY
    assert one.entry.keys == {"host": "a", "password": True}
    dump = b"".join(path.read_bytes() for path in tmp_path.glob("vnc.sqlite*"))
    assert CANARY.encode() not in dump
    assert CANARY not in repr(one) + repr(await registry.history(ADMIN))


async def test_all_mistakes_are_named_and_nothing_is_saved(service, registry):
    with pytest.raises(InvalidTarget) as refused:
        await registry.save(ADMIN, "lab", {"host": "a b", "port": 0, "desktop": {}, "titles": CANARY}, 0)
    assert set(refused.value.errors) == {"host", "port", "desktop", "titles"}
    assert CANARY not in str(refused.value)
    deep = {}
    for _ in range(300):
        deep = {"a": deep}
    for keys in (deep, {"host": "a", "allow_groups": 5}, {"pool": {"machines": {"m": 5}}}, {"pool": 7}, {"tls": [1]}):
        with pytest.raises(InvalidTarget):
            await registry.save(ADMIN, "lab", keys, 0)
    for name in ("", "a b", "schema", "a" * 65):
        with pytest.raises(InvalidTarget):
            await registry.save(ADMIN, name, {"host": "a"}, 0)
    assert service.targets == {}


async def test_a_secret_is_kept_for_the_server_that_it_was_entered_for(service, registry):
    first = await registry.save(ADMIN, "lab", {"host": "a", "password": CANARY}, 0)
    kept = await registry.save(ADMIN, "lab", {"host": "a", "password": True, "title": "x"}, first.entry.version)
    assert service.targets["lab"].credentials.value.reveal() == CANARY
    for other in ({"host": "evil"}, {"host": "a", "port": 1}, {"host": "a", "tls": {"mode": "off"}}):
        with pytest.raises(InvalidTarget, match="entered again"):
            await registry.save(ADMIN, "lab", {**other, "password": True}, kept.entry.version)
    with pytest.raises(InvalidTarget, match="not stored"):
        await registry.save(ADMIN, "other", {"host": "a", "password": True}, 0)
    with pytest.raises(InvalidTarget, match="entered again"):
        await registry.target_of(ADMIN, "lab", {"host": "evil", "password": True})
    gone = await registry.save(ADMIN, "lab", {"host": "a"}, kept.entry.version)
    assert gone.target.credentials.form == ""


async def test_machines_of_a_pool_have_secrets_of_their_own(service, registry):
    machines = {"m1": {"host": "a", "password": CANARY}, "m.2": {"host": "b", "password": "two"}}
    one = await registry.save(ADMIN, "lab", {"pool": {"machines": machines}, "password": "all"}, 0)
    assert CANARY not in repr(one.entry.keys)
    keys = {"pool": {"machines": {**one.entry.keys["pool"]["machines"]}}, "password": True}
    keys["pool"]["machines"]["m3"] = {"host": "evil"}
    with pytest.raises(InvalidTarget) as refused:
        await registry.save(ADMIN, "lab", keys, one.entry.version)
    assert set(refused.value.errors) == {"password"}
    del keys["pool"]["machines"]["m3"]
    again = await registry.save(ADMIN, "lab", keys, one.entry.version)
    assert [m.credentials.value.reveal() for m in again.target.address.machines] == [CANARY, "two"]
    keys["pool"]["machines"]["m1"] = {"host": "evil", "password": True}
    with pytest.raises(InvalidTarget) as refused:
        await registry.save(ADMIN, "lab", keys, again.entry.version)
    assert set(refused.value.errors) == {"pool.machines.m1.password", "password"}


async def test_of_two_who_edit_the_second_is_told(registry):
    one = await registry.save(ADMIN, "lab", {"host": "a"}, 0)
    await registry.save(EVERYTHING, "lab", {"host": "b"}, one.entry.version)
    for attempt in (
        registry.save(ADMIN, "lab", {"host": "c"}, one.entry.version),
        registry.remove(ADMIN, "lab", one.entry.version),
    ):
        with pytest.raises(EditConflict):
            await attempt
    with pytest.raises(NameTaken):
        await registry.save(ADMIN, "lab", {"host": "a"}, 0)
    assert (await registry.find(ADMIN, "lab")).entry.keys == {"host": "b"}


async def test_a_manager_of_one_course_has_nothing_to_do_with_another(registry):
    other = await registry.save(ADMIN, "b1", {"host": "b", "allow_groups": ["course-b"]}, 0)
    both = await registry.save(ADMIN, "ab", {"host": "b", "allow_groups": ["course-a", "course-b"]}, 0)
    everybodys = await registry.save(ADMIN, "all", {"host": "b"}, 0)
    mine = await registry.save(OF_A, "a1", {"host": "a", **A}, 0)
    assert [one.entry.name for one in registry.seen_by(OF_A)] == ["a1"]
    for one in (other, both, everybodys):
        for attempt in (
            registry.find(OF_A, one.entry.name),
            registry.save(OF_A, one.entry.name, {"host": "x", **A}, one.entry.version),
            registry.remove(OF_A, one.entry.name, None),
        ):
            with pytest.raises(TargetNotFound):
                await attempt
    for groups in (
        {},
        {"allow_groups": []},
        {"allow_groups": ["course-b"]},
        {"allow_groups": ["course-a", "course-b"]},
    ):
        for name, version in (("new", 0), ("a1", mine.entry.version)):
            with pytest.raises(InvalidTarget, match="your groups"):
                await registry.save(OF_A, name, {"host": "x", **groups}, version)
    with pytest.raises(InvalidTarget, match="admin"):
        await registry.save(OF_A, "new", {"host": "x", **A, "allow_users": ["bob"]}, 0)
    assert {row["target"] for row in await registry.history(OF_A)} == {"a1"}
    assert {row["target"] for row in await registry.history(ADMIN)} == {"a1", "b1", "ab", "all"}
    with pytest.raises(InvalidTarget):
        await registry.target_of(OF_A, "b1", {"host": "b", "allow_groups": ["course-b"]})


LOCAL = [
    {"host": "a", "icon": "/etc/passwd"},
    {"host": "a", "password_command": ["id"]},
    {"host": "a", "password_file": "/etc/passwd"},
    {"host": "a", "password_env": "HOME"},
    {"host": "a", "tls": {"ca_file": "/etc/passwd"}},
    {"socket": "/run/x"},
    {"pool": {"machines": {"m1": {"socket": "/run/x"}}}},
    {"pool": {"machines": {"m1": {"host": "a", "password_command": ["id"]}}}},
]


@pytest.mark.parametrize("keys", LOCAL)
async def test_files_and_commands_of_the_service_are_for_admins(registry, keys, monkeypatch):
    monkeypatch.setenv("HOME", os.environ["HOME"])
    for editor in (OF_A, EVERYTHING):
        with pytest.raises(InvalidTarget, match="only an admin"):
            await registry.save(editor, "lab", {**keys, **A}, 0)
        with pytest.raises(InvalidTarget, match="only an admin"):
            await registry.target_of(editor, "lab", {**keys, **A})
    if "passwd" in str(keys):
        return  # a file that others can read is refused to admins, too
    one = await registry.save(ADMIN, "lab", {**keys, **A}, 0)
    for editor in (OF_A, EVERYTHING):
        for attempt in (
            registry.save(editor, "lab", {"host": "a", **A}, one.entry.version),
            registry.remove(editor, "lab", None),
        ):
            with pytest.raises(NotPermitted):
                await attempt
    assert "/run/x" not in repr(await registry.history(OF_A))
    assert "'id'" not in repr(await registry.history(OF_A))


async def test_an_import_takes_the_good_rows(service, registry):
    await registry.save(ADMIN, "old", {"host": "a"}, 0)
    drafts = [Draft(f"m{n}", {"host": f"h{n}"}, where=f"line {n}") for n in range(5)]
    drafts += [
        Draft("m1", {"host": "a"}),
        Draft("old", {"host": "a"}),
        Draft("bad", {"port": 1}),
        Draft("", {}, {"": "no"}),
    ]
    checked, writes = await registry.preview(ADMIN, drafts)
    assert [bool(one.errors) for one in checked] == [False] * 5 + [True] * 4
    assert await registry.add_all(ADMIN, writes) == 5
    assert set(service.targets) == {"old", *(f"m{n}" for n in range(5))}
    assert {row["action"] for row in await registry.history(ADMIN)} == {"add", "import"}


async def test_a_lost_key_is_told_and_the_others_work(service, registry, tmp_path, caplog, monkeypatch):
    await registry.save(ADMIN, "open", {"host": "a"}, 0)
    one = await registry.save(ADMIN, "lab", {"host": "a", "password": CANARY}, 0)
    await service.close()
    kept = (tmp_path / "keys").read_bytes()
    (tmp_path / "keys").unlink()
    again = await open_registry(f"sqlite:///{tmp_path}/vnc.sqlite", "", str(tmp_path / "keys"), logging.getLogger("t"))
    assert set(again.targets) == {"open"}
    (shown,) = [one for one in again.registry.seen_by(ADMIN) if one.target is None]
    assert "a key that is not in" in shown.problem
    assert "a key that is not in" in caplog.text
    with pytest.raises(InvalidTarget, match="a key that is not in"):
        await again.registry.save(ADMIN, "lab", {"host": "a", "password": True}, one.entry.version)
    (tmp_path / "keys").write_bytes(kept)
    monkeypatch.setattr("jupyter_vnc.hub.registry.snapshot.RETRY", 0)
    await again.snapshot.refresh()
    assert set(again.targets) == {"open", "lab"}, "the key was brought back"
    await again.close()


async def test_keys_are_rotated_under_a_service_that_runs(service, registry, tmp_path):
    await registry.save(ADMIN, "lab", {"host": "a", "password": CANARY}, 0)
    before = (await service.store.all())[1][0].sealed
    command = await open_registry(
        f"sqlite:///{tmp_path}/vnc.sqlite", "", str(tmp_path / "keys"), logging.getLogger("t"), alone=False
    )
    command.keyring.add_key()
    assert await command.registry.rotate(ADMIN) == 1
    await command.close()
    assert (await service.store.all())[1][0].sealed != before
    await service.snapshot.refresh()
    assert service.targets["lab"].credentials.value.reveal() == CANARY


async def test_the_list_counts_the_sessions_of_all_processes(registry):
    one = await registry.save(ADMIN, "lab", {"host": "a"}, 0)
    sessions = SessionRegistry()
    here, there = (Session(User(name), one.target, Mode.CONTROL) for name in ("ann", "bob"))
    sessions.add(here)
    sessions.meet([decode(encode(describe(there)), lambda *notice: None)])
    handler = SimpleNamespace(
        settings={"vnc_trials": SimpleNamespace(last={})},
        broker=SimpleNamespace(registry=sessions, maintenance=Maintenance()),
    )
    assert RegistryAPIHandler.row(handler, ADMIN, one)["sessions"] == 2
