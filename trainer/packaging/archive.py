"""Archives that are byte by byte the same for the same files: sorted, without owner, time or mode of this machine.

gzip, because every Python unpacks it by itself and three times as fast as xz.
"""

from __future__ import annotations

import gzip
import hashlib
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

Member = tuple[Path, str]
"""A file, and its name inside."""


@dataclass(frozen=True)
class Archive:
    """`packed`: compressed bytes by a name's first two parts, about right to some kilobytes."""

    path: Path
    sha256: str
    bytes: int
    packed: dict[str, int] = field(repr=False)

    def to_json(self) -> dict[str, object]:
        return {"path": str(self.path), "sha256": self.sha256, "bytes": self.bytes}


def write(out: Path, members: Iterable[Member]) -> Archive:
    """A .tar.gz."""
    out.parent.mkdir(parents=True, exist_ok=True)
    packed: dict[str, int] = {}
    with (
        out.open("wb") as raw,
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=9, mtime=0) as stream,
        tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path, name in sorted(members, key=lambda member: member[1]):
            before = raw.tell()
            entry = tarfile.TarInfo(name)
            entry.size = path.stat().st_size
            entry.mode = 0o644
            with path.open("rb") as file:
                archive.addfile(entry, file)
            part = "/".join(name.split("/")[:2])
            packed[part] = packed.get(part, 0) + raw.tell() - before
    with out.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return Archive(out, digest.hexdigest(), out.stat().st_size, packed)


def below(folder: Path, prefix: str = "") -> list[Member]:
    """All files of a folder."""
    return [(path, prefix + path.relative_to(folder).as_posix()) for path in folder.rglob("*") if path.is_file()]
