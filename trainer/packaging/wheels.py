"""The wheels of the lock for a target: fetched with pip, each held to its hash, and unpacked.

pip judges the lock's markers by the Python it runs on, whatever target it is given, so they are judged here first.
Next: `pruning.py`.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import Marker
from packaging.utils import canonicalize_name

from trainer.packaging.target import Target

LOCK = Path(__file__).resolve().parents[1] / "requirements.lock"


@dataclass(frozen=True)
class Pin:
    """A line of the lock: a distribution's name and version, and the hashes of its files."""

    name: str
    version: str
    hashes: tuple[str, ...]

    @property
    def line(self) -> str:
        return f"{self.name}=={self.version} " + " ".join(f"--hash={digest}" for digest in self.hashes)


def pins(lock: str, target: Target) -> list[Pin]:
    """Those that the target needs, by name."""
    joined = re.sub(r"\\\n\s*", " ", lock)
    found: dict[str, Pin] = {}
    for line in joined.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        requirement, *hashes = line.split(" --hash=")
        pin, _, marker = requirement.partition(";")
        name, _, version = pin.strip().partition("==")
        if marker and not Marker(marker.strip()).evaluate({**target.environment, "extra": ""}):
            continue
        if not version or not hashes or name in found:
            raise ValueError(f"the lock's line for {name} is not one version with hashes")
        found[name] = Pin(canonicalize_name(name), version, tuple(digest.strip() for digest in hashes))
    return [found[name] for name in sorted(found)]


def fetch(wanted: list[Pin], target: Target, into: Path) -> list[Path]:
    """The wheels, by file name. What is in the folder already is not asked for again, and nothing else in it counts.

    Raises RuntimeError with pip's words when the package index has none for the target.
    """
    into.mkdir(parents=True, exist_ok=True)
    missing = [pin for pin in wanted if _held(pin, into) is None]
    if missing:
        _download(missing, target, into)
    found = {pin.name: _held(pin, into) for pin in wanted}
    lacking = [name for name, wheel in found.items() if wheel is None]
    if lacking:
        raise RuntimeError(f"There are no wheels with the lock's hashes of {', '.join(lacking)}")
    return sorted(wheel for wheel in found.values() if wheel)


def _held(pin: Pin, folder: Path) -> Path | None:
    """The wheel of a pin, if it is there whole."""
    for wheel in sorted(folder.glob("*.whl")):
        if distribution(wheel) == pin.name and "sha256:" + hashlib.sha256(wheel.read_bytes()).hexdigest() in pin.hashes:
            return wheel
    return None


def _download(wanted: list[Pin], target: Target, into: Path) -> None:
    listed = into / "requirements.txt"
    listed.write_text("".join(pin.line + "\n" for pin in wanted), encoding="utf-8")
    platforms = [word for name in target.platforms for word in ("--platform", name)]
    told = subprocess.run(  # noqa: S603 - our own pip
        [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
         "--require-hashes", "--only-binary=:all:", "--implementation", "cp", "--python-version", target.python,
         "--abi", target.tag, "--abi", "abi3", "--abi", "none", *platforms,
         "--dest", str(into), "-r", str(listed)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if told.returncode:
        raise RuntimeError(f"The wheels cannot be fetched. pip says:\n{told.stderr.strip()}")


def unpack(wheel: Path, into: Path) -> None:
    """A wheel's files where Python finds them; zipfile itself keeps names below `into`."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(into)


def distribution(wheel: Path) -> str:
    """Its name as the lock has it."""
    return canonicalize_name(wheel.name.partition("-")[0])
