"""What ``make demo`` does before it starts anything: steps that overlap, and one sentence where that cannot work."""

import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from scripts import install, prepare, steps
from scripts.steps import Step, StepFailed, run_all

ROOT = Path(__file__).parent.parent


def python(code):
    return (sys.executable, "-c", code)


def test_steps_that_need_nothing_of_each_other_overlap(tmp_path, capsys):
    # Each waits for the other's file: one after the other, they would never end.
    code = "import pathlib, time\npathlib.Path({own!r}).touch()\n"
    code += "while not pathlib.Path({other!r}).exists(): time.sleep(0.01)"
    names = [str(tmp_path / name) for name in ("one", "two")]
    both = [
        Step("first", [python(code.format(own=names[0], other=names[1]))]),
        Step("second", [python(code.format(own=names[1], other=names[0]))]),
    ]
    thread = threading.Thread(target=run_all, args=(both, tmp_path / "logs"), daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    said = capsys.readouterr().out
    assert re.search(r"\d s  first \(\d+\.\d s of processor time\)\n", said)
    assert re.search(r"\d s  second \(\d+\.\d s of processor time\)\n", said)


def test_a_step_begins_after_those_that_it_needs_and_leaves_a_stamp(tmp_path):
    file, stamp = tmp_path / "file", tmp_path / "stamp"
    late = Step(
        "late", [python(f"assert open({str(file)!r}).read() == 'x'")], needs=["early", "done long ago"], stamp=stamp
    )
    early = Step("early", [python(f"import time; time.sleep(0.1); open({str(file)!r}, 'w').write('x')")])
    run_all([late, early], tmp_path / "logs")
    assert stamp.exists()


def test_a_step_that_fails_is_named_with_the_end_of_its_output_and_nothing_else_begins(tmp_path):
    stamp = tmp_path / "stamp"
    bad = Step("bad step", [python("print('what it said'); raise SystemExit(3)")], stamp=stamp)
    after = Step("after", [python(f"open({str(tmp_path / 'after')!r}, 'w')")], needs=["bad step"])
    with pytest.raises(StepFailed, match=r"bad step failed[\s\S]*what it said"):
        run_all([bad, after], tmp_path / "logs")
    assert not stamp.exists()
    assert not (tmp_path / "after").exists()
    with pytest.raises(StepFailed, match="no such thing"):
        run_all([Step("lost", [("/nowhere/no such thing",)])], tmp_path / "logs")


def test_the_processor_time_of_a_step_is_that_of_all_its_processes(tmp_path):
    burn = "import time\nwhile time.process_time() < 0.3: pass"
    child = python(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}], check=True)")
    spent = steps.run(Step("busy", [child, python(burn)]), tmp_path)
    assert spent.work >= 0.6
    assert steps.run(Step("idle", [("sleep", "0.3")]), tmp_path).work < 0.3


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, True),
        ({"cert": "/etc/ssl/ca.pem", "timeout": "60", "disable-pip-version-check": "1"}, True),
        ({"index-url": "https://pypi.example/simple"}, False),
        ({"extra-index-url": "https://pypi.example/simple"}, False),
        ({"constraint": "constraints.txt"}, False),
        ({"proxy": "http://proxy.example:3128"}, False),
    ],
)
def test_uv_installs_where_pip_was_told_of_no_other_place(settings, expected):
    assert install.suits_uv(settings, {"UV_CACHE_DIR": "/tmp/uv", "PATH": "/bin"}) is expected


@pytest.mark.parametrize(
    "name", ["UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL", "UV_INDEX", "UV_CONFIG_FILE", "UV_FIND_LINKS"]
)
def test_pip_installs_where_uv_was_told_of_another_place(name):
    assert not install.suits_uv({}, {name: "https://pypi.example/simple"})


@pytest.mark.parametrize("text", [b"index-url = no section\n", b"[global]\nindex-url = \xff\n", b"[global\n"])
def test_a_configuration_that_pip_cannot_read_is_a_sentence(tmp_path, monkeypatch, capsys, text):
    file = tmp_path / "pip.conf"
    file.write_bytes(text)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(file))
    with pytest.raises(SystemExit, match=r"^pip cannot read its configuration"):
        install.main(["pillow"])
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("told", [{}, {"no-cache-dir": "1"}, {"no-cache-dir": "false"}])
def test_uv_keeps_nothing_where_pip_keeps_nothing_and_pip_soon_gives_up_to_get_uv(monkeypatch, told):
    ran = []

    def run(argv, env=None, **_):
        ran.append((argv, env))
        return subprocess.CompletedProcess(argv, int("--version" in argv))

    monkeypatch.setattr(install.subprocess, "run", run)
    monkeypatch.delenv("UV_NO_CACHE", raising=False)
    assert install.install_with_uv(["pillow"], told)
    (_, (pip, _), (uv, variables)) = ran
    assert {"--retries=1", "--timeout=10"} < {*pip}
    assert "--no-config" in uv
    assert variables.get("UV_NO_CACHE") == ("1" if told else None)


def test_what_pip_was_told_is_known_by_the_names_of_its_options(tmp_path, monkeypatch):
    file = tmp_path / "pip.conf"
    file.write_text("[global]\nindex-url = https://pypi.example/simple?a=b\n[install]\nno_compile = true\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(file))
    monkeypatch.setenv("PIP_DEFAULT_TIMEOUT", "60")
    settings = install.pip_settings()
    assert settings["index-url"] == "https://pypi.example/simple?a=b"
    assert settings["no-compile"] == "true"
    assert settings["default-timeout"] == "60"


@pytest.mark.parametrize(
    ("settings", "broken", "expected"),
    [
        ({}, "", ["uv --version", "uv pip"]),
        ({"index-url": "https://pypi.example/simple"}, "", ["pip install"]),
        ({}, "uv", ["uv --version", "pip install uv", "uv pip", "pip install"]),
        ({}, "uv, and no wheel of it", ["uv --version", "pip install uv", "pip install"]),
    ],
)
def test_pip_installs_what_uv_cannot(monkeypatch, settings, broken, expected):
    asked = []

    def run(argv, **_):
        words = list(argv[2:])
        tool = (
            " ".join([*words[:1], "--version" if "--version" in words else "pip"])
            if words[0] == "uv"
            else "pip install"
        )
        asked.append(f"{tool} uv" if install.UV in words else tool)
        failed = words[0] == "uv" if broken == "uv" else bool(broken) and (words[0] == "uv" or install.UV in words)
        return subprocess.CompletedProcess(argv, int(failed))

    for name in [name for name in os.environ if name.startswith("UV_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(install, "pip_settings", lambda: settings)
    monkeypatch.setattr(install.subprocess, "run", run)
    assert install.main(["pillow"]) == 0
    assert asked == expected


def test_steps_that_wait_for_each_other_are_a_mistake(tmp_path):
    with pytest.raises(ValueError, match="a, b"):
        run_all([Step("a", [], needs=["b"]), Step("b", [], needs=["a"])], tmp_path)


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout in which nothing was installed or built."""
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    for name, place in {"ROOT": "", "VENV": ".venv", "MADE": ".make", "LAB": "labextension"}.items():
        monkeypatch.setattr(prepare, name, tmp_path / place)
    monkeypatch.setattr(prepare, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    monkeypatch.setattr(prepare, "PACKAGE", tmp_path / "jupyter_vnc")
    return tmp_path


def names(demo, missing=()):
    made = [*prepare.system_steps(demo, list(missing)), *prepare.python_steps(demo), *prepare.front_end_steps(demo)]
    return [step.name for step in made]


def test_the_first_time_all_is_to_do_and_the_second_time_nothing(checkout, monkeypatch):
    monkeypatch.setattr(prepare, "has_node", lambda: True)
    first = names("demo", ["python3-venv", "xterm"])
    assert first == [
        *("list of system packages", "Python's venv", "desktop"),
        *("environment", "build tools", "Python packages", "jupyter-vnc", "JavaScript packages", "front end"),
    ]
    for name in (".venv/bin/python", ".make/demo", ".make/frontend"):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).touch()
    assert names("demo") == []
    assert names("hub-demo") == ["build tools", "Python packages", "jupyter-vnc", "hub's proxy"]


def test_only_what_needs_nodejs_waits_for_it(checkout, monkeypatch):
    monkeypatch.setattr(prepare, "has_node", lambda: False)
    made = [*prepare.python_steps("hub-demo"), *prepare.front_end_steps("hub-demo")]
    assert {step.name for step in made if "Node.js" in step.needs} == {"JavaScript packages", "hub's proxy"}
    (install,) = [step.commands for step in made if step.name == "Node.js"]
    assert prepare.NODE_PACKAGE in install[0]
    assert not [one for one in made if one.name != "Node.js" and prepare.NODE_PACKAGE in str(one.commands)]


def test_what_has_changed_is_built_again(checkout):
    source = checkout / "labextension" / "src" / "index.ts"
    stamp = checkout / ".make" / "frontend"
    for file in (source, stamp, checkout / ".make" / "demo", checkout / ".venv" / "bin" / "python"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    assert names("demo") == []
    later = time.time() + 10
    os.utime(source, (later, later))
    assert names("demo") == ["JavaScript packages", "front end"]
    os.utime(checkout / "pyproject.toml", (later, later))
    assert "Python packages" in names("demo")


@pytest.mark.parametrize("demo", prepare.DEMOS)
def test_every_need_is_the_name_of_a_step(checkout, demo):
    made = [*prepare.system_steps(demo, ["python3-venv", "xterm"]), *prepare.python_steps(demo)]
    made += prepare.front_end_steps(demo)
    assert {need for step in made for need in step.needs} <= {step.name for step in made}


def test_without_a_network_or_the_right_to_install_it_says_what_is_missing(monkeypatch, capsys):
    step = Step("Python packages", [])
    monkeypatch.setattr(prepare, "has_network", lambda: False)
    with pytest.raises(SystemExit):
        prepare.check([step], [])
    assert "There is no network, and these are missing: Python packages." in capsys.readouterr().err
    prepare.check([], [])
    monkeypatch.setattr(prepare, "has_network", lambda: True)
    prepare.check([step], [])
    monkeypatch.setattr(prepare, "may_install", lambda: False)
    with pytest.raises(SystemExit):
        prepare.check([step], ["xterm", "openbox"])
    assert "apt-get install --no-install-recommends xterm openbox" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("files", "variables", "expected"),
    [
        ({"/proc/net/route": ["Iface Destination", "eth0 00000000 0102A8C0"]}, {}, True),
        ({"/proc/net/route": ["Iface Destination", "eth0 0002A8C0 00000000"]}, {}, False),
        ({"/proc/net/ipv6_route": ["0" * 32 + " 00 " + "0" * 32 + " eth0"]}, {}, True),
        ({"/proc/net/ipv6_route": ["0" * 32 + " 00 " + "0" * 32 + " lo"]}, {}, False),
        ({}, {"https_proxy": "http://proxy.example:3128"}, True),
        ({}, {}, False),
    ],
)
def test_a_way_out_is_a_default_route_or_a_proxy(monkeypatch, files, variables, expected):
    for name in ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(prepare, "_lines", lambda name: files.get(name, []))
    assert prepare.has_network() is expected


def test_a_user_without_rights_gets_the_command_and_nothing_is_changed(tmp_path):
    """The script itself, with a ``dpkg-query`` that knows no package and no way to become root."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, text in {"dpkg-query": "#!/bin/sh\nexit 1\n", "sudo": "#!/bin/sh\nexit 1\n"}.items():
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    argv = [ROOT / "scripts" / "system-packages", "missing", "demo"]
    environ = os.environ | {"PATH": f"{tools}:{os.environ['PATH']}"}
    said = subprocess.run(argv, env=environ, capture_output=True, text=True, check=True, timeout=60).stdout.split()
    assert {"tigervnc-standalone-server", "xfce4-session", "mousepad", "ristretto", "openbox"} <= set(said)
    assert not any("screensaver" in name or "locker" in name for name in said)


def test_the_extras_have_what_the_demos_import_and_no_tools_for_tests():
    extras = prepare.project()["project"]["optional-dependencies"]
    for demo in prepare.DEMOS:
        found = " ".join(extras[demo])
        assert "jupyterlab" in found
        assert not any(name in found for name in ("pytest", "playwright", "mypy", "pyqt"))
        # Without this limit the second start takes twice its time.
        assert "jsonschema<4.25" in extras[demo]
    assert set(extras["hub"]) <= set(extras["hub-demo"])


def test_a_node_that_is_too_old_is_none(tmp_path, monkeypatch):
    monkeypatch.setattr(prepare, "VENV", tmp_path / "venv")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    for name in ("node", "npm"):
        (tmp_path / name).write_text("#!/bin/sh\necho v18.20.4\n")
        (tmp_path / name).chmod(0o755)
    assert not prepare.has_node()
    (tmp_path / "node").write_text("#!/bin/sh\necho v20.1.0\n")
    assert prepare.has_node()


def test_the_sentence_of_a_failure_is_all_that_is_printed(capsys):
    with pytest.raises(SystemExit) as caught:
        steps.fail("Why.")
    assert caught.value.code == 1
    assert capsys.readouterr().err == "Why.\n"
