"""Builds the bundle of a target and its packs.

    lock → wheels → site-packages, core and packs apart → pruned → .pyc → packs.json → archives

Packs are named by their hash: whoever uploads them beside the bundle never replaces one that a running worker wants.
Next: the boot script unpacks the bundle, `instance/packs.py` what comes apart.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trainer.bundle import sources
from trainer.packaging.archive import Archive, below, write
from trainer.packaging.contents import CORE, PACKS, pack_of
from trainer.packaging.pruning import prune
from trainer.packaging.target import Target
from trainer.packaging.wheels import LOCK, distribution, fetch, pins, unpack

CORE_MAX_BYTES = 70_000_000


@dataclass(frozen=True)
class Built:
    """`compiled`: whether .pyc files are inside."""

    target: Target
    core: Archive
    packs: dict[str, Archive]
    compiled: bool

    def to_json(self) -> dict[str, object]:
        packs = {name: pack.to_json() for name, pack in self.packs.items()}
        return {**self.core.to_json(), "target": self.target.name, "compiled": self.compiled, "packs": packs}


def build(target: Target, out: Path, say: Callable[[str], object]) -> Built:
    """Raises RuntimeError when something cannot be fetched, or when the core is larger than it may be."""
    wanted = pins(LOCK.read_text(encoding="utf-8"), target)
    say(f"fetching {len(wanted)} wheels for {target.image} ({target.arch})")
    wheels = fetch(wanted, target, out / "wheels" / target.name)
    interpreter = target.interpreter()
    with tempfile.TemporaryDirectory(prefix="spotlearn-package-") as name:
        folder = Path(name)
        lay_out(wheels, folder)
        for path, inside in sources():
            (folder / CORE / inside).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, folder / CORE / inside)
        if interpreter:
            say(f"compiling with {interpreter}")
            compile_all(interpreter, folder)
        packs = {pack.name: _pack(folder / pack.name, out) for pack in PACKS if (folder / pack.name).is_dir()}
        (folder / CORE / "packs.json").write_text(json.dumps(_table(packs), indent=1) + "\n", encoding="utf-8")
        core = write(out / f"worker-{target.name}.tar.gz", below(folder / CORE))
    if core.bytes > CORE_MAX_BYTES:
        raise RuntimeError(f"The bundle has {core.bytes:,} bytes; at most {CORE_MAX_BYTES:,} are allowed")
    built = Built(target, core, packs, interpreter is not None)
    # For `pulumi up`, which uploads what stands here (infra/artefacts.ts).
    (out / f"worker-{target.name}.json").write_text(json.dumps(built.to_json()) + "\n", encoding="utf-8")
    return built


def lay_out(wheels: list[Path], folder: Path) -> None:
    """Wheels unpacked and pruned: the core's below core/site-packages, each pack's in a folder of its name."""
    for wheel in wheels:
        pack = pack_of(distribution(wheel))
        unpack(wheel, folder / CORE / "site-packages" if pack == CORE else folder / pack)
    for part in folder.iterdir():
        prune(part / "site-packages" if part.name == CORE else part)


def compile_all(interpreter: Path, folder: Path) -> None:
    """As .pyc that are not compared with their sources' times, which an archive without times would never match.

    One process, a fixed hash seed, and paths without ours: the same bytes every time. What does not compile is left.
    """
    subprocess.run(  # noqa: S603 - a Python that `Target` found
        [str(interpreter), "-m", "compileall", "-q", "-q", "-j", "1", "--invalidation-mode", "unchecked-hash",
         "-s", str(folder), str(folder)],
        env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": ""}, check=False, stdout=subprocess.DEVNULL,
    )  # fmt: skip


def _pack(folder: Path, out: Path) -> Archive:
    made = write(out / f"{folder.name}.tar.gz", below(folder))
    named = made.path.replace(out / f"{made.sha256}.tar.gz")
    return Archive(named, made.sha256, made.bytes, made.packed)


def _table(packs: dict[str, Archive]) -> list[dict[str, object]]:
    """packs.json, as `instance/packs.py` reads it."""
    return [
        {
            "name": pack.name,
            "modules": list(pack.modules),
            "file": packs[pack.name].path.name,
            "sha256": packs[pack.name].sha256,
            "bytes": packs[pack.name].bytes,
        }
        for pack in PACKS
        if pack.name in packs
    ]
