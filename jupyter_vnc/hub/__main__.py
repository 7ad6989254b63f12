"""Run the service: ``python -m jupyter_vnc.hub``."""

from .app import main

if __name__ == "__main__":
    main()
