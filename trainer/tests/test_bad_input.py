"""Whole jobs on the tables people really upload: refused in words that help, or learned from and predicted.

A refusal has a stable code, says what is wrong and what to do, and hands over nothing but the log. What is learned from
must predict its own file, by the graph as by the estimators.
"""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainer.errors import ExitCode
from trainer.export.model import load
from trainer.table.memory import require_memory
from trainer.tests.cloud import Cloud, running
from trainer.tests.surroundings import Held
from trainer.tests.test_worker import start, ticket

ROWS = 40
SECRET = "s3cret"
"""In a cell of every row that is refused."""
UNSAID = (SECRET, "/tmp", "spotlearn-", "Traceback", ".py", "site-packages", "http:", "0x")
TREES = {"model": "gradient_boosting", "hyperparameters": {"n_estimators": 4}}
Cells = Sequence[object]


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with running() as started:
        yield started


def spread(rows: int = ROWS) -> list[float]:
    """Numbers that differ, in no order."""
    return [(row * 37 % 101) / 10 for row in range(rows)]


def csv(columns: Mapping[str, Cells], delimiter: str = ",") -> bytes:
    lines = [
        delimiter.join(columns),
        *(delimiter.join(map(str, cells)) for cells in zip(*columns.values(), strict=True)),
    ]
    return "\n".join([*lines, ""]).encode()


def table(rows: int = ROWS, **columns: Cells) -> dict[str, Cells]:
    """Columns that can be learned from, and some of the case's own; the target is y."""
    a = spread(rows)
    return {"a": a, "who": [f"{SECRET}{row}" for row in range(rows)], "y": [3 * value + 1 for value in a], **columns}


def parquet(columns: Mapping[str, Cells]) -> bytes:
    import pyarrow as arrow
    import pyarrow.parquet as written

    file = io.BytesIO()
    written.write_table(arrow.table({name: list(cells) for name, cells in columns.items()}), file)
    return file.getvalue()


def workbook() -> bytes:
    import openpyxl

    book, file = openpyxl.Workbook(), io.BytesIO()
    for cells in zip(*table().values(), strict=True):
        book.active.append(cells)
    book.save(file)
    return file.getvalue()


def bomb(entry: str = "xl/workbook.xml") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(entry, b" " * 1_000_000)
    return file.getvalue()


def job(cloud: Cloud, body: bytes, name: str, training: Mapping[str, Any]) -> dict[str, Any]:
    asked = {"target": "y", "features": [], **TREES, **training}
    made = ticket(cloud, body, training=asked)
    made["dataset"]["name"] = name
    return made


def refused(held: Held, made: dict[str, Any]) -> dict[str, str]:
    """Runs a job that ends in a refusal; the error of its result."""
    code = start(held, made)
    result = held.memory.json("result.json")
    error: dict[str, str] = result["error"]
    assert result["outcome"] == "Failed"
    assert [file["name"] for file in result["files"]] == ["training.log"]
    assert [key for key in held.memory.objects if key.startswith("result/")] == ["result/training.log"]
    for text in (error["message"], error["hint"]):
        assert text[:1].isupper() or text.startswith(made["dataset"]["name"]) or text[:1].islower(), text
        assert text.endswith((".", "!", "?", ")")), text
    told = json.dumps([result, held.memory.heartbeats]) + held.memory.objects["result/training.log"].decode()
    assert [word for word in UNSAID if word in told] == []
    assert code == result["exitCode"]
    return error


A_CLASS_EACH = [f"class {row // 2}" for row in range(10_000)]
HALF = ["left" if row % 2 else row * 1.5 for row in range(ROWS)]
DATA, USER, MEMORY, PLATFORM = ExitCode.DATA, ExitCode.USER, ExitCode.MEMORY, ExitCode.PLATFORM
GOOD_OR_BAD = ["good" if value > 5 else "bad" for value in spread()]
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
    ("damaged xlsx", lambda: workbook().replace(b"xl/styles", b"xl/stiles"), {}, "BadWorkbook", DATA, "is damaged"),
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
    error = refused(Held(), job(cloud, csv(table()), "orders.csv", {}))
    assert error["code"] == "NotEnoughMemory"
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


def test_a_download_that_is_cut_once_goes_on_where_it_was_cut(cloud: Cloud, tmp_path: Path) -> None:
    cloud.cut = [100]
    learned(cloud, tmp_path, csv(table()))
    assert cloud.ranges[-1] == "bytes=100-"


def learned(
    cloud: Cloud, folder: Path, body: bytes, name: str = "orders.csv", **training: Any
) -> tuple[dict[str, Any], str]:
    """Runs a job that succeeds, and predicts its own file with the model: manifest and log."""
    held = Held()
    assert start(held, job(cloud, body, name, training)) == ExitCode.SUCCEEDED, held.log.text().decode()
    for key, content in held.memory.objects.items():
        if key.startswith("result/"):
            path = folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    manifest = held.memory.json("result/manifest.json")
    parity = manifest["parity"]
    assert parity["labelMismatches"] == 0
    assert parity["maxDifference"] <= parity["tolerance"]
    (folder / name).write_bytes(body)
    told = load(folder / "result").predict(folder / name)
    same = load(folder / "result", "joblib").predict(folder / name)
    assert len(told.prediction) == ROWS
    if told.probabilities is None or same.probabilities is None:
        numbers, expected = np.asarray(told.prediction, float), np.asarray(same.prediction, float)
        np.testing.assert_allclose(numbers, expected, parity["tolerance"], parity["tolerance"])
    else:
        assert told.prediction == same.prediction
        np.testing.assert_allclose(told.probabilities.sum(axis=1), 1, atol=1e-6)
    return manifest, held.log.text().decode()


def kind(manifest: Mapping[str, Any], name: str) -> str:
    return {feature["name"]: str(feature["type"]) for feature in manifest["features"]}[name]


def test_ten_thousand_columns(cloud: Cloud, tmp_path: Path, without_pictures: None) -> None:
    """Takes seconds: each fit looks at each column. Two groups make two folds."""
    random = np.random.default_rng(0)
    wide = {f"c{place}": random.integers(0, 1000, ROWS).tolist() for place in range(10_000)}
    body = csv({**wide, "where": ["east", "west"] * 20, "y": spread()})
    manifest, log = learned(cloud, tmp_path, body, model="decision_tree", hyperparameters={}, split="group:where")
    assert len(manifest["features"]) > 9_900
    assert "more columns" in log


@pytest.mark.usefixtures("without_pictures")
@pytest.mark.parametrize("model", [TREES, {"model": "ridge", "hyperparameters": {}}], ids=["trees", "ridge"])
class TestLearned:
    """What is odd about a table and no reason to refuse it."""

    def test_infinities(self, cloud: Cloud, tmp_path: Path, model: dict[str, Any]) -> None:
        a = ["inf", "-Infinity", "1e999", *spread()[3:]]
        y = [*spread()[3:], "inf", "inf", "-inf"]
        manifest, log = learned(cloud, tmp_path, csv(table(a=a, y=y)), **model)
        assert kind(manifest, "a") == "number"
        assert "3 cells of “a”: infinite or no numbers, treated as missing" in log
        assert "3 of 40 rows have no usable target" in log

    def test_texts_among_numbers(self, cloud: Cloud, tmp_path: Path, model: dict[str, Any]) -> None:
        manifest, log = learned(cloud, tmp_path, csv(table(a=[*spread()[:-1], "about nine"])), **model)
        assert kind(manifest, "a") == "number"
        assert "1 cell of “a”: no numbers, treated as missing" in log

    def test_half_numbers_half_texts(self, cloud: Cloud, tmp_path: Path, model: dict[str, Any]) -> None:
        mixed = ["low" if row % 2 else row % 4 for row in range(ROWS)]
        manifest, _ = learned(cloud, tmp_path, csv(table(mixed=mixed)), **model)
        assert kind(manifest, "mixed") == "category"

    def test_dates_in_two_formats(self, cloud: Cloud, tmp_path: Path, model: dict[str, Any]) -> None:
        days = [f"2026-03-{1 + row % 28:02d}" if row % 2 else f"{1 + row % 28:02d}.03.2026" for row in range(ROWS)]
        manifest, _ = learned(cloud, tmp_path, csv(table(day=days)), **model)
        assert kind(manifest, "day") == "date"

    def test_a_category_and_a_class_with_one_row(self, cloud: Cloud, tmp_path: Path, model: dict[str, Any]) -> None:
        if model["model"] == "ridge":
            model = {"model": "logistic", "hyperparameters": {}}
        colour = ["red", "blue"] * 19 + ["red", "unicorn"]
        y = [*GOOD_OR_BAD[:-1], "odd"]
        manifest, log = learned(cloud, tmp_path, csv(table(colour=colour, y=y)), **model)
        assert manifest["target"]["classes"] == ["bad", "good", "odd"]
        assert "1 class has a single row: “odd”" in log

    def test_thousands(self, cloud: Cloud, tmp_path: Path, model: dict[str, Any]) -> None:
        money = [f"{1000 + 137 * row:,}".replace(",", ".") + ",50" for row in range(ROWS)]
        manifest, _ = learned(cloud, tmp_path, csv(table(money=money, y=money[::-1]), ";"), **model)
        assert kind(manifest, "money") == "number"
        assert manifest["task"] == "regression"

    def test_a_column_named_prediction(self, cloud: Cloud, tmp_path: Path, model: dict[str, Any]) -> None:
        manifest, log = learned(cloud, tmp_path, csv(table(prediction=spread()[::-1])), **model)
        assert kind(manifest, "prediction") == "number"
        assert "files to predict need another name" in log

    def test_the_target_all_but_constant_in_a_group(self, cloud: Cloud, tmp_path: Path, model: dict[str, Any]) -> None:
        where = [f"region {row % 4}" for row in range(ROWS)]
        y = [5.0 if row % 4 else value for row, value in enumerate(spread())]
        manifest, _ = learned(
            cloud, tmp_path, csv(table(where=where, y=y)), task="regression", split="group:where", **model
        )
        assert manifest["split"]["kind"].startswith("group")

    @pytest.mark.parametrize("name", ["orders.parquet", "orders.csv.gz"])
    def test_other_formats(self, cloud: Cloud, tmp_path: Path, model: dict[str, Any], name: str) -> None:
        body = parquet(table()) if name.endswith("parquet") else gzip.compress(csv(table()))
        manifest, _ = learned(cloud, tmp_path, body, name, **model)
        assert kind(manifest, "a") == "number"


def test_the_same_job_twice_leaves_the_same_files(cloud: Cloud) -> None:
    first, second = Held(), Held()
    made = job(cloud, csv(table(y=GOOD_OR_BAD)), "orders.csv", {})
    for held in (first, second):
        assert start(held, made) == ExitCode.SUCCEEDED
    names = [file["name"] for file in first.memory.json("result.json")["files"]]
    assert {"model.onnx", "metrics.json", "report.json", "manifest.json", "pictures/roc_curve.png"} <= set(names)
    for name in names:
        assert first.memory.objects[f"result/{name}"] == second.memory.objects[f"result/{name}"], name
