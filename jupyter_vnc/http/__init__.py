"""What every answer and every request of ours has in common: security headers, bodies, frames."""
