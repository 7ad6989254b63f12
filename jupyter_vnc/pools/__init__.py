"""Pools of machines: leases, queues, and the file that keeps them."""
