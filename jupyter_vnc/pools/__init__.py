"""Pools of machines: leases, queues, and what keeps them."""
