"""The preflight report: schema, target, leakage suspects, imbalance, need, and warnings in words.

Before: `table/reading.py`. What it says of task, target and columns comes from the code that trains. Next: `words.py`
prints it; the chat may show it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from trainer.errors import JobError
from trainer.features.leakage import suspects, telling_id
from trainer.features.profile import Dropped, profile
from trainer.features.statistics import deciles
from trainer.preflight.guess import guess_target
from trainer.preflight.schema import ColumnReport, report_column
from trainer.table.duplicates import count_duplicates
from trainer.table.memory import BASE_BYTES, GIB, SHARE_USABLE, Need
from trainer.table.reading import Reading
from trainer.ticket import Request
from trainer.training.problem import Problem, pose
from trainer.training.target import read_target

SMALL_CLASS_SHARE = 0.1
SMALL_CLASS_ROWS = 20
MANY_MISSING = 0.5
IDS_LOOKED_AT = 20
OVER_DATA = 2.5
"""Peak memory of a training, in bytes of the parsed data; measured at a million rows."""


def preflight(reading: Reading, request: Request | None = None, need: Need | None = None) -> dict[str, Any]:
    """As JSON. `request`: of the training that is thought of; without one the target is guessed. `need`: of memory, as
    estimated before reading. Never raises for what is wrong with the data: `problem` says what a training would be
    refused for."""
    table = reading.table
    guess = None if request else guess_target(table)
    if request is None:
        request = Request(target=guess.name if guess else "", model="auto")
    target: dict[str, Any] | None = None
    problem: Problem | None = None
    error: dict[str, str] | None = None
    if guess is None and not request.target:
        error = {
            "code": "NoTarget",
            "message": "No column can be predicted: all are empty, constant or different in every row.",
            "hint": "Add a column with the values that a model should learn to predict.",
        }
    else:
        try:
            problem = pose(reading, request)
        except JobError as refused:
            error = refused.to_json()
        target = _target(reading, request, problem)
        target["guessed"] = guess is not None
        if guess:
            target |= {"reason": guess.reason, "others": guess.others}
    columns = _columns(reading, request, problem)
    leaks = _leaks(reading, request, problem) if problem else []
    return {
        "rows": table.rows,
        "columns": len(table.columns),
        "duplicateRows": count_duplicates(table),
        "target": target,
        "schema": [column.to_json() for column in columns],
        "suspects": leaks,
        "need": _need(table.bytes, need),
        "problem": error,
        "warnings": _warnings(reading, request, problem, columns, leaks),
    }


def _target(reading: Reading, request: Request, problem: Problem | None) -> dict[str, Any]:
    told: dict[str, Any] = {"name": request.target, "task": None}
    if problem is None:
        return told
    column = reading.table.columns[request.target]
    told["task"] = problem.task
    told["missing"] = 1 - len(problem.y) / column.rows
    if problem.classes:
        counts = np.bincount(problem.y, minlength=len(problem.classes)).tolist()
        told["classes"] = [
            {"text": text, "rows": rows, "share": rows / len(problem.y)}
            for text, rows in zip(problem.classes, counts, strict=True)
        ]
    else:
        told["quantiles"] = deciles(problem.y)
    return told


def _columns(reading: Reading, request: Request, problem: Problem | None) -> list[ColumnReport]:
    """In the order of the file."""
    table = reading.table
    names = [name for name in table.columns if name != request.target]
    dropped: Sequence[Dropped] = problem.dropped if problem else profile(table, names).dropped
    reasons = {column.name: column.reason for column in dropped}
    if request.features:
        reasons |= dict.fromkeys(set(names) - set(request.features), "It is not among the features asked for.")
    reports = []
    for name, column in table.columns.items():
        role = "target" if name == request.target else "dropped" if name in reasons else "feature"
        reports.append(report_column(column, role, reasons.get(name, "")))
    return reports


def _leaks(reading: Reading, request: Request, problem: Problem) -> list[dict[str, Any]]:
    """Features that alone predict the target, then ids that do: those are not used, but say how the file came about."""
    classes = len(problem.classes or ())
    found = suspects(problem.features, problem.table, problem.y, classes)
    leaks = [
        {"column": one.column, "metric": one.metric, "figure": one.figure, "used": True, "words": one.words}
        for one in found
    ]
    rows = read_target(reading.table.columns[request.target], request.task).rows
    for dropped in problem.dropped[:IDS_LOOKED_AT]:
        column = reading.table.columns[dropped.name].take(rows)
        told = telling_id(column, problem.y, classes) if column.missing() < column.rows else None
        if told:
            words = (
                f"“{told.column[:60]}” is not used ({dropped.reason.rstrip('.').lower()}), yet it tells the target "
                f"({told.metric} {told.figure:.3f}): the rows may be sorted by the target, or named after it."
            )
            leaks.append(
                {"column": told.column, "metric": told.metric, "figure": told.figure, "used": False, "words": words}
            )
    return leaks


def _need(data_bytes: int, need: Need | None) -> dict[str, Any]:
    """`memoryGiB`: of a process; `instanceGiB`: of an instance whose system takes its share too."""
    total = need.total if need else BASE_BYTES + OVER_DATA * data_bytes
    whole = math.ceil(total / SHARE_USABLE / GIB)
    return {"dataBytes": data_bytes, "memoryGiB": round(total / GIB, 2), "instanceGiB": whole}


def _warnings(
    reading: Reading,
    request: Request,
    problem: Problem | None,
    columns: Sequence[ColumnReport],
    leaks: Sequence[dict[str, Any]],
) -> list[str]:
    told = list(problem.notes if problem else reading.notes)
    told += [leak["words"] for leak in leaks if not leak["used"]]
    if problem is None:
        return told
    told += _about_rows(reading, request, problem)
    told += _about_classes(problem)
    holes = [column for column in columns if column.role == "feature" and column.missing > MANY_MISSING]
    if holes:
        names = ", ".join(f"“{column.name[:60]}” ({column.missing:.0%})" for column in holes[:8])
        told.append(f"More than half of the cells are missing in {names}.")
    return told


def _about_rows(reading: Reading, request: Request, problem: Problem) -> list[str]:
    if not problem.classes:
        return []
    names = [feature.name for feature in problem.features]
    alike = count_duplicates(reading.table.only(names))
    copies = count_duplicates(reading.table.only([*names, request.target]))
    if not alike or copies is None or alike <= copies:
        return []
    return [
        f"{alike - copies:,} rows equal an earlier one in all features but not in the target: "
        "no model can be right about both."
    ]


def _about_classes(problem: Problem) -> list[str]:
    if not problem.classes:
        return []
    counts = np.bincount(problem.y, minlength=len(problem.classes))
    least, most = int(counts.argmin()), int(counts.argmax())
    share = counts[least] / counts.sum()
    told = []
    if share < SMALL_CLASS_SHARE and len(problem.classes) == 2:
        told.append(
            f"The classes are unequal: {problem.classes[least][:60]!r} has {share:.1%} of the rows. Accuracy says "
            f"little: always answering {problem.classes[most][:60]!r} would reach {counts[most] / counts.sum():.1%}."
        )
    few = [name for name, count in zip(problem.classes, counts, strict=True) if count < SMALL_CLASS_ROWS]
    if few:
        shown = ", ".join(repr(name[:40]) for name in few[:8]) + (" …" if len(few) > 8 else "")
        told.append(f"{len(few)} of {len(problem.classes)} classes have fewer than {SMALL_CLASS_ROWS} rows: {shown}.")
    return told
