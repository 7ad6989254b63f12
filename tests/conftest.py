"""What every test may use: pytest-jupyter's server fixtures, which also run the ``async def`` tests."""

pytest_plugins = ["pytest_jupyter.jupyter_server"]
