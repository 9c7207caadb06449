"""Writes golden vectors: for every family and task a small model and the numbers Python makes of some nasty rows.

`python -m trainer.golden test/golden` writes, for each case, manifest.json, model.onnx, input.csv and expected.json:

    {"features": [names], "encoded": [[hex floats]] | null, "labels": [texts] | null,
     "probabilities": [[floats]] | null, "values": [floats] | null}

One entry a record of input.csv, in order. `encoded` is the matrix before the cast to the graph's input type, as
float.hex() texts (C99 hexadecimal floats). Whoever executes manifests elsewhere is held to them. Afterwards
`npm run format` lays the JSON out as the repository has it.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from trainer.evaluation.evaluation import Evaluation
from trainer.export.blend import graph_of
from trainer.export.manifest import as_json, manifest
from trainer.export.parity import check
from trainer.families import AUTO
from trainer.features.encoding import encode
from trainer.golden.cases import CASES, SMALL, Case
from trainer.golden.shop import TARGETS, serving_rows, training_rows, write_csv
from trainer.table.columns import Table
from trainer.table.reading import read_table
from trainer.table.source import Source, inspect
from trainer.ticket import Request
from trainer.training import metrics
from trainer.training.course import Outcome
from trainer.training.fitting import Fit, begin
from trainer.training.leaderboard import Choice
from trainer.training.problem import Problem, pose
from trainer.training.search import ingredient
from trainer.training.split import Plan, folds

WHEN = datetime(2026, 1, 1, tzinfo=timezone.utc)
SEED = 3


def write_case(case: Case, root: Path) -> None:
    """Trains `case` and writes its folder."""
    folder = root / case.name
    folder.mkdir(parents=True, exist_ok=True)
    request, source, problem = posed(case.target)
    outcome = trained(case, problem)
    graph = graph_of(outcome.fit, problem.task)
    parity = check(graph, outcome.fit, problem.table, len(problem.classes or ()), case.threshold, SEED)
    files = {"model.onnx": graph.model}
    nothing = Evaluation({}, [])
    body = manifest(problem, outcome, nothing, request, source, "shop.csv", WHEN, graph, parity, problem.notes, files)
    (folder / "model.onnx").write_bytes(graph.model)
    (folder / "manifest.json").write_bytes(as_json(body))
    write_csv(folder / "input.csv", serving_rows(inputs(training_rows())))
    table = read_table(inspect(folder / "input.csv", "input.csv"), "input.csv", keep_text=True).table
    (folder / "expected.json").write_bytes(as_json(expected(case, outcome.fit, table, problem.classes)))


def inputs(rows: dict[str, list[str]]) -> dict[str, list[str]]:
    """All columns that are no targets."""
    return {name: cells for name, cells in rows.items() if name not in TARGETS}


@cache
def posed(target: str) -> tuple[Request, Source, Problem]:
    """The shop with one of its targets, for all cases that predict it."""
    rows = training_rows()
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch) / "shop.csv"
        write_csv(data, {**inputs(rows), target: rows[target]})
        source = inspect(data, "shop.csv")
        request = Request(target=target, model=AUTO, seed=SEED)
        return request, source, pose(read_table(source, "shop.csv"), request)


def trained(case: Case, problem: Problem) -> Outcome:
    """Fitted on all rows at once and not judged: what is golden is how a model predicts, not how well."""
    share = 1 / len(case.families)
    wanted = tuple(replace(ingredient(name, SMALL.get(name, {})), weight=share) for name in case.families)
    rows = np.arange(len(problem.y))
    fit = begin(problem, wanted, rows, SEED)
    while not fit.done:
        fit.advance(problem, rows)
    classes = len(problem.classes or ())
    plan = Plan("random", folds(problem.y, classes, 5, SEED)[:1], refit=True)
    test = plan.folds[0][1]
    told = fit.predict(problem, problem.table.take(test))
    labels = metrics.labels(told, case.threshold) if classes else None
    return Outcome(fit, Choice(wanted, case.threshold), plan, problem.y[test], told, labels, test, {}, [], [])


def expected(case: Case, fit: Fit, table: Table, classes: list[str] | None) -> dict[str, Any]:
    """What Python makes of the rows of `table`."""
    told = fit.predict_rows(table, len(classes or ()))
    wide = encode(fit.columns, table, "float64") if case.encoded else None
    body: dict[str, Any] = {
        "features": [column.column for column in fit.columns],
        "encoded": None if wide is None else [[float(value).hex() for value in row] for row in wide],
        "labels": None,
        "probabilities": None,
        "values": None,
    }
    if classes is None:
        return {**body, "values": told.tolist()}
    chosen = metrics.labels(told, case.threshold)
    return {**body, "labels": [classes[index] for index in chosen], "probabilities": told.tolist()}


def main(arguments: list[str]) -> int:
    root = Path(arguments[0] if arguments else "test/golden")
    for case in CASES:
        write_case(case, root)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
