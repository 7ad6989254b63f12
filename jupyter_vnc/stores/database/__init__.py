"""The database of the hub service: SQLite in one process, PostgreSQL for several. The server extension has none."""
