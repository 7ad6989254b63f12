"""The reader, and the driver that runs a generator over it."""

import pytest

from jupyter_vnc.exceptions import TargetProtocolError, VNCError
from jupyter_vnc.rfb.stream import Conversation, Stream
from jupyter_vnc.rfb.wire import MAX_UNREAD
from tests.rfb.feeding import every_way, fails_every_way


class Greeting(Conversation):
    """Reads a length and a text, and answers in capitals."""

    fault = TargetProtocolError

    def __init__(self):
        self.text = b""
        super().__init__(Stream())

    def _run(self):
        self._stream.write(b"name?")
        (length,) = yield from self._stream.read_exact(1)
        if length == 0xFF:
            raise TargetProtocolError("Too long a name.")
        self.text = yield from self._stream.read_exact(length)
        self._stream.write(self.text.upper())

    def _closed_early(self):
        return TargetProtocolError("No name.")


class Rest(Conversation):
    """Reads ten bytes, or what there is."""

    fault = TargetProtocolError

    def _run(self):
        self.text = yield from self._stream.read_at_most(10)

    def _closed_early(self):
        raise AssertionError("reading at most never runs out of bytes")


class Picky(Greeting):
    """Refuses a chunk before the generator sees it, as a transform does."""

    def _feed(self, data):
        if b"!" in data:
            raise TargetProtocolError("No shouting.")
        super()._feed(data)


def test_a_conversation_reads_exactly():
    conversation = every_way(Greeting, b"\x05alice", sent=b"name?ALICE")
    assert conversation.text == b"alice"


def test_nothing_is_read_before_there_is_enough():
    conversation = Greeting()
    conversation.receive_data(b"")
    conversation.receive_data(b"\x05alic")
    assert not conversation.done
    assert conversation.text == b""
    assert conversation.data_to_send() == b"name?"
    assert conversation.data_to_send() == b""


def test_an_error_is_stored_and_what_was_said_before_is_still_sent():
    conversation = fails_every_way(Greeting, b"\xff\x01")
    assert str(conversation.exc) == "Too long a name."
    conversation = Greeting()
    conversation.receive_data(b"\xff")
    assert conversation.data_to_send() == b"name?"


def test_a_peer_that_closes_early_is_an_error():
    assert str(fails_every_way(Greeting, b"\x05ali", eof=True).exc) == "No name."


def test_a_peer_that_closes_in_time_is_none():
    conversation = Greeting()
    conversation.receive_data(b"\x05alice")
    conversation.receive_eof()
    assert conversation.done
    assert conversation.exc is None


@pytest.mark.parametrize(("data", "eof", "text"), [(b"0123456789ab", False, b"0123456789"), (b"012", True, b"012")])
def test_reading_at_most(data, eof, text):
    conversation = Rest(Stream())
    conversation.receive_data(data)
    assert conversation.done is not eof
    if eof:
        conversation.receive_eof()
    assert conversation.text == text


def test_an_error_ahead_of_the_generator_is_stored_too():
    conversation = Picky()
    conversation.receive_data(b"!")
    assert str(conversation.exc) == "No shouting."
    assert not conversation.done


def test_a_peer_that_does_not_stop_is_stopped():
    conversation = Greeting()
    conversation.receive_data(b"\x05alice")
    chunk = bytes(64 * 1024)
    fed = 0
    while conversation.exc is None and fed < 4 * MAX_UNREAD:
        conversation.receive_data(chunk)
        fed += len(chunk)
    assert isinstance(conversation.exc, TargetProtocolError)
    assert fed <= MAX_UNREAD + len(chunk)
    assert conversation._stream.unread <= MAX_UNREAD


def test_a_defect_is_not_swallowed():
    """Only what a peer does is stored; what we do wrong has to be seen."""

    class Broken(Greeting):
        def _run(self):
            yield from self._stream.read_exact(1)
            raise ZeroDivisionError

    conversation = Broken()
    with pytest.raises(ZeroDivisionError):
        conversation.receive_data(b"x")


def test_the_base_says_nothing_of_its_own():
    with pytest.raises(TypeError):
        Conversation(Stream())
    assert issubclass(Greeting.fault, VNCError)
