"""Target sources: where targets come from."""
