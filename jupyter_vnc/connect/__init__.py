"""The target leg: reaching a VNC server and logging in to it."""
