"""Whole jobs on tables and wishes that nothing can be learned from: refused in words that help.

A refusal has a stable code, says what is wrong and what to do, quotes no data, and hands over nothing but the log.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from trainer.errors import ExitCode
from trainer.table.memory import require_memory
from trainer.tests.cloud import Cloud, running
from trainer.tests.surroundings import Held
from trainer.tests.tables import ROWS, SECRET, bomb, csv, job, parquet, spread, table, workbook
from trainer.tests.test_worker import start

UNSAID = (SECRET, "/tmp", "spotlearn-", "Traceback", ".py", "site-packages", "http:", "0x")


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with running() as started:
        yield started


def refused(held: Held, made: dict[str, Any]) -> dict[str, str]:
    """Runs a job that ends in a refusal; the error of its result."""
    code = start(held, made)
    result = held.memory.json("result.json")
    error: dict[str, str] = result["error"]
    assert result["outcome"] == "Failed"
    assert [file["name"] for file in result["files"]] == ["training.log"]
    assert [key for key in held.memory.objects if key.startswith("result/")] == ["result/training.log"]
    for text in (error["message"], error["hint"]):
        assert text.endswith((".", "!", "?", ")")), text
    told = json.dumps([result, held.memory.heartbeats]) + held.memory.objects["result/training.log"].decode()
    assert [word for word in UNSAID if word in told] == []
    assert code == result["exitCode"]
    return error


A_CLASS_EACH = [f"class {row // 2}" for row in range(10_000)]
HALF = ["left" if row % 2 else row * 1.5 for row in range(ROWS)]
DATA, USER, PLATFORM = ExitCode.DATA, ExitCode.USER, ExitCode.PLATFORM
DAYS = [f"2026-01-{1 + row // 2:02d}" for row in range(ROWS)]
Case = tuple[str, bytes | Callable[[], bytes], Mapping[str, Any], str, ExitCode, str]
REFUSALS: list[Case] = [
    ("target all missing", csv(table(y=["NA", ""] * 20)), {}, "TargetEmpty", DATA, "“y” is empty"),
    ("target infinite", csv(table(y=["inf", "-inf"] * 20)), {}, "TargetEmpty", DATA, "no usable number"),
    ("target constant", csv(table(y=[7] * ROWS)), {"task": "regression"}, "TargetConstant", DATA, "7 in every row"),
    ("one class", csv(table(y=["good"] * ROWS)), {}, "OneClass", DATA, "“y” is 'good' in every row"),
    (
        "groups are classes",
        csv(table(y=["good", "bad"] * 20, where=["east", "west"] * 20)),
        {"split": "group:where"},
        "GroupsAreClasses",
        DATA,
        "Each class is a group of its own",
    ),
    (
        "target constant in the past",
        csv(table(y=[*[5] * 36, *range(4)], day=DAYS)),
        {"split": "time:day", "task": "regression"},
        "TargetConstantInTraining",
        DATA,
        "Split by time",
    ),
    ("one row", csv(table(1)), {}, "TooFewRows", DATA, "Only 1 row has"),
    ("half is text", csv(table(y=HALF)), {"task": "regression"}, "TargetNotNumeric", USER, "in only 50% of its cells"),
    (
        "numbers and texts in the target",
        csv(table(600, y=[f"no {row}" if row % 3 else row * 1.5 for row in range(600)])),
        {},
        "TargetMixed",
        DATA,
        "mixes numbers (33% of its cells) and texts",
    ),
    ("5,000 classes", csv(table(10_000, y=A_CLASS_EACH)), {}, "TooManyClasses", USER, "5,000 different values"),
    ("target of dates", csv(table(y=DAYS)), {}, "TargetIsDate", USER, "dates"),
    ("no such target", csv(table()), {"target": "price"}, "TargetMissing", USER, "no column “price”"),
    ("target among features", csv(table()), {"features": ["a", "y"]}, "TargetIsFeature", USER, "“y” is also among"),
    ("no such feature", csv(table()), {"features": ["b"]}, "FeatureMissing", USER, "no column “b”"),
    ("nothing to learn from", csv({"a": [1] * ROWS, "y": spread()}), {}, "NoUsableFeatures", DATA, "in all rows"),
    ("10⁹ trees", csv(table()), {"hyperparameters": {"n_estimators": 10**9}}, "BadHyperparameter", USER, "1000000000"),
    ("a wish unknown", csv(table()), {"hyperparameters": {"trees": 5}}, "UnknownHyperparameter", USER, "trees"),
    ("no such model", csv(table()), {"model": "oracle"}, "UnknownModel", USER, "'oracle'"),
    ("not for this", csv(table()), {"model": "logistic", "hyperparameters": {}}, "ModelNotForTask", USER, "logistic"),
    ("no such split", csv(table()), {"split": "by mood"}, "BadSplit", USER, "'by mood'"),
    ("empty", b"", {}, "EmptyFile", DATA, "is empty"),
    ("header only", b"a,b,y\n", {}, "NoRows", DATA, "no rows"),
    ("picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 64, {}, "NotATable", DATA, "a PNG picture"),
    ("PDF", b"%PDF-1.7\n", {}, "NotATable", DATA, "a PDF document"),
    ("same name twice", b"a,a,y\n1,2,3\n", {}, "DuplicateColumns", DATA, "more than one column named “a”"),
    ("one column", b"y\n1\n2\n", {}, "OneColumn", DATA, "one column"),
    ("ragged", csv(table()) + b"1,2,3,4,5\n", {}, "RaggedRows", DATA, "line 42 has 5 cells"),
    ("open quote", b'a,y\n1,2\n"3,4\n', {}, "UnclosedQuote", DATA, "near line 3"),
    ("NULs", csv(table()).replace(b"who", b"wh\0"), {}, "NotText", DATA, "NUL bytes"),
    ("cut gzip", lambda: gzip.compress(csv(table()))[:-30], {}, "BadArchive", DATA, "damaged or cut off"),
    ("gzip bomb", lambda: gzip.compress(b"a,y\n" + b"1,2\n" * 500_000), {}, "SuspiciousArchive", DATA, "64 times"),
    ("gzip twice", lambda: gzip.compress(gzip.compress(csv(table()))), {}, "GzippedTwice", DATA, "gzip inside gzip"),
    ("xlsx bomb", bomb, {}, "SuspiciousArchive", DATA, "200 times"),
    ("cut xlsx", lambda: workbook()[:-200], {}, "BadArchive", DATA, "damaged or cut off"),
    ("damaged xlsx", lambda: workbook().replace(b"xl/_rels/", b"xl/_relx/"), {}, "BadWorkbook", DATA, "is damaged"),
    ("cut Parquet", lambda: parquet(table())[:-20], {}, "BadParquet", DATA, "damaged or cut off"),
    ("cut in half", lambda: parquet(table())[:300], {}, "BadParquet", DATA, "damaged or cut off"),
]  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS, ids=[case[0] for case in REFUSALS])
def test_refused_in_words_that_help(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, case: Case) -> None:
    _, body, training, code, exit_code, words = case
    monkeypatch.setattr("trainer.table.text.INFLATED_FREE_BYTES", 1_000_000)  # bombs need not be big
    monkeypatch.setattr("trainer.table.excel.INFLATED_FREE_BYTES", 500_000)
    held = Held()
    error = refused(held, job(cloud, body if isinstance(body, bytes) else body(), "orders.csv", training))
    assert (error["code"], held.memory.json("result.json")["exitCode"]) == (code, exit_code)
    assert words in error["message"]


def test_too_little_memory_is_told_before_the_table_is_read(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.worker.require_memory", partial(require_memory, available=lambda: 200 * 1024**2))
    monkeypatch.setattr("trainer.worker.read_table", lambda *_: pytest.fail("it was read"))
    held = Held()
    error = refused(held, job(cloud, csv(table()), "orders.csv", {}))
    assert (error["code"], held.memory.json("result.json")["exitCode"]) == ("NotEnoughMemory", ExitCode.MEMORY)
    assert "this instance has 0.2 GiB" in error["message"]
    assert "m7i.large would do" in error["hint"]


def test_a_full_disk_is_the_platforms_fault(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "data").symlink_to("/dev/full")
    monkeypatch.setattr("trainer.worker.tempfile.TemporaryDirectory", lambda prefix: nullcontext(str(tmp_path)))
    held = Held()
    error = refused(held, job(cloud, csv(table()), "orders.csv", {}))
    assert (error["code"], held.memory.json("result.json")["exitCode"]) == ("DiskFull", PLATFORM)
    assert "disk is full" in error["message"]


def test_a_download_that_is_cut_again_and_again_is_the_platforms_fault(cloud: Cloud) -> None:
    held = Held()
    made = job(cloud, csv(table()), "orders.csv", {})
    cloud.cut = [0] * 9
    error = refused(held, made)
    cloud.cut = []
    assert (error["code"], held.memory.json("result.json")["exitCode"]) == ("DownloadFailed", PLATFORM)
