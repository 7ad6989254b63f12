"""The rules: who, what, how many, for how long."""
