"""`npm run package:worker -- [--python 3.12] [--arch x86_64|arm64] [--out DIR] [--json] [--check]`.

Builds the bundle and the packs of a target into dist/worker and says what to upload. `--check`: runs them, see
`check.py`. Needs the package index, unless the wheels are in the folder already.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from trainer.packaging.archive import Archive
from trainer.packaging.build import CORE_MAX_BYTES, Built, build
from trainer.packaging.target import DEFAULT_PYTHON, IMAGES, MACHINES, Target

OUT = Path(__file__).resolve().parents[2] / "dist" / "worker"
LARGEST = 8
NO_PYC = """NO .pyc INSIDE: there is no Python {python} here, so every start compiles some 1,500 files anew and takes
seconds longer. Put python{python} on the PATH (any build of that minor version) and build again."""


def main(arguments: list[str]) -> int:
    images = ", ".join(f"{python} for {image}" for python, image in IMAGES.items())
    parser = argparse.ArgumentParser(prog="npm run package:worker --", description="Builds the worker bundle.")
    parser.add_argument("--python", default=DEFAULT_PYTHON, help=f"the image's own: {images}; default %(default)s")
    parser.add_argument("--arch", default="x86_64", choices=list(MACHINES))
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--json", action="store_true", help="print one object for programs")
    parser.add_argument(
        "--check", action="store_true", help="run whole trainings with it (this machine's processor only)"
    )
    chosen = parser.parse_args(arguments)
    try:
        target = Target(chosen.python, chosen.arch)
        built = build(target, chosen.out, lambda line: print(line, file=sys.stderr))  # noqa: T201 - a command's progress
        sys.stdout.write(json.dumps(built.to_json()) + "\n" if chosen.json else report(built))
        if chosen.check:
            from trainer.packaging.check import check

            sys.stdout.write(check(built))
    except (RuntimeError, ValueError) as error:
        sys.stderr.write(f"package:worker: {error}\n")
        return 1
    return 0


def report(built: Built) -> str:
    """For people."""
    target = built.target
    lines = [f"Worker bundle for {target.image}, Python {target.python}, {target.arch}", ""]
    lines += _sizes("bundle", built.core, f" of {CORE_MAX_BYTES / 1e6:.0f} allowed")
    for name, pack in built.packs.items():
        lines += _sizes(f"pack {name}", pack, "")
    if not built.compiled:
        lines += ["", NO_PYC.format(python=target.python)]
    lines += [
        "",
        "Upload each file to artefacts/worker/<its sha256>.tar.gz; the bundle's sha256 and key go into the user data.",
        "",
    ]
    return "\n".join(lines)


def _sizes(name: str, archive: Archive, limit: str) -> list[str]:
    largest = sorted(archive.packed.items(), key=lambda item: -item[1])[:LARGEST]
    inside = ", ".join(
        f"{part.removeprefix('site-packages/')} {size / 1e6:.1f}" for part, size in largest if size > 100_000
    )
    return [
        f"{name}: {archive.bytes / 1e6:.1f} MB{limit}, sha256 {archive.sha256}",
        f"  {archive.path}",
        f"  MB: {inside}",
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
