"""A coverage-guided fuzzer for everything that reads a peer's bytes: both handshakes, the scanner, the guard.

Run by ``make fuzz``; README.md says how to go on from what it finds. The first byte of an input chooses the machine,
the second how it is set up, the third how the rest is cut into pieces.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["jupyter_vnc.rfb", "jupyter_vnc.exceptions", "jupyter_vnc.escaping"]):
    from jupyter_vnc.exceptions import ViewerError, VNCError
    from jupyter_vnc.rfb.guard import Guard
    from jupyter_vnc.rfb.handshake import TargetHandshake, ViewerHandshake
    from jupyter_vnc.rfb.messages import Scanner
    from jupyter_vnc.rfb.permissions import Permissions
    from jupyter_vnc.rfb.security import Login, SecurityPolicy
    from jupyter_vnc.rfb.stream import Conversation
    from jupyter_vnc.rfb.wire import MAX_UNREAD

LOGINS = (Login(), Login(password=b"secret"), Login(username="ada", password=b"secret"))
POLICIES = (SecurityPolicy(), SecurityPolicy.local(), SecurityPolicy(certificate_sha256=b"x" * 32))
RIGHTS = ("keyboard", "pointer", "clipboard_to_desktop", "clipboard_from_desktop", "resize", "power")
#: What a guard may have let through in view mode: nothing that changes anything.
WATCHING = {0, 2, 3, 150, 248}


def pieces(data: bytes, step: int) -> Iterator[bytes]:
    """Cut the data, after every ``step`` bytes; 0 leaves it whole."""
    step = step or max(len(data), 1)
    yield from (data[start : start + step] for start in range(0, len(data), step))


def ends_cleanly(conversation: Conversation, data: bytes, step: int) -> None:
    """Whatever comes, a handshake is done or has an error of ours, says so in a line, and keeps little."""
    for piece in pieces(data, step):
        conversation.receive_data(piece)
        conversation.data_to_send()
        if isinstance(conversation, TargetHandshake) and conversation.needs_tls:
            conversation.tls_established(b"certificate")
    conversation.receive_eof()
    assert conversation.done or isinstance(conversation.exc, VNCError)
    assert len(conversation.leftover()) <= MAX_UNREAD
    if conversation.exc is not None:
        assert conversation.exc.log_line.isprintable()
        assert 4000 < conversation.exc.close_code < 5000


def target_leg(setting: int, data: bytes, step: int) -> None:
    """The target leg, with each login and each policy."""
    ends_cleanly(TargetHandshake(LOGINS[setting % 3], POLICIES[setting // 3 % 3]), data, step)


def viewer_leg(setting: int, data: bytes, step: int) -> None:
    """The viewer leg: accepted, told of the desktop at once, or left to wait."""
    handshake = ViewerHandshake()
    if setting % 3:
        handshake.accept(b"" if setting % 3 == 1 else b"the desktop")
    ends_cleanly(handshake, data, step)


def scanner(setting: int, data: bytes, step: int) -> None:
    """Scanning whole equals scanning in pieces, and no byte is lost or made."""

    def scanned(step: int) -> tuple[bytes, int] | None:
        cutter = Scanner(strict=bool(setting & 1), long_pointer=bool(setting & 2))
        try:
            messages = [message for piece in pieces(data, step) for message in cutter.feed(piece)]
        except ViewerError:
            return None
        return b"".join(message.data for message in messages), cutter.skipped

    whole = scanned(0)
    assert scanned(step) == whole
    assert whole is None or len(whole[0]) + whole[1] <= len(data)


def guard(setting: int, data: bytes, step: int) -> None:
    """What is judged whole is judged the same in pieces, and a viewer in view mode changes nothing."""
    rights = Permissions(**{name: bool(setting >> bit & 1) for bit, name in enumerate(RIGHTS)})
    mode = "view" if setting & 64 else "control"

    def judged(step: int) -> bytes | None:
        judge = Guard(rights, mode)
        try:
            return b"".join(map(judge.feed, pieces(data, step)))
        except ViewerError:
            return None

    whole = judged(0)
    assert judged(step) == whole
    if mode == "view" and whole is not None:
        seen = Scanner(long_pointer=False)
        assert {message.type for message in seen.feed(whole)} <= WATCHING
        assert not seen.skipped


MACHINES: tuple[Callable[[int, bytes, int], None], ...] = (target_leg, viewer_leg, scanner, guard)


def check(data: bytes) -> None:
    """Run one input; an exception is a find."""
    if len(data) >= 3:
        MACHINES[data[0] % len(MACHINES)](data[1], data[3:], data[2] % 41)


def main() -> None:
    """Fuzz for as long as libFuzzer's options say, beginning with the inputs of the folders that they name."""
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    main()
