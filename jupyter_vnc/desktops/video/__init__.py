"""Video: what moves on a managed desktop, as H.264 beside RFB, which brings everything else.

:mod:`.streamer` runs in an isolated interpreter: what it imports is the standard library, its like, and pixelflux.
"""
