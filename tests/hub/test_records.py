"""What the service has in its database: closed in an order, and all of it."""

import logging

import pytest

from jupyter_vnc.broker.broker import VNCBroker
from jupyter_vnc.hub.records import Records
from jupyter_vnc.hub.registry.service import open_registry

LOG = logging.getLogger("tests.records")
#: Viewers hear of it first, and the last visits are written after their sessions have ended.
PARTS = ("_broker", "_gate", "_sessions", "visits", "maintenance", "_bus")


@pytest.mark.parametrize("broken", [None, *PARTS])
async def test_all_parts_are_closed_even_if_one_fails(tmp_path, monkeypatch, broken):
    service = await open_registry(f"sqlite:///{tmp_path}/vnc.sqlite", "", str(tmp_path / "keys"), LOG)
    records, closed = Records(service, VNCBroker(), 30, LOG), []

    def closing(part):
        async def close():
            closed.append(part)
            if part == broken:
                raise ValueError(part)

        return close

    for part in PARTS:
        monkeypatch.setattr(getattr(records, part), "close", closing(part))
    if broken is None:
        await records.close()
    else:
        with pytest.raises(ValueError, match=broken):
            await records.close()
    assert tuple(closed) == PARTS
    await service.close()
