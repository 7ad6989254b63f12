"""Remote desktops as a service of JupyterHub: ``python -m jupyter_vnc.hub``.

:mod:`jupyter_vnc.hub.config` has what a hub's configuration needs to know of it.
"""
