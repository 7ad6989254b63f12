"""Values and registries without I/O: users, targets, addresses, sessions."""
