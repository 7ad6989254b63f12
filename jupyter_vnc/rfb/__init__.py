"""RFB without I/O: bytes in, bytes out (RFC 6143 and the community's rfbproto document).

Nothing in this folder opens a socket, reads a clock or knows an event loop. A later floor feeds what it has
read and writes what it is handed; see :mod:`jupyter_vnc.rfb.stream` for the verbs.
"""
