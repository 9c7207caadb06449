"""How much memory this process may still take: of the machine, or of the control group that holds it, if that is less.

Linux only (elsewhere: None, and nobody is refused). Next: `memory.py` compares.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

GROUPS = "sys/fs/cgroup"
UNLIMITED = 2**60
"""Control groups of version 1 without a limit say a number near 2^63."""


def available_bytes(root: Path = Path("/")) -> int | None:
    """MemAvailable, or what the nearest limit leaves. `root`: of the file system, for tests."""
    told = [value for value in (_machine(root), *_groups(root)) if value is not None]
    return max(0, min(told)) if told else None


def _machine(root: Path) -> int | None:
    for line in _read(root / "proc/meminfo").splitlines():
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            return int(value.split()[0]) * 1024
    return None


def _groups(root: Path) -> Iterator[int | None]:
    """What each limit leaves, from the process's own group up: caches of files do not count, they give way."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            for folder in _upwards(root / GROUPS, path):
                yield _left(folder, "memory.max", "memory.current", ("inactive_file", "active_file"))
        elif "memory" in controllers.split(","):
            for folder in _upwards(root / GROUPS / "memory", path):
                names = ("total_inactive_file", "total_active_file")
                yield _left(folder, "memory.limit_in_bytes", "memory.usage_in_bytes", names)


def _upwards(top: Path, path: str) -> Iterator[Path]:
    """The group's folder and those above it. Inside a container the top one is its own."""
    folder = top / path.strip("/")
    while folder != top:
        yield folder
        folder = folder.parent
    yield top


def _left(folder: Path, limit: str, used: str, caches: tuple[str, ...]) -> int | None:
    most, now = _number(folder / limit), _number(folder / used)
    if most is None or now is None or most >= UNLIMITED:
        return None
    cached = 0
    for line in _read(folder / "memory.stat").splitlines():
        name, _, value = line.partition(" ")
        if name in caches:
            cached += int(value)
    return most - now + cached


def _number(path: Path) -> int | None:
    text = _read(path).strip()
    return int(text) if text.isdigit() else None


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
