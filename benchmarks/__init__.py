"""Benchmarks: this project compared with other relays."""
