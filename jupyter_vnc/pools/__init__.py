"""Pools of machines: who has which, who is next in the queue, and what is written down of it."""
