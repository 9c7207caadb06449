"""Writes golden vectors: for every family a small model and the numbers Python makes of some nasty rows.

`python -m trainer.golden test/golden` writes, for each case, manifest.json, model.onnx, input.csv and expected.json:

    {"features": [names], "encoded": [[hex floats]], "labels": [texts] | null, "probabilities": [[floats]] | null,
     "values": [floats] | null}

One entry a record of input.csv, in order. `encoded` is the matrix before the cast to the graph's input type, as
float.hex() texts (C99 hexadecimal floats). Whoever executes manifests elsewhere is held to them. Afterwards
`npm run format` lays the JSON out as the repository has it.
"""

from __future__ import annotations

import csv
import io
import sys
import tempfile
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from trainer.export.artefact import as_json, export
from trainer.features.encoding import encode
from trainer.table.columns import Table
from trainer.table.reading import read_table
from trainer.table.source import inspect
from trainer.ticket import Request
from trainer.training.course import Course
from trainer.training.metrics import labels
from trainer.training.problem import pose

WHEN = datetime(2026, 1, 1, tzinfo=timezone.utc)
ROWS = 240
NUMBERS = [
    "",
    " ",
    "NA",
    "abc",
    "1",
    "+1.5",
    "-.5",
    "5.",
    "1e3",
    "1E-3",
    "1e400",
    "-1e400",
    "1e-400",
    "0x10",
    "1_000",
    "１２",
    " 42 ",
    "\u00a07\ufeff",
    "inf",
    "nan",
    "-0",
    "1,5",
    "9007199254740993",
    "0.1",
    "1e200",
    "3.5e38",
    "16777217",
    "\t3\t",
]
WORDS = [
    "",
    "?",
    "red",
    " red ",
    "Red",
    "green",
    "blue, dark",
    'say "hi"',
    "two\nlines",
    "unknown",
    "ÿ",
    "<b>{x}</b>",
    "null",
    "\u00a0green",
]


@dataclass(frozen=True)
class Case:
    """One folder of vectors."""

    name: str
    model: str
    target: str
    hyperparameters: dict[str, object] = field(default_factory=dict)


CASES = (
    Case("linear", "linear", "price"),
    Case("ridge", "ridge", "price"),
    Case("logistic_binary", "logistic", "bought"),
    Case("logistic_multiclass", "logistic", "grade"),
    Case("random_forest_regression", "random_forest", "price", {"n_estimators": 7, "max_depth": 5}),
    Case("random_forest_binary", "random_forest", "bought", {"n_estimators": 10, "max_depth": 6}),
    Case("random_forest_multiclass", "random_forest", "grade", {"n_estimators": 9, "min_samples_leaf": 4}),
    Case("gradient_boosting_regression", "gradient_boosting", "price", {"n_estimators": 12}),
    Case("gradient_boosting_binary", "gradient_boosting", "bought", {"n_estimators": 12}),
    Case("gradient_boosting_multiclass", "gradient_boosting", "grade", {"n_estimators": 6}),
)


def training_rows(seed: int = 7) -> dict[str, list[str]]:
    """A made-up shop: numbers on very different scales, words with every trap, missing cells, many categories."""
    random = np.random.default_rng(seed)
    colours = ["red", "green", "blue, dark", 'say "hi"', "two\nlines"]
    size = random.normal(100, 30, ROWS)
    stamp = random.integers(1_600_000_000_000, 1_700_000_000_000, ROWS)
    tiny = random.normal(0, 1e-9, ROWS)
    colour = random.integers(0, len(colours), ROWS)
    city = random.integers(0, 40, ROWS)
    signal = (size - 100) / 30 + 0.7 * colour + tiny * 5e8 + (city % 3) + random.normal(0, 0.5, ROWS)
    grade = np.digitize(signal, np.quantile(signal, [0.4, 0.8]))
    rows = {
        "size": [f"{value:.3f}" for value in size],
        "stamp": [str(value) for value in stamp],
        "tiny": [repr(float(value)) for value in tiny],
        "colour <b>{0}</b>": [colours[index] for index in colour],
        "city": [f"city {index:02d}" for index in city],
        "price": [f"{50 + 12 * value:.2f}" for value in signal],
        "bought": ["yes" if value > 1.5 else "no" for value in signal],
        "grade": [("low", "middle", "high, very")[index] for index in grade],
    }
    for name, every, text in (("size", 11, ""), ("colour <b>{0}</b>", 13, "NA"), ("tiny", 90, "?")):
        rows[name] = [text if place % every == 3 else cell for place, cell in enumerate(rows[name])]
    return rows


def serving_rows(columns: dict[str, list[str]], seed: int = 8) -> dict[str, list[str]]:
    """Thirty rows as trained on, then rows that try every trap in every column."""
    random = np.random.default_rng(seed)
    rows: dict[str, list[str]] = {}
    for name, cells in columns.items():
        traps = [*NUMBERS, *WORDS]
        dirty = [str(trap) for trap in random.permutation(traps)] + [cells[i] for i in random.integers(0, ROWS, 20)]
        rows[name] = cells[:30] + dirty
    return rows


def write_csv(path: Path, columns: dict[str, list[str]]) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    path.write_text(out.getvalue(), encoding="utf-8", newline="")


def write_case(case: Case, root: Path) -> None:
    """Trains `case` and writes its folder."""
    folder = root / case.name
    folder.mkdir(parents=True, exist_ok=True)
    rows = training_rows()
    targets = {"price", "bought", "grade"}
    features = {name: cells for name, cells in rows.items() if name not in targets}
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch) / "shop.csv"
        write_csv(data, {**features, case.target: rows[case.target]})
        source = inspect(data, "shop.csv")
        request = Request(target=case.target, model=case.model, hyperparameters=case.hyperparameters, seed=3)
        problem = pose(read_table(source, "shop.csv"), request)
        course = Course(problem, request, source.sha256)
        while not course.done:
            course.advance()
        outcome = course.outcome()
        artefact = export(problem, outcome, request, source, "shop.csv", WHEN)
    for name in ("manifest.json", "model.onnx"):
        (folder / name).write_bytes(artefact.files[name])
    write_csv(folder / "input.csv", serving_rows(features))
    table = read_table(inspect(folder / "input.csv", "input.csv"), "input.csv", keep_text=True).table
    (folder / "expected.json").write_bytes(as_json(expected(course, table, problem.classes)))


def expected(course: Course, table: Table, classes: list[str] | None) -> dict[str, Any]:
    """What Python makes of the rows of `table`."""
    outcome = course.outcome()
    fit = outcome.fit
    wide = encode(fit.columns, table, "float64")
    told = fit.predict_rows(table, len(classes or ()))
    body: dict[str, Any] = {
        "features": [column.column for column in fit.columns],
        "encoded": [[float(value).hex() for value in row] for row in wide],
        "labels": None,
        "probabilities": None,
        "values": None,
    }
    if classes is None:
        return {**body, "values": told.tolist()}
    chosen = labels(told, outcome.threshold)
    return {**body, "labels": [classes[index] for index in chosen], "probabilities": told.tolist()}


def main(arguments: list[str]) -> int:
    root = Path(arguments[0] if arguments else "test/golden")
    for case in CASES:
        write_case(case, root)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
