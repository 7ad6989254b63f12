"""Token stores that several processes share."""
