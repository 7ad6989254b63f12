"""The uplink: what the servers of a hub's users say of their desktops to the service, and what it has done there."""
