"""What a target source is: the contract for a plug-in's author."""

from __future__ import annotations

from collections.abc import Sequence

from jupyter_vnc.model.targets import Target
from jupyter_vnc.model.users import User
from jupyter_vnc.system.logs import Configurable


class TargetSource(Configurable):
    """A plug-in that lists the targets of a user. Subclass it, and override what the source can do.

    It is made with ``parent``, for options of its own (traits with ``config=True``): a subclass with a constructor of
    its own takes ``**kwargs`` and passes them on.

    A source that can list needs :meth:`targets` only. One that can only look a name up (an API, a signed token)
    overrides :meth:`target`. Both are asked for each request: keep answers in memory, and do blocking work in a
    thread. An error raised here is logged; the other sources' targets stay usable.
    """

    @property
    def problems(self) -> Sequence[str]:
        """What is wrong with what the source reads, a sentence each; shown to administrators. No secrets, no tokens."""
        return ()

    async def targets(self, user: User) -> Sequence[Target]:
        """List what this user may see, in the order in which tiles should appear."""
        return ()

    async def target(self, user: User, name: str) -> Target | None:
        """Return one target by name, or None if this source has none for the user."""
        return next((target for target in await self.targets(user) if target.name == name), None)

    async def close(self) -> None:
        """Release the source's resources; called once, when the server stops."""
