"""The service: what both of its processes have the same of."""

import os

c = get_config()  # noqa: F821 - traitlets has it there

c.VNCHub.db_url = f"postgresql+psycopg://vnc:{os.environ['POSTGRES_PASSWORD']}@db/vnc"
c.VNCHub.cookie_secret_file = "/etc/jupyter/vnc/cookie-secret"
# Machines can be registered at /services/vnc/admin, or stand here.
c.VNCBroker.targets = {}
