"""How the broker deals with a target: one class for each kind of address, and the one table that chooses."""
