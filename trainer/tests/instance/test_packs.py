"""Libraries that come apart: fetched once, held to their hash, unpacked as plain files, importable then."""

from __future__ import annotations

import hashlib
import importlib
import io
import json
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainer.errors import PlatformError
from trainer.instance.packs import Pack, Packs, packs_of
from trainer.packaging.archive import write
from trainer.tests.surroundings import eventually

MODULE = "spotlearn_pack_of_a_test"


@pytest.fixture(autouse=True)
def path() -> Iterator[None]:
    before = list(sys.path)
    yield
    sys.path[:] = before
    sys.modules.pop(MODULE, None)


class Bucket:
    """Files, and how often each was asked for."""

    def __init__(self, folder: Path) -> None:
        (folder / "source").mkdir()
        (folder / "source" / "module.py").write_text("ANSWER = 42\n", encoding="utf-8")
        archive = write(folder / "pack.tar.gz", [(folder / "source" / "module.py", f"{MODULE}/__init__.py")])
        self.files: dict[str, bytes] = {"pack": archive.path.read_bytes()}
        self.asked: list[str] = []
        self.sha256 = archive.sha256
        self.into = folder / "into"

    def fetch(self, file: str) -> bytes | None:
        self.asked.append(file)
        return self.files.get(file)

    def packs(self) -> Packs:
        return Packs({MODULE: Pack("odd", "pack", self.sha256)}, self.fetch, self.into)


def test_what_is_missing_is_fetched_once_and_can_be_imported(tmp_path: Path) -> None:
    bucket = Bucket(tmp_path)
    packs = bucket.packs()
    packs.need(MODULE)
    packs.need(MODULE)
    assert importlib.import_module(MODULE).ANSWER == 42
    assert bucket.asked == ["pack"]


def test_what_is_installed_or_in_no_pack_is_left_alone(tmp_path: Path) -> None:
    bucket = Bucket(tmp_path)
    packs = Packs({"json": Pack("odd", "pack", bucket.sha256)}, bucket.fetch, bucket.into)
    packs.need("json")
    packs.need("no_such_module")
    Packs().need("no_such_module")
    assert bucket.asked == []


def test_in_the_background_it_is_there_when_it_is_needed(tmp_path: Path) -> None:
    bucket = Bucket(tmp_path)
    packs = bucket.packs()
    packs.prepare("json", MODULE)
    eventually(lambda: bucket.asked)
    packs.need(MODULE)
    assert importlib.import_module(MODULE).ANSWER == 42
    assert bucket.asked == ["pack"]


def test_a_failure_in_the_background_is_tried_again_when_needed(tmp_path: Path) -> None:
    bucket = Bucket(tmp_path)
    body = bucket.files.pop("pack")
    packs = bucket.packs()
    packs.prepare(MODULE)
    eventually(lambda: bucket.asked)
    bucket.files["pack"] = body
    packs.need(MODULE)
    assert importlib.import_module(MODULE).ANSWER == 42


def test_without_the_pack_the_job_is_worth_another_attempt(tmp_path: Path) -> None:
    bucket = Bucket(tmp_path)
    bucket.files["pack"] += b"x"
    with pytest.raises(PlatformError, match="PackDamaged"):
        bucket.packs().need(MODULE)
    del bucket.files["pack"]
    with pytest.raises(PlatformError, match="PackMissing"):
        bucket.packs().need(MODULE)
    del bucket.files
    with pytest.raises(PlatformError, match="PackFailed"):
        bucket.packs().need(MODULE)


@pytest.mark.parametrize(
    ("name", "kind"), [("../out", tarfile.REGTYPE), ("/out", tarfile.REGTYPE), ("in", tarfile.SYMTYPE)]
)
def test_a_pack_writes_plain_files_below_its_own_folder_only(tmp_path: Path, name: str, kind: bytes) -> None:
    bucket = Bucket(tmp_path)
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as archive:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = kind, "/etc/passwd"
        archive.addfile(entry)
    bucket.files["pack"], bucket.sha256 = raw.getvalue(), hashlib.sha256(raw.getvalue()).hexdigest()
    with pytest.raises(PlatformError, match="PackDamaged"):
        bucket.packs().need(MODULE)
    assert not (tmp_path / "out").exists()


def test_a_bundle_names_its_packs_or_has_none(tmp_path: Path) -> None:
    bucket = Bucket(tmp_path)
    packs_of(tmp_path, bucket.fetch, len).need(MODULE)
    assert bucket.asked == []
    listed = [{"name": "odd", "modules": [MODULE], "file": "pack", "sha256": bucket.sha256, "bytes": 1}]
    (tmp_path / "packs.json").write_text(json.dumps(listed), encoding="utf-8")
    said: list[str] = []
    packs_of(tmp_path, bucket.fetch, said.append).need(MODULE)
    assert importlib.import_module(MODULE).ANSWER == 42
    assert said[0].startswith("Fetched the libraries of pack odd")
