"""Registered targets: one suite over both kinds of database."""

import asyncio

import pytest

from jupyter_vnc.exceptions import EditConflict, NameTaken, TargetNotFound
from jupyter_vnc.stores.database.registered import RegisteredTargets, Write


@pytest.fixture
def store(database):
    return RegisteredTargets(database, clock=lambda: 1000.0)


async def test_what_is_written_is_read(store):
    versions = await store.write(
        [Write("b", {"host": "h"}, "sealed", 0), Write("a", {"title": "日本語"}, "", 0)], "ada"
    )
    number, entries = await store.all()
    assert number == await store.revision() == 1
    assert [(one.name, one.version, one.keys, one.sealed, one.changed_by) for one in entries] == [
        ("a", versions["a"], {"title": "日本語"}, "", "ada"),
        ("b", versions["b"], {"host": "h"}, "sealed", "ada"),
    ]
    assert "sealed" not in repr(entries)


async def test_of_two_who_change_the_same_version_one_is_told(store):
    version = (await store.write([Write("a", {"host": "1"}, expected=0)], "ada"))["a"]
    edits = [store.write([Write("a", {"host": str(n)}, expected=version)], f"u{n}") for n in range(8)]
    done = await asyncio.gather(*edits, return_exceptions=True)
    assert sum(isinstance(one, dict) for one in done) == 1
    assert sum(isinstance(one, EditConflict) for one in done) == 7


async def test_a_name_that_is_used_again_has_another_version(store):
    first = (await store.write([Write("a", {}, expected=0)], "ada"))["a"]
    await store.write([Write("a", None, expected=first)], "ada")
    second = (await store.write([Write("a", {}, expected=0)], "ada"))["a"]
    assert second > first
    with pytest.raises(EditConflict):
        await store.write([Write("a", None, expected=first)], "ada")


async def test_all_of_a_change_is_made_or_nothing(store):
    await store.write([Write("taken", {}, expected=0)], "ada")
    with pytest.raises(NameTaken):
        await store.write([Write("new", {}, expected=0), Write("taken", {}, expected=0)], "ada")
    with pytest.raises(TargetNotFound):
        await store.write([Write("new", {}, expected=0), Write("gone", None)], "ada")
    assert [one.name for one in (await store.all())[1]] == ["taken"]
    assert await store.revision() == 1


async def test_the_history_says_who_did_what(store):
    await store.write([Write("a", {}, expected=0, detail={"host": [None, "h"]})], "ada")
    await store.write([Write("b", {}, expected=0)], "bea", "import")
    await store.write([Write("a", None)], "bea")
    rows = [(row["by"], row["action"], row["target"], row["detail"]) for row in await store.history()]
    assert rows == [("bea", "remove", "a", {}), ("bea", "import", "b", {}), ("ada", "add", "a", {"host": [None, "h"]})]
    assert [row["action"] for row in await store.history("a")] == ["remove", "add"]


async def test_secrets_are_encrypted_again_all_or_none(store):
    await store.write([Write("a", {}, "1"), Write("b", {}, "2"), Write("c", {})], "ada")

    def fails(name, sealed):
        if name == "b":
            raise ValueError
        return "x"

    with pytest.raises(ValueError):
        await store.reseal(fails, "ada")
    assert [one.sealed for one in (await store.all())[1]] == ["1", "2", ""]
    before = await store.revision()
    assert await store.reseal(lambda name, sealed: f"{name}{sealed}", "ada") == 2
    assert [one.sealed for one in (await store.all())[1]] == ["a1", "b2", ""]
    assert await store.revision() > before


async def test_thousands_are_written_at_once(store):
    versions = await store.write([Write(f"m{n}", {"host": f"h{n}"}, "s", 0) for n in range(5000)], "ada", "import")
    assert len(versions) == len((await store.all())[1]) == 5000
