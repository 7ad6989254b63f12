"""Remote desktops as a service of JupyterHub: ``python -m jupyter_vnc.hub``.

:mod:`jupyter_vnc.hub.config` has helpers for a hub's configuration.
"""
