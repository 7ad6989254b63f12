"""The broker's limits as traits: each says its unit, its default, and why one would change it."""

from __future__ import annotations

from traitlets import Bool, Enum, Float, HasTraits, Int

from jupyter_vnc.model.session_registry import SessionLimits
from jupyter_vnc.tokens import PER_USER, TOTAL


class BrokerLimits(HasTraits):
    """How much, how often and how long. 0 switches a limit off where that is safe."""

    token_ttl = Float(
        30.0,
        min=5.0,
        max=300.0,
        help="""Seconds that a token waits to be redeemed. Default 30: the viewer redeems in less than one. Raise it
        only for a link slower than that.""",
    ).tag(config=True)
    tokens_per_user = Int(
        PER_USER,
        min=1,
        help="Unused tokens of one user at once. Default 16; more are refused until the oldest expires.",
    ).tag(config=True)
    tokens_total = Int(
        TOTAL, min=1, help="Unused tokens of all users at once. Default 4096, about 2 MiB of memory."
    ).tag(config=True)
    tokens_per_minute = Float(
        60.0, min=0.0, help="Tokens that one user may ask for in a minute, on average. Default 60; 0 for no limit."
    ).tag(config=True)
    token_burst = Int(20, min=1, help="Tokens that one user may ask for at once. Default 20.").tag(config=True)

    sessions_per_user = Int(8, min=0, help="Open desktops of one user. Default 8; 0 for no limit.").tag(config=True)
    look_ins_per_user = Int(
        64,
        min=0,
        help="""Desktops of others on which one instructor looks in at once. Default 64; 0 for no limit. They do not
        count in ``sessions_per_user``. Raise it for a larger course.""",
    ).tag(config=True)
    sessions_per_target = Int(
        8,
        min=0,
        help="""Viewers of one VNC server. Default 8; 0 for no limit. People count first: somebody who is not there is
        admitted while fewer people are there, somebody who is there while fewer windows are open. Instructors and
        admins who look in are counted by themselves. A target's key ``max_sessions`` overrides it. Without that key it
        does not apply to targets with ``"mode": "view"``, which a whole class may watch.""",
    ).tag(config=True)
    sessions_total = Int(
        64,
        min=0,
        help="""Open desktops of all users, at all processes of a hub's service. Default 64, in the hub's service 512; 0
        for no limit. Each takes four open files and 2 MiB at most. At start, a warning says if the limit of open files
        is too low for that many.""",
    ).tag(config=True)

    connect_timeout = Float(
        10.0, min=0.1, help="Seconds to connect to a VNC server, waiting for a turn included. Default 10."
    ).tag(config=True)
    handshake_timeout = Float(
        15.0, min=0.1, help="Seconds for the handshake with a VNC server, and with a viewer. Default 15."
    ).tag(config=True)
    stall_timeout = Float(
        30.0,
        min=0.0,
        help="""Seconds for which either end may accept no data while bytes are waiting for it; then the session is
        closed and the viewer reconnects. Default 30. Raise it for phones that sleep; 0 for no limit keeps dead
        sessions. (The operating system drops a TCP target that accepts no data after 40 seconds at the latest.)""",
    ).tag(config=True)
    ping_interval = Float(
        20.0,
        min=0.0,
        help="""Seconds between pings to the browser, and for its answer. Default 20, below the idle timeout of common
        reverse proxies; 0 for none.""",
    ).tag(config=True)
    recheck_interval = Float(
        300.0,
        min=0.0,
        help="""Seconds between checks that a session's user is still logged in and still permitted to use the target.
        Default 300, because a hub may take as long to report a change anyway; 0 for never.""",
    ).tag(config=True)
    max_message = Int(
        128 * 1024,
        min=40 * 1024,
        help="""Largest websocket message from a browser, in bytes. Default 128 KiB; at least 40 KiB, because a picture
        for the wall of a course room has up to 33.""",
    ).tag(config=True)

    activity = Enum(
        ["input", "traffic", "none"],
        default_value="input",
        help="""What counts as activity for idle culling: ``input`` (default; keys, pointer, clipboard), ``traffic``
        (any byte, so an open tab keeps the server alive), or ``none``.""",
    ).tag(config=True)

    wall = Bool(
        None,
        allow_none=True,
        help="""Whether viewers send small pictures to the wall of a course room, while an instructor has it open, where
        a target's key ``wall`` does not say. Users are told in the toolbar. Default None: for targets with
        ``allow_groups`` only. Set it to True in users' servers to have their managed desktops on the wall.""",
    ).tag(config=True)

    @property
    def session_limits(self) -> SessionLimits:
        """The limits on the number of sessions."""
        return SessionLimits(
            self.sessions_per_user, self.sessions_per_target, self.sessions_total, self.look_ins_per_user
        )
