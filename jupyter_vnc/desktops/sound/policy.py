"""Which desktops of a server have sound, and the sound server that the server itself was started with."""

from __future__ import annotations

import os
from collections.abc import Mapping

from jupyter_vnc.model.addresses import DesktopSpec
from jupyter_vnc.system.logs import Log

from . import pulseaudio
from .sound import Sound


class SoundPolicy:
    """Decides for all desktops of a server which of them have sound.

    Args:
        variables: the administrator's for desktops, which may name a sound server.
        log: told once why desktops have no sound.
    """

    def __init__(self, variables: Mapping[str, str], log: Log) -> None:
        #: What the server was started with that speaks of a sound server; kernels keep it.
        self.own = pulseaudio.own(os.environ)
        self._variables = variables
        self._log = log
        self._told = False

    def wanted(self, spec: DesktopSpec) -> bool:
        """Whether a desktop is to have a sound server of its own, where that is installed."""
        return pulseaudio.wanted(spec, self._variables)

    def has(self, spec: DesktopSpec, running: Sound | None) -> bool:
        """Whether a desktop that is up has sound; of another, whether it will have if it starts now.

        Args:
            spec: how the desktop is started.
            running: its sound, if it is up.
        """
        return running.there if running is not None else self.wanted(spec) and not pulseaudio.lack()

    def tell_lack(self, spec: DesktopSpec) -> None:
        """Say once why desktops have no sound, when the first one starts that is to have some."""
        if self.wanted(spec) and not self._told and (lack := pulseaudio.lack()):
            self._told = True
            self._log.info("%s `jupyter vnc doctor` says what to do", lack)
