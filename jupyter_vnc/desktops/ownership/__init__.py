"""What is ours, how it proves it, and the one way in which it is deleted."""
