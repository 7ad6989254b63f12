"""The rules of a release that could be broken unnoticed: versions, changelog, and contents of a wheel."""

import json
import tomllib
import zipfile
from pathlib import Path

import pytest

import noxfile
from scripts import release
from scripts.release import ReleaseError

ROOT = Path(__file__).parent.parent
DASH = "\u2013"
CHANGELOG = f"""# Changelog

Text.

## 0.1.0 {DASH} 2026-12-01

- One thing.

### More

- Two.

## 0.0.9 {DASH} 2026-01-01

- Old.
"""
NOVNC = json.loads((ROOT / "labextension/package.json").read_text())["devDependencies"]["@novnc/novnc"]


VERSION = "jupyter_vnc/static/novnc/version.json"


def novnc(version, licence):
    return json.dumps({"name": "@novnc/novnc", "version": version, "license": licence}).encode()


@pytest.fixture
def wheel(tmp_path):
    """Make a wheel; arguments are files to add, and names to leave out."""

    def make(more=(), without=""):
        data = "jupyter_vnc-0.1.0.data/data/share/jupyter/"
        files = {f"{data}{name}" if name.startswith("lab") else name: b"{}" for name in release.NEEDED}
        files["jupyter_vnc-0.1.0.dist-info/licenses/LICENSE"] = files.pop("licenses/LICENSE")
        files[VERSION] = novnc(NOVNC, "MPL-2.0")
        bundled = {"packages": [{"name": "css-loader", "versionInfo": "7.1.5", "licenseId": "MIT"}]}
        licences = next(name for name in files if name.endswith("third-party-licenses.json"))
        files[licences] = json.dumps(bundled).encode()
        metadata = "Metadata-Version: 2.4\nName: jupyter-vnc\nVersion: 0.1.0\nRequires-Dist: PyYAML>=6\n"
        metadata += "Requires-Dist: pcmflux>=2; extra == 'sound'\n"
        files["jupyter_vnc-0.1.0.dist-info/METADATA"] = metadata.encode()
        path = tmp_path / "jupyter_vnc-0.1.0-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in {**files, **dict(more)}.items():
                if not without or without not in name:
                    archive.writestr(name, content)
        return path

    return make


def test_a_good_wheel_has_no_faults(wheel):
    assert list(release.faults(wheel())) == []


@pytest.mark.parametrize(
    "name", ["novnc/LICENSE.txt", "viewer/page.js", "third-party-licenses.json", "licenses/LICENSE"]
)
def test_a_file_that_is_missing_is_named(wheel, name):
    assert any(name in fault for fault in release.faults(wheel(without=name)))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("jupyter_vnc/static/viewer/page.js.map", b"{}"),
        ("jupyter_vnc/static/viewer/more.js", b"x\n//# sourceMappingURL=data:application/json;base64,e30="),
        ("jupyter_vnc/static/viewer/more.js", b"load('/root/jupyter-vnc/labextension/src/index.ts')"),
        ("jupyter_vnc/static/viewer/more.js", b"x\n//# sourceMappingURL=more.js.map"),
        ("jupyter_vnc/.env", b""),
        ("jupyter_vnc/server.key", b""),
        ("jupyter_vnc/__pycache__/app.cpython-311.pyc", b""),
        (
            "jupyter_vnc/static/novnc/version.json",
            b'{"name": "@novnc/novnc", "version": "1.5.0", "license": "MPL-2.0"}',
        ),
        (
            "jupyter_vnc/static/novnc/version.json",
            json.dumps({"name": "@novnc/novnc", "version": NOVNC, "license": "MIT"}).encode(),
        ),
    ],
)
def test_what_should_not_be_in_a_wheel_is_named(wheel, name, content):
    assert len(list(release.faults(wheel(more=[(name, content)])))) == 1


def test_the_notes_are_the_first_section_and_nothing_else():
    assert release.notes(CHANGELOG, "0.1.0", rehearse=False) == "- One thing.\n\n### More\n\n- Two.\n"


@pytest.mark.parametrize(
    "changelog",
    [
        "",
        "## In development\n\n- x\n",
        "## 0.1.0\n\n- x\n",
        f"## 0.2.0 {DASH} 2026-12-01\n\n- x\n",
        f"## 0.1.0 {DASH} 2026-12-01\n\n## 0.0.9 {DASH} 2026-01-01\n",
    ],
)
def test_a_changelog_that_was_not_cut_is_refused(changelog):
    with pytest.raises(ReleaseError, match=r"CHANGELOG\.md"):
        release.notes(changelog, "0.1.0", rehearse=False)


def test_this_checkouts_version_has_one_place_and_its_changelog_can_be_rehearsed():
    release.check_version(release.version(), rehearse=True)
    assert release.notes((ROOT / "CHANGELOG.md").read_text(), release.version(), rehearse=True)
    with pytest.raises(ReleaseError, match="development"):
        release.check_version("0.1.0.dev0", rehearse=False)
    with pytest.raises(ReleaseError, match=r"package\.json"):
        release.check_version("9.9.9", rehearse=False)


def test_the_bill_of_materials_has_what_is_bundled_and_what_is_required(wheel):
    bill = release.materials(wheel(), "0.1.0")
    assert {one["purl"] for one in bill["components"]} == {
        f"pkg:npm/%40novnc/novnc@{NOVNC}",
        "pkg:npm/css-loader@7.1.5",
        "pkg:pypi/pyyaml",
    }
    assert bill["metadata"]["component"]["purl"] == "pkg:pypi/jupyter-vnc@0.1.0"
    assert release.materials(wheel(), "0.1.0") == bill


def test_nox_runs_the_pythons_of_the_classifiers():
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    named = [
        line.rpartition(" :: ")[2] for line in classifiers if line.startswith("Programming Language :: Python :: 3.")
    ]
    assert named == list(noxfile.PYTHONS)
    assert all((ROOT / name).exists() for name in noxfile.TESTS)
