"""What all requests and responses have in common: security headers, bodies, websocket frames."""
