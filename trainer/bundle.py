"""Builds the worker bundle that the boot script fetches: a .tar.gz, byte by byte the same for the same sources.

`python -m trainer.bundle OUT.tar.gz [--site-packages DIR]` prints {"path", "sha256", "bytes"}. Standard library only.
Inside: `trainer/` and, when given, `site-packages/`.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
LEFT_OUT = {"__pycache__", "tests", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"}
NEEDED = {".py"}


def build(out: Path, site_packages: Path | None = None) -> dict[str, object]:
    """Writes the bundle and says what it is."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with (
        out.open("wb") as raw,
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=9, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path in _files(PACKAGE, NEEDED):
            _add(archive, path, Path("trainer") / path.relative_to(PACKAGE))
        if site_packages:
            for path in _files(site_packages, None):
                _add(archive, path, Path("site-packages") / path.relative_to(site_packages))
    body = out.read_bytes()
    return {"path": str(out), "sha256": hashlib.sha256(body).hexdigest(), "bytes": len(body)}


def _files(root: Path, suffixes: set[str] | None) -> Iterator[Path]:
    for path in sorted(root.rglob("*")):
        inside = path.relative_to(root)
        wanted = suffixes is None or path.suffix in suffixes
        if path.is_file() and wanted and not (suffixes and LEFT_OUT.intersection(inside.parts)):
            yield path


def _add(archive: tarfile.TarFile, path: Path, name: Path) -> None:
    """Without owner, time or mode of this machine."""
    entry = tarfile.TarInfo(name.as_posix())
    entry.size = path.stat().st_size
    entry.mode = 0o644
    with path.open("rb") as file:
        archive.addfile(entry, file)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m trainer.bundle", description="Builds the worker bundle.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--site-packages", type=Path)
    chosen = parser.parse_args(arguments)
    sys.stdout.write(json.dumps(build(chosen.out, chosen.site_packages)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
