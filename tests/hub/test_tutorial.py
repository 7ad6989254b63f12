"""What the tutorial tells an admin to write works as it stands, but for names of machines, paths and ports."""

import re
from pathlib import Path

import pytest

from tests.hub import hub as hubs
from tests.hub.conftest import looking
from tests.integration import real

pytestmark = pytest.mark.timeout(300)

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial" / "desktops-for-a-course.md"


def code(text):
    """The tutorial's blocks of Python: the targets, and the hub's configuration."""
    targets, hub = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    return targets, hub


async def test_the_tutorials_course(tmp_path):
    targets, config = code(TUTORIAL.read_text())
    with real.tigervnc(tmp_path / "one", password="s3cret-11") as one, real.tigervnc(tmp_path / "two") as two:
        for name, server in (("lab-1", one), ("lab-2", two)):
            written = f'"host": "{name}.example.org", "port": 5901'
            assert written in targets
            targets = targets.replace(written, f'"host": "127.0.0.1", "port": {server.address.port}')
        targets = targets.replace("/etc/jupyter/vnc/lab.passwd", str(one.password_file))
        hub = hubs.Hub(tmp_path, targets)
        here = f"port={hub.service_port}, environment={{'PYTHONPATH': {str(hubs.ROOT)!r}}}, cwd={str(tmp_path)!r}"
        service = f'config_file="{tmp_path}/vnc.py", {here}'
        assert 'config_file="/etc/jupyter/vnc/config.py"' in config
        more = config.replace('config_file="/etc/jupyter/vnc/config.py"', service)
        with (tmp_path / "jupyterhub_config.py").open("a") as file:
            file.write(more)
        try:
            hub.start()
            ann, ada = hub.person("ann"), hub.person("ada")
            assert ann.enter().ok
            assert ada.enter().ok
            async with looking(ann, "lab") as viewer:
                await viewer.until_pixel(5, 5, real.BACKGROUND)
                (row,) = ada.ask("api/room").json()["sessions"]
                assert (row["user"], row["target"]) == ("ann", "lab")
        finally:
            hub.close()
