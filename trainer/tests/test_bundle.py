"""The bundle and its packs: the same bytes every time, for the target and not for this machine, nothing left over."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import pytest

from trainer import bundle
from trainer.packaging import __main__ as command
from trainer.packaging import build as building
from trainer.packaging.build import build, compile_all
from trainer.packaging.contents import PACKS, pack_of
from trainer.packaging.pruning import prune
from trainer.packaging.target import Target
from trainer.packaging.wheels import LOCK, Pin, fetch, pins

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
DIGEST = "sha256:" + "0" * 64


def names(path: Path) -> list[str]:
    with tarfile.open(path) as archive:
        return archive.getnames()


def test_the_bundle_is_the_same_every_time_and_holds_no_tests(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packages = tmp_path / "packages"
    (packages / "thing").mkdir(parents=True)
    (packages / "thing" / "data.bin").write_bytes(b"1")
    assert bundle.main([str(tmp_path / "a.tar.gz"), "--site-packages", str(packages)]) == 0
    told = json.loads(capsys.readouterr().out)
    time.sleep(0.01)
    assert bundle.build(tmp_path / "b.tar.gz", packages)["sha256"] == told["sha256"]
    assert (tmp_path / "a.tar.gz").stat().st_size == told["bytes"]
    inside = names(tmp_path / "a.tar.gz")
    assert "trainer/__main__.py" in inside
    assert "site-packages/thing/data.bin" in inside
    assert not [name for name in inside if "tests" in name or "__pycache__" in name or "packaging" in name]


def test_the_locks_markers_are_judged_for_the_target() -> None:
    lock = LOCK.read_text(encoding="utf-8")
    versions = {
        python: {pin.name: pin.version for pin in pins(lock, Target(python, "x86_64"))} for python in ("3.10", "3.12")
    }
    for found in versions.values():
        assert {"numpy", "scikit-learn", "onnx", "xgboost-cpu", "pyarrow"} <= set(found)
        assert "xgboost" not in found
    assert versions["3.10"]["numpy"] != versions["3.12"]["numpy"]
    assert "sympy" in versions["3.10"]
    assert "sympy" not in versions["3.12"]


@pytest.mark.parametrize(
    "lock", ["numpy==1", f"numpy>=1 --hash={DIGEST}", f"a==1 --hash={DIGEST}\na==2 --hash={DIGEST}"]
)
def test_a_lock_that_pins_no_hash_or_two_versions_is_refused(lock: str) -> None:
    with pytest.raises(ValueError, match="not one version with hashes"):
        pins(lock, Target("3.12", "x86_64"))


def test_every_distribution_of_a_pack_is_in_the_lock_of_some_target() -> None:
    lock = LOCK.read_text(encoding="utf-8")
    locked = {line.partition("==")[0] for line in lock.splitlines() if "==" in line}
    for pack in PACKS:
        assert pack.distributions <= locked
    assert pack_of("pyarrow") == "parquet"
    assert pack_of("numpy") == "core"


def test_a_target_is_a_python_and_a_processor_that_amazon_has() -> None:
    target = Target("3.12", "arm64")
    assert (target.name, target.machine, target.tag) == ("python3.12-arm64", "aarch64", "cp312")
    assert target.image == "Ubuntu 24.04"
    assert "manylinux_2_28_aarch64" in target.platforms
    assert not [name for name in target.platforms if "x86" in name or "_2_36" in name]
    assert Target(HERE, "x86_64").interpreter() == Path(sys.executable)
    assert Target("3.99", "x86_64").interpreter() is None
    assert Target("3.99", "x86_64").image == "an image with Python 3.99"
    for python, arch in (("2.7", "x86_64"), ("3.12", "aarch64"), ("3.12; rm", "x86_64")):
        with pytest.raises(ValueError, match="is n"):
            Target(python, arch)


class Index:
    """Stands for pip: puts a wheel with this content into the folder it is told, or fails with no content."""

    def __init__(self, body: bytes | None) -> None:
        self.body = body
        self.asked: list[list[str]] = []

    def __call__(self, words: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        self.asked.append(words)
        if self.body is not None:
            (Path(words[words.index("--dest") + 1]) / "numpy-2-py3-none-any.whl").write_bytes(self.body)
        return subprocess.CompletedProcess(words, 1 if self.body is None else 0, "", "no such wheel")


def test_wheels_are_asked_for_with_hashes_for_the_target_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = Index(b"content")
    monkeypatch.setattr("trainer.packaging.wheels.subprocess.run", index)
    wanted = [Pin("numpy", "2", ("sha256:" + hashlib.sha256(b"content").hexdigest(),))]
    (tmp_path / "numpy-1-py3-none-any.whl").write_bytes(b"of an earlier lock")
    target = Target("3.12", "arm64")
    for _ in range(2):
        assert [path.name for path in fetch(wanted, target, tmp_path)] == ["numpy-2-py3-none-any.whl"]
    assert len(index.asked) == 1, "what is there is not fetched again"
    assert {"--require-hashes", "--only-binary=:all:", "--no-deps", "manylinux_2_28_aarch64"} <= set(index.asked[0])
    assert wanted[0].line in (tmp_path / "requirements.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(("body", "words"), [(None, "no such wheel"), (b"another", "no wheels with the lock's hashes")])
def test_wheels_that_are_not_to_be_had_or_are_others_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: bytes | None, words: str
) -> None:
    monkeypatch.setattr("trainer.packaging.wheels.subprocess.run", Index(body))
    with pytest.raises(RuntimeError, match=words):
        fetch([Pin("numpy", "2", (DIGEST,))], Target("3.12", "arm64"), tmp_path)


KEPT = ("numpy/__init__.py", "numpy/testing/__init__.py", "botocore/data/s3/2006/service-2.json.gz",
        "botocore/data/endpoints.json", "numpy-2.dist-info/licenses/LICENSE.txt", "numpy-2.dist-info/METADATA",
        "scipy.libs/libgfortran.so.5", "fontTools/misc/a.py", "pyarrow/libarrow.so.2600")  # fmt: skip
LEFT = ("numpy/tests/test_a.py", "numpy/a.pyi", "numpy/core/include/a.h", "botocore/data/ec2/2016/service-2.json.gz",
        "botocore/data/s3/2006/waiters-2.json", "sklearn/datasets/data/iris.csv", "numpy-2.dist-info/RECORD",
        "onnx/backend/test/data/a.pb", "pyarrow/libarrow_flight.so.2600", "pyarrow/libarrow_python.so",
        "jmespath-1.data/scripts/jp.py", "fontTools/ttLib/a.py")  # fmt: skip


def test_what_no_training_needs_is_left_out_and_licences_are_not(tmp_path: Path) -> None:
    for name in (*KEPT, *LEFT):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    prune(tmp_path)
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()) == sorted(
        KEPT
    )
    assert not (tmp_path / "onnx").exists()


def wheel(folder: Path, name: str, files: dict[str, str]) -> Path:
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inside, text in files.items():
            archive.writestr(inside, text)
    return path


@pytest.fixture
def packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to build in, with two small wheels in place of the real ones."""
    made = [
        wheel(tmp_path, "thing", {"thing/__init__.py": "X = {'a', 'b'}\n", "thing/tests/test_it.py": ""}),
        wheel(tmp_path, "lightgbm", {"lightgbm/__init__.py": "Y = 1\n"}),
    ]
    monkeypatch.setattr(building, "fetch", lambda *_: made)
    monkeypatch.setattr(
        building, "compile_all", lambda interpreter, folder: compile_all(interpreter, folder / "lightgbm")
    )
    return tmp_path


def test_packs_come_apart_under_their_hash_and_are_named_in_the_bundle(packed: Path) -> None:
    built = build(Target(HERE, "x86_64"), packed / "out", len)
    inside = names(built.core.path)
    assert {"site-packages/thing/__init__.py", "trainer/__main__.py", "packs.json"} <= set(inside)
    assert not [name for name in inside if "lightgbm" in name and not name.startswith("trainer/")]
    assert not [name for name in inside if name.startswith("site-packages/thing/tests")]
    pack = built.packs["lightgbm"]
    assert pack.path.name == f"{pack.sha256}.tar.gz"
    tag = f"cpython-{HERE.replace('.', '')}"
    assert names(pack.path) == ["lightgbm/__init__.py", f"lightgbm/__pycache__/__init__.{tag}.pyc"]
    with tarfile.open(built.core.path) as archive:
        listed = json.loads(archive.extractfile("packs.json").read())  # type: ignore[union-attr]
    assert [(one["modules"], one["sha256"]) for one in listed] == [(["lightgbm"], pack.sha256)]


def test_building_twice_gives_the_same_bytes_pyc_included(packed: Path) -> None:
    first = build(Target(HERE, "x86_64"), packed / "out", len)
    second = build(Target(HERE, "x86_64"), packed / "again", len)
    assert (first.core.sha256, first.packs["lightgbm"].sha256) == (second.core.sha256, second.packs["lightgbm"].sha256)


def test_pyc_files_do_not_mind_what_time_the_sources_have(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text("ANSWER = 42\n", encoding="utf-8")
    compile_all(Path(sys.executable), tmp_path)
    (pyc,) = (tmp_path / "__pycache__").iterdir()
    assert int.from_bytes(pyc.read_bytes()[4:8], "little") == 1, "unchecked hash"
    assert str(tmp_path).encode() not in pyc.read_bytes()


def test_a_bundle_above_the_limit_is_refused(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "CORE_MAX_BYTES", 1000)
    with pytest.raises(RuntimeError, match="at most 1,000 are allowed"):
        build(Target(HERE, "x86_64"), packed / "out", len)


def test_the_command_says_sizes_and_loudly_that_nothing_is_compiled(
    packed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["--python", "3.99", "--out", str(packed / "out")]) == 0
    told = capsys.readouterr().out
    assert "NO .pyc INSIDE: there is no Python 3.99 here" in told
    assert "pack lightgbm: 0.0 MB" in told
    assert command.main(["--python", HERE, "--out", str(packed / "out"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["compiled"] is True
    assert command.main(["--python", "2.7"]) == 1
    assert "2.7 is no Python version" in capsys.readouterr().err
