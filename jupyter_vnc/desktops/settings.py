"""The configuration of managed desktops: every trait, with its unit, its default, and why one would change it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from jupyter_core.paths import jupyter_runtime_dir
from traitlets import Bool, Dict, Enum, Float, Int, List, Unicode

from jupyter_vnc.exceptions import DesktopFailed
from jupyter_vnc.system.account import home_folder
from jupyter_vnc.system.environment import without_secrets
from jupyter_vnc.system.logs import Configurable

from . import doctor
from .sound import pulseaudio
from .video.video import VideoSettings
from .x11 import xvnc


class DesktopSettings(Configurable):
    """What an admin can set for all managed desktops of a server."""

    xserver = Unicode(
        help="""The X server with VNC: a path or a name on PATH. Default: empty, the first that is installed of
        Xtigervnc, Xvnc (TigerVNC 1.11 or later, TurboVNC 3.1 or later). Set it when several are installed.
        """,
    ).tag(config=True)

    start_on = Enum(
        ["window", "view", "server"],
        "window",
        help="""When the desktop whose display kernels and terminals get (``kernel_display``) starts: with the first
        ``window`` that a program opens on it or the first viewer (default), with the first ``view``er only, or with
        the ``server``.
        """,
    ).tag(config=True)

    kernel_display = Unicode(
        "auto",
        help="""The managed desktop whose ``DISPLAY`` and ``XAUTHORITY`` kernels and terminals get: name of a target.
        Default ``auto``: the first one, unless the server itself has a display. Empty for none.
        """,
    ).tag(config=True)

    start_timeout = Float(
        30.0,
        min=1.0,
        help="""Seconds that a desktop may take to start. Default 30. Raise it where homes or programs are on a slow
        network disk.
        """,
    ).tag(config=True)

    stop_timeout = Float(
        10.0,
        min=0.0,
        help="""Seconds that a desktop's programs get to end by themselves before they are killed. Default 10. Raise it
        if programs need longer to save their work.
        """,
    ).tag(config=True)

    cull_idle_timeout = Float(
        0.0,
        min=0.0,
        help="""Seconds without a viewer and without input after which a desktop is stopped. Default 0: never, it stays
        until the server stops. Set it where idle desktops take memory from others.
        """,
    ).tag(config=True)

    max_desktops = Int(
        4,
        min=0,
        help="""Running desktops per user. Default 4; 0 for no limit. Raise it where users have many applications of
        their own tile; each desktop takes about 100 MB of memory with a small session.
        """,
    ).tag(config=True)

    crash_limit = Int(
        3,
        min=1,
        help="""Failures in ten minutes after which a desktop starts only when somebody asks for a restart. Default 3.
        Until then a viewer that comes back starts it again, as viewers do by themselves after a crash. Raise it for a
        session that is known to crash.
        """,
    ).tag(config=True)

    screen_lock = Bool(
        False,
        help="""Whether sessions may start their screen lockers. Default False: users are logged in to Jupyter already,
        and in a container they have no password to unlock a screen with. A user's own autostart entry has precedence.
        """,
    ).tag(config=True)

    variables = Dict(
        key_trait=Unicode(),
        value_trait=Unicode(),
        help="""Variables for the programs of every desktop, added to the server's own. Default: none. For example
        ``{"LANG": "de_DE.UTF-8"}`` on a machine whose service manager sets no language, or ``{"HOME": "/scratch"}``
        where homes cannot be written.
        """,
    ).tag(config=True)

    video_rate = Int(
        30,
        min=1,
        max=60,
        help="""Pictures a second of a desktop's video, 1 to 60. Default 30. Raise it for games and animations where
        there are processors to spare: 60 cost nearly twice as much. Only with the extra ``stream``.
        """,
    ).tag(config=True)

    video_quality = Int(
        6,
        min=0,
        max=9,
        help="""Quality of a desktop's video while it moves, 0 (least) to 9 (best). Default 6. Lower it where the
        network is slow. At rest the picture is as sharp as ever. Only with the extra ``stream``.
        """,
    ).tag(config=True)

    secret_variables = List(
        Unicode(),
        help="""Variables of the server that its desktops do not get, besides Jupyter's own secrets and those that
        ``password_env`` names: names, in which ``*`` stands for any characters. Default: none. For example
        ``["GITHUB_TOKEN", "*_API_KEY"]`` where the server's environment has what the programs of a desktop should not
        see.
        """,
    ).tag(config=True)

    #: What was found; None until something was.
    _server: xvnc.XServer | None = None

    @property
    def server(self) -> xvnc.XServer | None:
        """The X server that desktops get, or None; looked for again until one is found."""
        if self._server is None:
            self._server = xvnc.find([self.xserver] if self.xserver else xvnc.CANDIDATES)
        return self._server

    @property
    def available(self) -> bool:
        """Whether an X server with VNC is installed."""
        return self.server is not None

    @property
    def advice(self) -> str:
        """What to do if no desktop can be started; empty when one can."""
        if self.available:
            return ""
        if path := xvnc.silent([self.xserver] if self.xserver else xvnc.CANDIDATES):
            wait = f"{xvnc.VERSION_TIMEOUT:g} seconds"
            return f"`{path} -version` did not answer within {wait}. It is asked again in a moment."
        if self.xserver:
            return f"DesktopManager.xserver names {self.xserver!r}, which is not a usable TigerVNC or TurboVNC."
        return (
            "No X server with VNC is installed: run `apt-get install tigervnc-standalone-server` as root, "
            "or `jupyter vnc doctor`."
        )

    def for_desktops(self, own_sound: Mapping[str, str]) -> Settings:
        """Return what all desktops of the server have in common.

        Args:
            own_sound: see :attr:`Settings.own_sound`.

        Raises:
            DesktopFailed: there is no X server.
        """
        if self.server is None:
            raise DesktopFailed(self.advice)
        return Settings(
            self.server,
            self.start_timeout,
            self.screen_lock,
            self.variables,
            self.secret_variables,
            own_sound,
            VideoSettings(self.video_rate, self.video_quality),
        )

    def examine(self) -> doctor.Report:
        """Look for what this machine lacks; reads files, so a loop calls it in a thread."""
        return doctor.examine(doctor.Surroundings(lambda: self.server, jupyter_runtime_dir()))


@dataclass(frozen=True, slots=True)
class Settings:
    """What all desktops of a server have in common. Times in seconds."""

    server: xvnc.XServer
    start_timeout: float = 30.0
    screen_lock: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)
    secret_variables: Sequence[str] = ()
    #: What the server was started with that speaks of a sound server. Kernels may have been given another one since,
    #: which is a desktop's own.
    own_sound: Mapping[str, str] = field(default_factory=dict)
    video: VideoSettings = field(default_factory=VideoSettings)

    @property
    def environ(self) -> dict[str, str]:
        """What of the server's environment a desktop's programs inherit, its X server and helpers included."""
        return pulseaudio.without(without_secrets(os.environ, self.secret_variables)) | dict(self.own_sound)

    @property
    def home(self) -> str:
        """The home folder of a desktop's programs."""
        return self.variables.get("HOME") or home_folder()
