"""What :mod:`jupyter_vnc.desktop` is made of: the server that a notebook belongs to, and a viewer without a screen."""
