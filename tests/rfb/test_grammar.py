"""The grammar of what a viewer sends."""

import pytest

from jupyter_vnc.rfb.grammar import GRAMMAR, message_name
from jupyter_vnc.rfb.wire import ClientMessage
from tests.rfb import viewer_says as say


def test_every_row_of_the_table_has_one_way_to_tell_its_length():
    assert set(GRAMMAR) == set(ClientMessage) == {kind for kind, _ in say.EACH}
    for rule in GRAMMAR.values():
        assert bool(rule.size) != bool(rule.measure), rule.name


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (4, "KeyEvent 4"),
        (0xFF00, "QEMU key 255/0"),
        (0xFF09, "type 255/9"),
        (7, "UltraVNC file transfer 7"),
        (99, "type 99"),
    ],
)
def test_names_for_the_log(kind, name):
    assert message_name(kind) == name
