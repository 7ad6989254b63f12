"""From an administrator's configuration to checked values."""
