"""The sound of managed desktops: a PulseAudio for each, and the process that brings what it plays to viewers.

:mod:`.streamer` runs in an isolated interpreter: what it imports is the standard library, its like, and pcmflux.
"""
