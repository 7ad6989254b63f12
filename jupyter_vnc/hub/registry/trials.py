"""Trying registered targets, saved or not."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from jupyter_vnc.connect.connector import Connector
from jupyter_vnc.connect.trial import Trial, try_target
from jupyter_vnc.exceptions import InvalidTarget, TargetNotFound
from jupyter_vnc.model.addresses import PoolMachine, TCPAddress, UnixAddress
from jupyter_vnc.model.targets import Target
from jupyter_vnc.model.users import User

#: Trials at once, of all who manage targets.
AT_ONCE: Final = 4


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the last trial of a target went, in Unix time."""

    at: float
    good: bool
    step: str


class Trials:
    """Runs trials, a few at a time, and remembers how the last one of each target went."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self._turns = asyncio.Semaphore(AT_ONCE)
        self.last: dict[str, Outcome] = {}

    async def run(self, target: Target, user: User, machine: str = "") -> Trial:
        """Try a target as one user has it; of a pool one machine, by default the first.

        Raises:
            InvalidTarget: the user's name cannot be part of its address.
            TargetNotFound: there is no such machine.
        """
        target, address = server_of(target, user, machine)
        async with self._turns:
            trial = await try_target(target, address, self._connector)
        self.last[target.name] = Outcome(time.time(), trial.error is None, trial.steps[-1].name)
        return trial


def server_of(target: Target, user: User, machine: str = "") -> tuple[Target, TCPAddress | UnixAddress]:
    """Return the server that is tried for a target, and the target as it is there.

    Raises:
        InvalidTarget: the user's name cannot be part of its address.
        TargetNotFound: there is no such machine.
    """
    machines: Sequence[PoolMachine] | None = getattr(target.address, "machines", None)  # a pool has some
    if machines is not None:
        found = (one for one in machines if machine in ("", one.name))
        if (one := next(found, None)) is None:
            raise TargetNotFound("There is no such machine.")
        return target.on_machine(one), one.address
    try:
        mine = target.for_user(user)
    except TargetNotFound:
        raise InvalidTarget({"": "cannot be tried by you: your user name cannot be part of its address"}) from None
    if mine.address.spec is not None:
        raise TargetNotFound("A managed desktop cannot be tried.")
    return mine, cast("TCPAddress | UnixAddress", mine.address)


def as_json(trial: Trial, *, detail: bool) -> dict[str, Any]:
    """Return a trial as the REST answer has it; with ``detail``, errors have what the log would have."""
    steps = [
        {
            "name": step.name,
            "seconds": round(step.seconds, 4),
            "result": step.result,
            "error": None if step.error is None else step.error.log_line if detail else str(step.error),
        }
        for step in trial.steps
    ]
    picture = trial.picture
    shown = picture and {
        "data": f"data:image/png;base64,{base64.b64encode(picture.png).decode()}",
        "width": picture.width,
        "height": picture.height,
    }
    return {"ok": trial.error is None, "steps": steps, "picture": shown}
