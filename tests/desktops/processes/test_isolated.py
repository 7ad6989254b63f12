"""Our own small programs run in an interpreter that has no site packages."""

import subprocess

from jupyter_vnc.desktops.processes.isolated import isolated


def test_a_module_runs_without_site_packages(tmp_path):
    command = isolated("processes.supervisor", "a folder", "1")
    assert command[-2:] == ["a folder", "1"]
    script = command[command.index("-c") + 1]
    probe = script.replace("main(*sys.argv[2:])", "print(main.__module__, sys.argv[2:], 'site' in sys.modules)")
    command[command.index(script)] = probe
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True, timeout=60)
    assert done.stdout == "jupyter_vnc.desktops.processes.supervisor ['a folder', '1'] False\n"
