"""A table that will not fit is refused before it is read, with the instance that would do."""

from __future__ import annotations

import gzip
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trainer.errors import OutOfMemoryError
from trainer.table.machine import available_bytes
from trainer.table.memory import BASE_BYTES, GIB, Need, estimate, require_memory
from trainer.table.reading import read_table
from trainer.table.source import inspect
from trainer.tests.shop import shop_csv, write

MANY = 3000


def need(path: Path, model: str = "random_forest") -> Need:
    return estimate(inspect(path, path.name), path.name, model)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda text: text.decode().encode("utf-16")])
def test_the_estimate_is_near_the_truth_and_above_it(tmp_path: Path, pack: object) -> None:
    assert callable(pack)
    path = write(tmp_path, pack(shop_csv(MANY).encode()))
    table = read_table(inspect(path, "data.csv"), "data.csv").table
    told = need(path)
    assert told.rows == pytest.approx(MANY, rel=0.02)
    assert table.bytes <= told.table <= 2.5 * table.bytes


def test_a_linear_model_wants_more_than_trees(tmp_path: Path) -> None:
    path = write(tmp_path, shop_csv(MANY))
    assert need(path, "logistic").matrix == need(path, "auto").matrix == 2 * need(path).matrix


def test_many_different_texts_are_counted(tmp_path: Path) -> None:
    path = write(tmp_path, "a,b\n" + "".join(f"1,text {i}\n" for i in range(MANY)))
    assert need(path).texts > 100 * MANY


def test_parquet_and_excel_tell_their_size(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    pq.write_table(pa.table({"a": list(range(MANY)), "b": ["x"] * MANY}), path)
    assert need(path).rows == MANY
    assert need(path).table == MANY * 12
    book = openpyxl.Workbook()
    for i in range(100):
        book.active.append([i, i / 7])
    book.save(tmp_path / "data.xlsx")
    assert need(tmp_path / "data.xlsx").table >= 1600


def test_too_little_memory_is_an_error_that_names_an_instance(tmp_path: Path) -> None:
    path = write(tmp_path, shop_csv(50))
    source = inspect(path, "data.csv")
    assert require_memory(source, "data.csv", "auto", lambda: None).total > BASE_BYTES
    assert require_memory(source, "data.csv", "auto", lambda: 2 * BASE_BYTES).total > BASE_BYTES
    with pytest.raises(OutOfMemoryError, match="NotEnoughMemory") as caught:
        require_memory(source, "data.csv", "auto", lambda: 1000)
    assert "about 0.3 GiB of memory, this instance has 0.0 GiB" in caught.value.message
    assert "resources.memoryGiB: 1 (a m7i.large would do)" in caught.value.hint


@pytest.mark.parametrize(
    ("gib", "wanted"), [(20, "22 (a r7i.xlarge would do)"), (3000, "3192 (more than one instance has)")]
)
def test_the_instance_is_the_smallest_that_would_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gib: int, wanted: str
) -> None:
    path = write(tmp_path, shop_csv(50))
    monkeypatch.setattr("trainer.table.memory.estimate", lambda *_: Need(1, gib * GIB, 0, 0))
    with pytest.raises(OutOfMemoryError) as caught:
        require_memory(inspect(path, "data.csv"), "data.csv", "auto", lambda: GIB)
    assert wanted in caught.value.hint


def put(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_memory_is_the_machines_or_the_groups_whichever_is_less(tmp_path: Path) -> None:
    assert available_bytes(tmp_path) is None
    put(tmp_path, proc__meminfo="MemTotal: 16 kB\nMemAvailable:   1000 kB\n")
    assert available_bytes(tmp_path) == 1_024_000
    put(tmp_path, proc__self__cgroup="0::/job/one\n")
    put(tmp_path / "sys/fs/cgroup/job/one", **{"memory.max": "max\n", "memory.current": "5\n"})
    assert available_bytes(tmp_path) == 1_024_000
    put(tmp_path / "sys/fs/cgroup/job", **{"memory.max": "900\n", "memory.current": "500\n"})
    assert available_bytes(tmp_path) == 400
    put(tmp_path / "sys/fs/cgroup/job", **{"memory.stat": "anon 400\ninactive_file 60\nactive_file 40\n"})
    assert available_bytes(tmp_path) == 500


def test_memory_of_a_group_of_version_one(tmp_path: Path) -> None:
    put(tmp_path, proc__meminfo="MemAvailable: 1000 kB\n", proc__self__cgroup="3:cpu:/\n4:memory:/pod\n")
    folder = tmp_path / "sys/fs/cgroup/memory"
    put(folder, **{"memory.limit_in_bytes": f"{2**63 - 4096}\n", "memory.usage_in_bytes": "5\n"})
    assert available_bytes(tmp_path) == 1_024_000
    put(folder / "pod", **{"memory.limit_in_bytes": "700\n", "memory.usage_in_bytes": "500\n"})
    put(folder / "pod", **{"memory.stat": "total_inactive_file 100\n"})
    assert available_bytes(tmp_path) == 300
