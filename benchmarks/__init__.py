"""Benchmarks: this project beside what people use today."""
