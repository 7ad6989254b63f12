"""Who may have a stream: only beside a session of their own, on that desktop."""

import asyncio
import logging

import pytest

from jupyter_vnc.broker.catalogue import Catalogue
from jupyter_vnc.broker.streams import Streams
from jupyter_vnc.close_codes import CloseCode
from jupyter_vnc.exceptions import DesktopFailed, MalformedRequest, NotPermitted, TargetNotFound, TokenRefused
from jupyter_vnc.model.addresses import TCPAddress
from jupyter_vnc.model.remote_sessions import decode, describe, encode
from jupyter_vnc.model.session_registry import SessionRegistry
from jupyter_vnc.model.sessions import Session
from jupyter_vnc.model.targets import Mode, Target
from jupyter_vnc.stores.memory import MemoryTokenStore
from jupyter_vnc.tokens import STREAM, VIDEO, Grant, TokenRegistry
from tests.broker.test_catalogue import ANN, BOB, Listed, Somebody

LAB = Target(name="lab", address=TCPAddress("lab", 5901))
OTHER = Target(name="other", address=TCPAddress("other", 5901))


class Both:
    """Every target can be heard, and seen as video, unless a test says otherwise."""

    def __init__(self):
        self.has = {STREAM: True, VIDEO: True}

    def of(self, target):
        return self

    def has_sound(self, target, owner):
        return self.has[STREAM]

    def has_video(self, target, owner):
        return self.has[VIDEO]

    async def listen(self, target, owner):
        raise DesktopFailed("no sound")

    async def watch(self, target, owner):
        raise DesktopFailed("no video")


class Viewer:
    """A viewer's end that says nothing; how it was closed."""

    def __init__(self):
        self.closed = asyncio.get_running_loop().create_future()

    async def read(self):
        return await asyncio.get_running_loop().create_future()

    async def write(self, data):
        pass

    async def close(self, code, reason):
        self.closed.set_result((code, reason))


@pytest.fixture
def registry():
    return SessionRegistry()


@pytest.fixture
def kinds():
    return Both()


@pytest.fixture
def streams(registry, kinds):
    log = logging.getLogger("test")
    tokens = TokenRegistry(MemoryTokenStore())
    return Streams(Catalogue([Listed(LAB, OTHER)], log), tokens, registry, kinds, log, lambda: None, 0)


def sessions(registry):
    """Ann's and Bob's on the same desktop, and Ann's on another."""
    rows = ((ANN, LAB), (BOB, LAB), (ANN, OTHER))
    return [registry.add(Session(user, target, Mode.CONTROL)) for user, target in rows]


async def test_a_stream_is_beside_the_session_that_it_was_asked_for(streams, registry):
    own, *_ = sessions(registry)
    registry.add(Session(ANN, LAB, Mode.VIEW))
    issued = await streams.issue(Somebody(ANN), "lab", own.id)
    assert (await streams.redeem(Somebody(ANN), issued.token)).session is own


@pytest.mark.parametrize("nth", [1, 2])
async def test_a_session_of_somebody_else_or_of_another_desktop(nth, streams, registry):
    for kind, words in ((STREAM, "sound comes with its picture"), (VIDEO, "video comes with its picture")):
        with pytest.raises(NotPermitted, match=words):
            await streams.issue(Somebody(ANN), "lab", sessions(registry)[nth].id, kind=kind)


async def test_a_session_that_has_ended_meanwhile(streams, registry):
    own, *_ = sessions(registry)
    registry.add(Session(ANN, LAB, Mode.VIEW))
    issued = await streams.issue(Somebody(ANN), "lab", own.id)
    registry.remove(own)
    with pytest.raises(NotPermitted):
        await streams.redeem(Somebody(ANN), issued.token)


async def test_what_is_no_id(streams, registry):
    with pytest.raises(MalformedRequest):
        await streams.issue(Somebody(ANN), "lab", 7)


async def test_a_session_at_another_process_which_has_no_sound_of_it(streams, registry):
    own = Session(ANN, LAB, Mode.CONTROL)
    registry.meet([decode(encode(describe(own)), lambda *notice: None)])
    with pytest.raises(NotPermitted):
        await streams.issue(Somebody(ANN), "lab", own.id)


@pytest.mark.parametrize("kind", [STREAM, VIDEO])
async def test_a_token_is_for_one_kind(kind, streams, registry):
    own, *_ = sessions(registry)
    issued = await streams.issue(Somebody(ANN), "lab", own.id, kind=kind)
    stream = await streams.redeem(Somebody(ANN), issued.token)
    assert (stream.kind, stream.session, stream.target) == (kind, own, LAB)


@pytest.mark.parametrize(("kind", "words"), [(STREAM, "no sound"), (VIDEO, "no video")])
async def test_what_a_desktop_does_not_have(kind, words, streams, registry, kinds):
    own, *_ = sessions(registry)
    issued = await streams.issue(Somebody(ANN), "lab", own.id, kind=kind)
    kinds.has[kind] = False
    with pytest.raises(TargetNotFound, match=words):
        await streams.issue(Somebody(ANN), "lab", own.id, kind=kind)
    with pytest.raises(TokenRefused):
        await streams.redeem(Somebody(ANN), issued.token)
    (other,) = {STREAM, VIDEO} - {kind}
    assert await streams.issue(Somebody(ANN), "lab", own.id, kind=other)


async def test_a_token_of_a_session_is_for_no_stream(streams, registry):
    sessions(registry)
    issued = await streams._tokens.issue(Grant("ann", "lab", LAB.generation, Mode.VIEW))
    with pytest.raises(TokenRefused):
        await streams.redeem(Somebody(ANN), issued.token)


async def opened(streams, session, kind, viewer):
    issued = await streams.issue(Somebody(ANN), "lab", session.id, kind=kind)
    return streams.open(await streams.redeem(Somebody(ANN), issued.token), viewer)


async def until(true):
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0)


async def test_a_viewer_has_one_of_each_kind_and_both_end_with_the_session(streams, registry, kinds, monkeypatch):
    async def waits(*_):
        await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(kinds, "listen", waits, raising=False)
    monkeypatch.setattr(kinds, "watch", waits, raising=False)
    own, *_ = sessions(registry)
    narrowed = []
    own.narrow = narrowed.append
    sound, video, later = (Viewer() for _ in range(3))
    tasks = [await opened(streams, own, STREAM, sound), await opened(streams, own, VIDEO, video)]
    await until(lambda: len(streams._live) == 2)
    tasks.append(await opened(streams, own, VIDEO, later))
    assert await asyncio.wait_for(video.closed, 20) == (CloseCode.NORMAL, "")
    assert not sound.closed.done()
    assert [stream.kind for stream in streams._live] == [STREAM, VIDEO]
    registry.remove(own)
    for viewer in (sound, later):
        assert await asyncio.wait_for(viewer.closed, 20) == (CloseCode.NORMAL, "")
    await asyncio.wait_for(asyncio.gather(*tasks), 20)
    assert narrowed == [False, False]  # whatever it was, RFB brings everything


async def test_a_desktop_whose_video_cannot_be_reached_says_so(streams, registry, monkeypatch):
    monkeypatch.setattr("jupyter_vnc.broker.watching.RETRIES", (0.0, 0.0))
    own, *_ = sessions(registry)
    viewer = Viewer()
    await asyncio.wait_for(await opened(streams, own, VIDEO, viewer), 20)
    assert viewer.closed.result() == (DesktopFailed("").close_code, "no video")
