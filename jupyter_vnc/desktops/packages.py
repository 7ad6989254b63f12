"""The packages that add what a machine lacks for managed desktops, by its distribution."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

#: Distributions (``ID`` and ``ID_LIKE`` in os-release(5)), the command that installs packages there, and its column in
#: :data:`PACKAGES`.
INSTALLERS: Final = (
    (("debian", "ubuntu"), ("apt-get", "install", "--no-install-recommends"), 0),
    (("fedora", "rhel", "centos"), ("dnf", "install"), 1),
)

#: What a check that fails wants installed: on Debian and Ubuntu, and on Fedora and its like.
PACKAGES: Final[Mapping[str, tuple[str, str]]] = {
    "X server": ("tigervnc-standalone-server", "tigervnc-server-minimal"),
    "session": (
        "xfce4-session xfwm4 xfce4-panel xfdesktop4 xfce4-terminal thunar adwaita-icon-theme librsvg2-common",
        "xfce4-session xfwm4 xfce4-panel xfdesktop xfce4-terminal Thunar xfce4-settings adwaita-icon-theme",
    ),
    "D-Bus": ("dbus-x11", "dbus-daemon"),
    "fonts": ("fonts-dejavu-core", "dejavu-sans-fonts dejavu-sans-mono-fonts"),
    "OpenGL": ("libgl1-mesa-dri libglx-mesa0 libgl1", "mesa-dri-drivers mesa-libGL"),
    "keyboard data": ("xkb-data x11-xkb-utils", "xkeyboard-config xkbcomp"),
    "sound": ("pulseaudio", "pulseaudio"),
    "video": ("libgbm1 libpixman-1-0 libxkbcommon0", "mesa-libgbm pixman libxkbcommon"),
}


def install_command(os_release: Path, lacking: Sequence[str]) -> str:
    """Return the command that adds what failing checks lack; empty if no package does, or on another distribution.

    Args:
        os_release: the file that says which distribution it is, os-release(5).
        lacking: names of the checks.
    """
    names = [name for name in lacking if name in PACKAGES]
    if not names:
        return ""
    for ids, words, column in INSTALLERS:
        if _distribution(os_release) & set(ids):
            packages = " ".join(PACKAGES[name][column] for name in names)
            return f"sudo {' '.join(words)} {packages}"
    return ""


def _distribution(os_release: Path) -> set[str]:
    found: set[str] = set()
    try:
        lines = os_release.read_text("utf-8", "replace").splitlines()
    except OSError:
        return found
    for line in lines:
        key, _, value = line.partition("=")
        if key in {"ID", "ID_LIKE"}:
            found.update(shlex.split(value.strip("\"'")))
    return found
