"""From what an admin writes to values, and what is wrong with it."""
