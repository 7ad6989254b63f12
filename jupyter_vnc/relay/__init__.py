"""Bytes between the two legs of a session, and backpressure."""
