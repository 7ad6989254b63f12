#!/usr/bin/env python3
"""Make the files of a release in ``dist/``, and check them; publishes nothing: ``make release``.

    python -m scripts.release [--rehearse]

The version has one place, ``jupyter_vnc/__init__.py``; everything else is compared with it. The source distribution and
the wheel, which is made from it without Node.js, are built twice and have to be the same bytes. Beside them come a bill
of materials (CycloneDX 1.5) and the release notes, which are the top section of the changelog.
``--rehearse`` accepts a version of development.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import uuid
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from email.parser import Parser
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
DIST: Final = ROOT / "dist"

#: In a wheel: what must be there (the ending of a path), and what must not (a pattern for a whole path).
NEEDED: Final = (
    "jupyter_vnc/static/novnc/rfb.js",
    "jupyter_vnc/static/novnc/LICENSE.txt",
    "jupyter_vnc/static/novnc/version.json",
    "jupyter_vnc/static/viewer/page.js",
    "labextensions/jupyter-vnc/package.json",
    "labextensions/jupyter-vnc/static/third-party-licenses.json",
    "licenses/LICENSE",
)
UNWANTED: Final = re.compile(
    r"(?i)(\.map$|node_modules/|(^|/)\.|\.pem$|\.key$|\.passwd$|build_log\.json$|/__pycache__/|/tests/)"
)
#: What tells of the machine that built it.
LEAKS: Final = re.compile(rb"(?m)^//[#@] ?sourceMappingURL=|/home/[a-z]+/|/root/|webpack-internal:")
#: Files in a wheel that a browser gets.
SCRIPTS: Final = re.compile(r"\.(js|css|json)$")


class ReleaseError(Exception):
    """The release would be wrong; the text says what, and where to repair it."""


def version() -> str:
    """Return the version of the package.

    Raises:
        ReleaseError: there is none.
    """
    found = re.search(r'^__version__ = "(.+)"$', (ROOT / "jupyter_vnc/__init__.py").read_text("utf-8"), re.MULTILINE)
    if found is None:
        raise ReleaseError("jupyter_vnc/__init__.py has no __version__")
    return found[1]


def notes(changelog: str, wanted: str, *, rehearse: bool) -> str:
    """Return the section of a version, which is the first one of the changelog.

    Raises:
        ReleaseError: the first section is another one's, has no date, or is empty.
    """
    found = re.search(r"^## (.+)\n([\s\S]*?)(?=^## |\Z)", changelog, re.MULTILINE)
    heading, text = (found[1].strip(), found[2].strip()) if found else ("", "")
    if not rehearse and not re.fullmatch(rf"{re.escape(wanted)} \u2013 \d{{4}}-\d\d-\d\d", heading):
        raise ReleaseError(
            f"The first section of CHANGELOG.md is “{heading}”; it should be “{wanted} \u2013 YEAR-MM-DD”."
        )
    if not text:
        raise ReleaseError(f"The section “{heading}” of CHANGELOG.md is empty.")
    return f"{text}\n"


def check_version(wanted: str, *, rehearse: bool) -> None:
    """Compare the version with the front end's; refuse one of development.

    Raises:
        ReleaseError: it is not good for a release.
    """
    if ".dev" in wanted and not rehearse:
        raise ReleaseError(f"jupyter_vnc/__init__.py has the version {wanted}, which is one of development.")
    npm = re.sub(r"\.?(dev|a|b|rc)", r"-\1", wanted)
    found = json.loads((ROOT / "labextension/package.json").read_text("utf-8"))["version"]
    if found != npm:
        raise ReleaseError(f"labextension/package.json has the version {found} and not {npm}: run `make front-end`.")


def run(*argv: str | Path, env: Mapping[str, str] | None = None, cwd: Path = ROOT) -> None:
    """Run a command; its output is shown only if it fails.

    Raises:
        ReleaseError: it failed.
    """
    ended = subprocess.run(
        [str(word) for word in argv], cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    if ended.returncode:
        raise ReleaseError(f"{' '.join(map(str, argv))}\n{ended.stdout.decode(errors='replace')[-4000:]}")


def build_environment(*, node: bool) -> dict[str, str]:
    """Return the environment of a build: its date is that of the last commit; without Node.js, PATH has Python only."""
    argv = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    date = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()
    path = os.environ["PATH"] if node else str(Path(sys.executable).parent)
    return {**os.environ, "SOURCE_DATE_EPOCH": date, "PATH": path}


def build(out: Path) -> tuple[Path, Path]:
    """Build the source distribution from the checkout and the wheel from that, without Node.js; return both."""
    options = ("--no-isolation", "--outdir", out)
    run(sys.executable, "-m", "build", "--sdist", *options, env=build_environment(node=True))
    (sdist,) = out.glob("*.tar.gz")
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(sdist) as archive:
            archive.extractall(folder, filter="data")
        (source,) = Path(folder).iterdir()
        # No program of that name may be found in the environment's own folder either.
        without = {**build_environment(node=False), "PATH": folder}
        run(sys.executable, "-m", "build", "--wheel", *options, cwd=source, env=without)
    (wheel,) = out.glob("*.whl")
    return sdist, wheel


def digest(file: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def faults(wheel: Path) -> Iterator[str]:
    """Yield what is wrong with the contents of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        yield from (f"{wheel.name} lacks {name}" for name in NEEDED if not any(one.endswith(name) for one in names))
        yield from (f"{wheel.name} should not have {name}" for name in names if UNWANTED.search(name))
        for name in filter(SCRIPTS.search, names):
            if found := LEAKS.search(archive.read(name)):
                yield f"{name} in {wheel.name} has {found[0].decode()!r}"
        novnc = json.loads(archive.read("jupyter_vnc/static/novnc/version.json"))
        wanted = json.loads((ROOT / "labextension/package.json").read_text("utf-8"))["devDependencies"][novnc["name"]]
        if (novnc["version"], novnc["license"]) != (wanted, "MPL-2.0"):
            yield f"noVNC is {novnc['version']} ({novnc['license']}), and should be {wanted} (MPL-2.0)"


def materials(wheel: Path, wanted: str) -> dict[str, Any]:
    """Return the bill of materials of a wheel: what is bundled in it, and what it requires (CycloneDX 1.5)."""
    with zipfile.ZipFile(wheel) as archive:
        licences = next(name for name in archive.namelist() if name.endswith("static/third-party-licenses.json"))
        bundled = json.loads(archive.read(licences))["packages"]
        novnc = json.loads(archive.read("jupyter_vnc/static/novnc/version.json"))
        metadata = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        requires = Parser().parsestr(archive.read(metadata).decode("utf-8")).get_all("Requires-Dist") or []
    scripts = {(one["name"], one["versionInfo"]): one.get("licenseId") or "" for one in bundled}
    scripts[novnc["name"], novnc["version"]] = novnc["license"]
    components = [_component("npm", name, number, licence) for (name, number), licence in sorted(scripts.items())]
    components += [_component("pypi", *_requirement(line), "") for line in requires if "extra ==" not in line]
    serial = uuid.uuid5(uuid.NAMESPACE_URL, f"jupyter-vnc@{wanted}#{digest(wheel)}")
    ours = {"type": "library", "name": "jupyter-vnc", "version": wanted, "purl": f"pkg:pypi/jupyter-vnc@{wanted}"}
    ours["hashes"] = [{"alg": "SHA-256", "content": digest(wheel)}]  # type: ignore[assignment]
    document = {"bomFormat": "CycloneDX", "specVersion": "1.5", "serialNumber": f"urn:uuid:{serial}", "version": 1}
    return {**document, "metadata": {"component": ours}, "components": components}


def _requirement(line: str) -> tuple[str, str]:
    name, bounds = re.match(r"([A-Za-z0-9._-]+)\s*([^;]*)", line).groups()  # type: ignore[union-attr]
    return re.sub(r"[-_.]+", "-", name).lower(), bounds.strip()


def _component(kind: str, name: str, number: str, licence: str) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "library", "name": name, "version": number}
    if kind == "npm":  # a part of the wheel, in just this version
        found["purl"] = f"pkg:npm/{name.replace('@', '%40')}@{number}"
    else:
        found |= {
            "purl": f"pkg:pypi/{name}",
            "scope": "required",
            "description": "not bundled; version is what is permitted",
        }
    if licence:
        found["licenses"] = [{"license": {"id": licence}}]
    return found


def release(*, rehearse: bool) -> Sequence[Path]:
    """Make all files; return them.

    Raises:
        ReleaseError: something is wrong; ``dist/`` is then empty.
    """
    wanted = version()
    check_version(wanted, rehearse=rehearse)
    text = notes((ROOT / "CHANGELOG.md").read_text("utf-8"), wanted, rehearse=rehearse)
    shutil.rmtree(DIST, ignore_errors=True)
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        made, again = build(Path(first)), build(Path(second))
        for one, other in zip(made, again, strict=True):
            if digest(one) != digest(other):
                raise ReleaseError(f"{one.name} is not reproducible: two builds of it differ.")
        if found := list(faults(made[1])):
            raise ReleaseError("\n".join(found))
        run(sys.executable, "-m", "twine", "check", "--strict", *made)
        DIST.mkdir()
        files = [Path(shutil.copy(file, DIST)) for file in made]
    bill = DIST / f"jupyter_vnc-{wanted}.cdx.json"
    bill.write_text(json.dumps(materials(files[1], wanted), indent=2) + "\n", "utf-8")
    (DIST / "release-notes.md").write_text(text, "utf-8")
    sums = "".join(f"{digest(file)}  {file.name}\n" for file in (*files, bill))
    (DIST / "SHA256SUMS").write_text(sums, "utf-8")
    return [*files, bill, DIST / "release-notes.md", DIST / "SHA256SUMS"]


def main() -> int:
    """Make the release; return the exit status."""
    parser = argparse.ArgumentParser(description="Make and check the files of a release; publishes nothing.")
    parser.add_argument("--rehearse", action="store_true", help="accept a version of development")
    try:
        files = release(rehearse=parser.parse_args().rehearse)
    except ReleaseError as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join(f"{digest(file)[:12]}  {file.relative_to(ROOT)}" for file in files))
    return 0


if __name__ == "__main__":
    sys.exit(main())
