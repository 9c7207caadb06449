"""Builds the worker bundle that the boot script fetches: a .tar.gz, byte by byte the same for the same sources.

`python -m trainer.bundle OUT.tar.gz [--site-packages DIR]` prints {"path", "sha256", "bytes"}. Standard library only.
Inside: `trainer/` and, when given, `site-packages/`. For machines without our libraries: `trainer/packaging/`.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from trainer.packaging.archive import Member, below, write

PACKAGE = Path(__file__).resolve().parent
LEFT_OUT = {"__pycache__", "tests", "packaging", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"}


def build(out: Path, site_packages: Path | None = None) -> dict[str, object]:
    """Writes the bundle and says what it is."""
    members = [*sources(), *(below(site_packages, "site-packages/") if site_packages else [])]
    return write(out, members).to_json()


def sources() -> list[Member]:
    """The worker's own files."""
    return [
        (path, f"trainer/{path.relative_to(PACKAGE).as_posix()}")
        for path in PACKAGE.rglob("*.py")
        if not LEFT_OUT.intersection(path.relative_to(PACKAGE).parts)
    ]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m trainer.bundle", description="Builds the worker bundle.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--site-packages", type=Path)
    chosen = parser.parse_args(arguments)
    sys.stdout.write(json.dumps(build(chosen.out, chosen.site_packages)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
