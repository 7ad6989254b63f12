"""The hub: replace its login by yours, and name your courses."""

import os

from jupyter_vnc.hub import config as vnc

c = get_config()  # noqa: F821 - traitlets has it there

c.JupyterHub.bind_url = "http://:8000"
c.JupyterHub.hub_ip = "0.0.0.0"  # noqa: S104 - the network of these containers
c.JupyterHub.hub_connect_ip = "hub"

# One password for all, to try it. Use your own authenticator.
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = os.environ["HUB_PASSWORD"]
c.Authenticator.allow_all = True
c.Authenticator.admin_users = {"root"}

# This hub starts no servers: who logs in gets the desktops. Give it a spawner, and delete this line.
c.JupyterHub.default_url = "/services/vnc/"

c.JupyterHub.load_groups = {"course-a": {"users": ["ann"]}}
c.JupyterHub.custom_scopes = vnc.scopes()
c.JupyterHub.services = [vnc.service(api_token=os.environ["VNC_SERVICE_TOKEN"], url="http://proxy")]
c.JupyterHub.load_roles = [*vnc.roles(), *vnc.course("course-a", instructors=["ada"])]
