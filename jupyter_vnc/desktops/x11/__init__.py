"""The X display of a desktop.

The X11 client, the authority file and the window fitter are kept here instead of taken from a library: they run in an
isolated interpreter without site packages and start in a few milliseconds.
"""
