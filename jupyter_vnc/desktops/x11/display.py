"""The X display of one desktop: its number, the names under which programs look for it, and its cookie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from jupyter_vnc.desktops.ownership.trust import Claim
from jupyter_vnc.desktops.processes.procfs import is_free
from jupyter_vnc.desktops.processes.runtime_folder import AUTHORITY, HELD_AUTHORITY
from jupyter_vnc.desktops.readiness import free_displays
from jupyter_vnc.exceptions import DesktopFailed

from . import xauthority


class Display:
    """A display number that stays the same as far as it can, since programs have been told it.

    Whoever has the number may try it at any time, while no X server of ours runs there, too, and shows the cookie to
    whoever listens. So a cookie is for one number only, the number's abstract name is claimed as long as there is a
    cookie for it, and each start has a new one unless programs wait at a display of ours with theirs.
    """

    def __init__(self, seed: str) -> None:
        """Begin with no number; those that are tried depend on ``seed``."""
        self.number = 0
        self._seed = seed
        #: Whether there is a cookie for this number that programs may have shown already, to us.
        self._reserved = False
        self._claims: dict[int, Claim] = {}

    @property
    def claims(self) -> Sequence[int]:
        """Descriptors that hold the names."""
        return [claim.descriptor for claim in self._claims.values()]

    def choose(self) -> int:
        """Take the first number that can be had, and return it; 0 if there is none."""
        self.use(next(self.candidates(), 0))
        return self.number

    def use(self, number: int) -> None:
        """Take this number, one of the :meth:`candidates`."""
        if number != self.number:
            self._reserved = False
        self.number = number

    def candidates(self) -> Iterator[int]:
        """Yield numbers to try, all of them claimed; the one that it has comes first."""
        if self.number and is_free(self.number) and self._claim(self.number):
            yield self.number
        yield from free_displays(self._seed, self._claim)

    def variables(self, folder: Path) -> dict[str, str]:
        """What a program needs to open a window on it; the cookie is in the desktop's ``folder``."""
        return {"DISPLAY": f":{self.number}", "XAUTHORITY": str(folder / AUTHORITY)}

    def reserve_cookie(self, folder: Path) -> None:
        """Write a new cookie that programs do not find before it is published.

        Raises:
            DesktopFailed: it cannot be written.
        """
        self._write_cookie(folder, HELD_AUTHORITY)
        self._reserved = True

    def prepare_cookie(self, folder: Path) -> None:
        """Prepare the cookie of an X server that is about to start: a new one, or the one that has been published.

        Raises:
            DesktopFailed: it cannot be written.
        """
        if not (self._reserved and (folder / AUTHORITY).exists()):
            self._write_cookie(folder, AUTHORITY)
        self._reserved = False

    def forget(self) -> None:
        """Give up the names, now that the cookie is gone."""
        for claim in self._claims.values():
            claim.release()
        self._claims.clear()

    def _write_cookie(self, folder: Path, name: str) -> None:
        try:
            for old in (AUTHORITY, HELD_AUTHORITY):
                (folder / old).unlink(missing_ok=True)
            xauthority.write(folder / name, self.number)
        except OSError as error:
            said = f"The desktop's runtime folder cannot be written: {error.strerror}."
            raise DesktopFailed(said, detail=str(error)) from error

    def _claim(self, number: int) -> bool:
        if number not in self._claims:
            try:
                self._claims[number] = Claim(number)
            except OSError:
                return False
        return True
