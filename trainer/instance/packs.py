"""Libraries that come apart from the bundle: fetched from beside it in the bucket when a job first needs them.

`packs.json` of the bundle names each pack's file, its SHA-256 and the modules in it (`packaging/build.py` writes it).
Where the libraries are installed, or in a bundle without packs, every `need` of what is there is a no-op.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import io
import json
import sys
import tarfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from trainer.errors import TRY_AGAIN, PlatformError

EXPORT = ("onnx", "onnxruntime", "matplotlib")
"""What every job imports at its end."""


@dataclass(frozen=True)
class Pack:
    """`file`: below the folder in the bucket that the bundle came from."""

    name: str
    file: str
    sha256: str


class Packs:
    """`fetch` gives a file's content, None when it is not there. Unpacks below `into`. `need` from any thread."""

    def __init__(
        self,
        by_module: Mapping[str, Pack] | None = None,
        fetch: Callable[[str], bytes | None] = lambda _file: None,
        into: Path = Path("packs"),
        note: Callable[[str], object] = len,
    ) -> None:
        self._by_module = by_module or {}
        self._fetch = fetch
        self._into = into
        self._note = note
        self._lock = threading.Lock()

    def need(self, module: str) -> None:
        """Afterwards `module` can be imported. Raises PlatformError when its pack cannot be had."""
        with self._lock:
            pack = self._by_module.get(module)
            if pack is None or _importable(module):
                return
            body = self._received(pack)
            _unpack(body, self._into / pack.name)
            sys.path.append(str(self._into / pack.name))
            importlib.invalidate_caches()
            self._note(f"Fetched the libraries of pack {pack.name}, {len(body):,} bytes")

    def prepare(self, *modules: str) -> None:
        """Fetches in the background what will be needed. A failure is left to `need`, which then tries again."""
        if any(module in self._by_module for module in modules):
            threading.Thread(target=self._prepare, args=modules, name="packs", daemon=True).start()

    def _prepare(self, *modules: str) -> None:
        with contextlib.suppress(Exception):
            for module in modules:
                self.need(module)

    def _received(self, pack: Pack) -> bytes:
        try:
            body = self._fetch(pack.file)
        except Exception as error:
            message = f"The libraries of pack {pack.name} could not be fetched ({type(error).__name__})."
            raise PlatformError("PackFailed", message, TRY_AGAIN) from error
        if body is None:
            message = f"The libraries of pack {pack.name} are not in the bucket."
            raise PlatformError("PackMissing", message, "Upload the worker's packs beside its bundle.")
        if hashlib.sha256(body).hexdigest() != pack.sha256:
            message = f"The SHA-256 of pack {pack.name} is not the one its bundle expects; it is not used."
            raise PlatformError("PackDamaged", message, TRY_AGAIN)
        return body


def packs_of(bundle: Path, fetch: Callable[[str], bytes | None], note: Callable[[str], object]) -> Packs:
    """Those of the bundle that was unpacked into this folder; none without a packs.json."""
    try:
        listed = json.loads((bundle / "packs.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Packs()
    by_module = {module: Pack(one["name"], one["file"], one["sha256"]) for one in listed for module in one["modules"]}
    return Packs(by_module, fetch, bundle / "packs", note)


def _importable(module: str) -> bool:
    return module in sys.modules or importlib.util.find_spec(module) is not None


def _unpack(body: bytes, into: Path) -> None:
    """Plain files below `into`, nothing else: the hash vouches for the content, and this for a mistake of ours."""
    with tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as archive:
        for member in archive:
            name = PurePosixPath(member.name)
            if not member.isfile() or name.is_absolute() or ".." in name.parts:
                raise PlatformError("PackDamaged", "A pack holds something else than files of its own.", TRY_AGAIN)
            path = into / name
            path.parent.mkdir(parents=True, exist_ok=True)
            source: Any = archive.extractfile(member)
            path.write_bytes(source.read())
