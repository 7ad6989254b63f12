"""Managed desktops: X servers with their programs that this package starts, watches and stops."""
