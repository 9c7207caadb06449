"""The machine a bundle is for: the Python of its Ubuntu LTS image and its processor.

Next: `wheels.py` fetches what such a machine can run.
"""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

IMAGES = {"3.10": "Ubuntu 22.04", "3.12": "Ubuntu 24.04", "3.14": "Ubuntu 26.04"}
DEFAULT_PYTHON = "3.12"
MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}
"""As AWS names processors, to what Linux calls them."""
OLDEST_GLIBC, NEWEST_GLIBC = 17, 35
"""2.35 is Ubuntu 22.04's: what a wheel built for it needs, the later images have too."""


@dataclass(frozen=True)
class Target:
    """`python`: major and minor number. `arch`: x86_64 or arm64."""

    python: str
    arch: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"3\.\d{1,2}", self.python):
            raise ValueError(f"{self.python} is no Python version such as {DEFAULT_PYTHON}")
        if self.arch not in MACHINES:
            raise ValueError(f"{self.arch} is none of {', '.join(MACHINES)}")

    @property
    def machine(self) -> str:
        """As Linux names the processor."""
        return MACHINES[self.arch]

    @property
    def name(self) -> str:
        return f"python{self.python}-{self.arch}"

    @property
    def image(self) -> str:
        """Whose own Python it is."""
        return IMAGES.get(self.python, f"an image with Python {self.python}")

    @property
    def tag(self) -> str:
        """E.g. cp312; also the middle of its .pyc files' names, with `cpython-`."""
        return "cp" + self.python.replace(".", "")

    @property
    def platforms(self) -> list[str]:
        """Of wheels, newest first."""
        names = [f"manylinux_2_{minor}_{self.machine}" for minor in range(NEWEST_GLIBC, OLDEST_GLIBC - 1, -1)]
        return [*names, f"manylinux2014_{self.machine}"]

    @property
    def environment(self) -> dict[str, str]:
        """What the markers of a lock's lines ask for."""
        return {
            "implementation_name": "cpython",
            "implementation_version": self.python + ".0",
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": self.python + ".0",
            "python_version": self.python,
            "sys_platform": "linux",
        }

    def interpreter(self) -> Path | None:
        """A Python of the target's minor version on this machine; None when there is none. Any processor will do."""
        if self.python == f"{sys.version_info.major}.{sys.version_info.minor}":
            return Path(sys.executable)
        found = [
            shutil.which(f"python{self.python}"),
            *map(str, Path.home().glob(f".pyenv/versions/{self.python}.*/bin/python3")),
        ]
        return next((Path(path) for path in found if path and _is(path, self.python)), None)

    @property
    def local(self) -> bool:
        """Whether its machine code runs here."""
        return sys.platform == "linux" and platform.machine() == self.machine


def _is(path: str, version: str) -> bool:
    """A launcher may be there without the Python it stands for."""
    try:
        told = subprocess.run(  # noqa: S603 - found on the PATH by a fixed name
            [path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
            capture_output=True, text=True, check=False, timeout=30,
        )  # fmt: skip
    except OSError:
        return False
    return told.stdout.strip() == version
