"""Registered targets: the rules of who may change what, the REST routes and the admin page."""
