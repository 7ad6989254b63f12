"""What a process listens on, on a machine on which others give their sockets any name."""

import os
import socket
from contextlib import ExitStack

from jupyter_vnc.desktops.processes.listeners import open_doors


def test_a_name_with_a_lines_end_in_it_disturbs_nobody(tmp_path):
    ours = f"jupyter-vnc-{os.getpid()}"
    with ExitStack() as stack:
        for name in (f"{tmp_path}/a\n1: 2 0 no-number 1 1 5 @x", f"\0{ours}"):
            server = stack.enter_context(socket.socket(socket.AF_UNIX))
            server.bind(name)
            server.listen()
        assert f"abstract socket @{ours}" in open_doors(os.getpid())
