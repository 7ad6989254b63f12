"""AES-EAX with the vectors of its paper, and RA2's messages over it."""

import pytest

from jupyter_vnc.exceptions import TargetProtocolError
from jupyter_vnc.rfb.security.eax import EAX, MessageCipher
from jupyter_vnc.rfb.wire import RA2_MESSAGE
from tests.rfb.feeding import ways

#: Bellare, Rogaway, Wagner, "The EAX Mode of Operation", appendix: message, key, nonce, header, ciphertext with tag.
VECTORS = [
    (
        "",
        "233952DEE4D5ED5F9B9C6D6FF80FF478",
        "62EC67F9C3A4A407FCB2A8C49031A8B3",
        "6BFB914FD07EAE6B",
        "E037830E8389F27B025A2D6527E79D01",
    ),
    (
        "F7FB",
        "91945D3F4DCBEE0BF45EF52255F095A4",
        "BECAF043B0A23D843194BA972C66DEBD",
        "FA3BFD4806EB53FA",
        "19DD5C4C9331049D0BDAB0277408F67967E5",
    ),
    (
        "1A47CB4933",
        "01F74AD64077F2E704C0F60ADA3DD523",
        "70C3DB4F0D26368400A10ED05D2BFF5E",
        "234A3463C1264AC6",
        "D851D5BAE03A59F238A23E39199DC9266626C40F80",
    ),
    (
        "CA40D7446E545FFAED3BD12A740A659FFBBB3CEAB7",
        "8395FCF1E95BEBD697BD010BC766AAC3",
        "22E7ADD93CFC6393C57EC0B3C17D6B44",
        "126735FCC320D25A",
        "CB8920F87A6C75CFF39627B56E3ED197C552D295A7CFC46AFC253B4652B1AF3795B124AB6E",
    ),
]


@pytest.mark.parametrize("vector", VECTORS)
def test_published_vectors(vector):
    message, key, nonce, header, sealed = map(bytes.fromhex, vector)
    eax = EAX(key)
    assert eax.encrypt(nonce, message, header) == sealed
    assert eax.decrypt(nonce, sealed, header) == message


def test_every_changed_bit_is_noticed():
    _, key, nonce, header, sealed = map(bytes.fromhex, VECTORS[2])
    eax = EAX(key)
    for bit in range(8 * len(sealed)):
        changed = (int.from_bytes(sealed) ^ (1 << bit)).to_bytes(len(sealed))
        assert eax.decrypt(nonce, changed, header) is None
    assert eax.decrypt(header * 2, sealed, header) is None
    assert eax.decrypt(nonce, sealed, nonce) is None
    assert eax.decrypt(nonce, sealed[:10], header) is None


def pair(size=16):
    ours, theirs = bytes(range(size)), bytes(range(size, 2 * size))
    return MessageCipher(ours, theirs), MessageCipher(theirs, ours)


@pytest.mark.parametrize("size", [16, 32])
def test_both_directions(size):
    here, there = pair(size)
    for text in (b"one", b"two", b"x" * 70000):
        assert there.decrypt(here.encrypt(text)) == text
        assert here.decrypt(there.encrypt(text)) == text


def test_messages_come_however_they_are_cut():
    here, _ = pair()
    wire = here.encrypt(b"first") + here.encrypt(b"second") + here.encrypt(b"third")
    for chunks in ways(wire):
        _, there = pair()
        assert b"".join(map(there.decrypt, chunks)) == b"firstsecondthird"


def test_long_data_are_several_messages_and_none_is_no_message():
    here, there = pair()
    wire = here.encrypt(bytes(RA2_MESSAGE + 1))
    assert wire[:2] == RA2_MESSAGE.to_bytes(2)
    assert len(wire) == RA2_MESSAGE + 1 + 2 * 18
    assert there.decrypt(wire) == bytes(RA2_MESSAGE + 1)
    assert here.encrypt(b"") == b""


def test_messages_are_numbered():
    """A message that is repeated, left out or moved is a changed one."""
    here, _ = pair()
    one, two = here.encrypt(b"one"), here.encrypt(b"two")
    for wire in (one + one, two, two + one):
        _, there = pair()
        with pytest.raises(TargetProtocolError):
            there.decrypt(wire)


def test_the_length_is_protected_too():
    here, there = pair()
    wire = bytearray(here.encrypt(b"text") + bytes(20))
    wire[1] += 1
    with pytest.raises(TargetProtocolError):
        there.decrypt(bytes(wire))


def test_what_waits_is_bounded():
    _, there = pair()
    for _ in range(10):
        assert there.decrypt(b"\xff" * 6500) == b""
    with pytest.raises(TargetProtocolError):
        there.decrypt(b"\xff" * 6500)
