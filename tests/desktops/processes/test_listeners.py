"""What a process listens on, on a machine on which others give their sockets any name."""

import os
import socket
from contextlib import ExitStack

import pytest

from jupyter_vnc.desktops.processes.listeners import open_doors


def test_a_name_with_a_lines_end_in_it_disturbs_nobody(tmp_path):
    ours = f"jupyter-vnc-{os.getpid()}"
    with ExitStack() as stack:
        for name in (f"{tmp_path}/a\n1: 2 0 no-number 1 1 5 @x", f"\0{ours}"):
            server = stack.enter_context(socket.socket(socket.AF_UNIX))
            server.bind(name)
            server.listen()
        assert f"abstract socket @{ours}" in open_doors(os.getpid())


def row(inode):
    """What looks like the row of a socket with an abstract name that listens."""
    return f"{0:016x}: 00000002 00000000 00010000 0001 01 {inode} @x"


def unbound(_):
    return socket.socket(socket.AF_UNIX)


def in_a_folder(tmp_path):
    server = unbound(tmp_path)
    server.bind(f"{tmp_path}/s")
    server.listen()
    return server


def abstract_without_listening(tmp_path):
    link = unbound(tmp_path)
    link.bind(f"\0jupyter-vnc-{os.getpid()}-silent")
    return link


@pytest.mark.parametrize("kind", [unbound, in_a_folder, abstract_without_listening])
@pytest.mark.parametrize("before", ["\0", "folder"])
def test_a_name_that_looks_like_a_row_of_the_table_opens_no_door(tmp_path, kind, before):
    with kind(tmp_path) as ours, socket.socket(socket.AF_UNIX) as theirs:
        theirs.bind(f"{tmp_path / 'f' if before == 'folder' else before}\n{row(os.fstat(ours.fileno()).st_ino)}")
        assert "abstract socket @x" not in open_doors(os.getpid())


def test_where_the_kernel_does_not_say_it_is_a_door(tmp_path, monkeypatch):
    monkeypatch.setattr(socket, "AF_NETLINK", 12345)
    with unbound(tmp_path) as ours, socket.socket(socket.AF_UNIX) as theirs:
        theirs.bind(f"\0\n{row(os.fstat(ours.fileno()).st_ino)}")
        assert "abstract socket @x" in open_doors(os.getpid())
