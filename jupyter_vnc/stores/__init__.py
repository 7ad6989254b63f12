"""Where tokens are stored; and the database of the hub service, which has more than tokens."""
