"""What is to be learned: the rows with a target, the task, the classes, the columns that may be used.

Before: `table/reading.py`. Next: `split.py` and `course.py`. Everything a user can get wrong about a data set is
refused here, with what is wrong and what to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.errors import DataError, UserError
from trainer.families.family import Task
from trainer.features.profile import Dropped, Feature, profile
from trainer.table.columns import MISSING, MOSTLY_NUMBERS, Column, Table
from trainer.table.reading import Reading, listed, shown
from trainer.ticket import Request

ROWS_MIN = 10
CLASSES_MAX = 100
WHOLE_CLASSES_MAX = 10
"""A target of at most this many different whole numbers, each met often, is taken for classes."""
ROWS_PER_CLASS = 5


@dataclass(frozen=True)
class Problem:
    """`y`: numbers for regression, class indices for classification. `table` holds the features' columns, same rows."""

    target: str
    task: Task
    table: Table
    y: NDArray[Any]
    classes: list[str] | None
    features: list[Feature]
    dropped: list[Dropped]
    notes: list[str]
    columns_in_file: int
    split_column: Column | None


def pose(reading: Reading, request: Request) -> Problem:
    """Raises UserError or DataError."""
    table, notes = reading.table, list(reading.notes)
    names = _feature_names(table, request)
    target = table.columns[request.target]
    task = _task(target, request, notes)
    rows, y, classes = _regression(target) if task == "regression" else _classification(target, notes)
    _note_dropped_rows(target, len(rows), notes)
    if len(rows) < ROWS_MIN:
        raise DataError(
            "TooFewRows",
            f"Only {len(rows)} rows have a value in the target {shown(target.name)}.",
            f"At least {ROWS_MIN} rows are needed; a hundred or more make a model worth trusting.",
        )
    split_column = _split_column(table, request)
    used = table.take(rows)
    judged = profile(used, names)
    if not judged.features:
        reasons = "; ".join(f"{shown(item.name)}: {item.reason}" for item in judged.dropped[:5])
        raise DataError(
            "NoUsableFeatures",
            f"No column is left to learn from. {reasons}",
            "Add columns that differ from row to row and say something about the target.",
        )
    return Problem(
        target=target.name,
        task=task,
        table=used.only(feature.name for feature in judged.features),
        y=y,
        classes=classes,
        features=judged.features,
        dropped=judged.dropped,
        notes=notes + judged.notes,
        columns_in_file=len(table.columns),
        split_column=split_column.take(rows) if split_column else None,
    )


def _feature_names(table: Table, request: Request) -> list[str]:
    known = list(table.columns)
    if request.target not in table.columns:
        raise UserError(
            "TargetMissing",
            f"There is no column {shown(request.target)} to predict.",
            f"The columns are: {listed(known, 20)}.",
        )
    absent = [name for name in request.features if name not in table.columns]
    if absent:
        raise UserError(
            "FeatureMissing",
            f"There is no column {listed(absent)} among the features asked for.",
            f"The columns are: {listed(known, 20)}.",
        )
    if request.target in request.features:
        raise UserError(
            "TargetIsFeature",
            f"The target {shown(request.target)} is also among the features.",
            "Take it out of the features: it is what the model has to predict.",
        )
    return list(dict.fromkeys(request.features)) or [name for name in known if name != request.target]


def _split_column(table: Table, request: Request) -> Column | None:
    kind, _, name = request.split.partition(":")
    if kind == "random" and not name:
        return None
    if kind not in {"time", "group"} or not name:
        raise UserError(
            "BadSplit",
            f"The split {request.split[:60]!r} is not known.",
            "Use random, time:<column> or group:<column>.",
        )
    if name not in table.columns:
        raise UserError(
            "SplitColumnMissing",
            f"There is no column {shown(name)} to split by.",
            f"The columns are: {listed(list(table.columns), 20)}.",
        )
    return table.columns[name]


def _task(target: Column, request: Request, notes: list[str]) -> Task:
    numbers = target.numbers()
    present = target.rows - target.missing()
    if present == 0:
        raise DataError(
            "TargetEmpty",
            f"The target {shown(target.name)} is empty in every row.",
            "Choose another target or fill it in.",
        )
    values = numbers[~np.isnan(numbers)]
    numeric = len(values) >= MOSTLY_NUMBERS * present
    if request.task == "regression":
        if not numeric:
            raise UserError(
                "TargetNotNumeric",
                f"The target {shown(target.name)} holds texts; regression needs numbers.",
                "Choose classification, or a target of numbers.",
            )
        return "regression"
    if request.task == "classification":
        return "classification"
    if request.task != "auto":
        raise UserError(
            "BadTask", f"The task {request.task[:60]!r} is not known.", "Use auto, regression or classification."
        )
    different = np.unique(values)
    whole = bool(np.all(different == np.floor(different)))
    few = len(different) <= 2 or (
        whole and len(different) <= WHOLE_CLASSES_MAX and len(values) >= ROWS_PER_CLASS * len(different)
    )
    task: Task = "classification" if not numeric or few else "regression"
    why = "it holds texts" if not numeric else f"it has {len(different):,} different values"
    notes.append(f"Task found: {task}, because of the target {shown(target.name)}: {why}.")
    return task


def _regression(target: Column) -> tuple[NDArray[np.int64], NDArray[np.float64], None]:
    numbers = target.numbers()
    rows = np.nonzero(~np.isnan(numbers))[0]
    y = numbers[rows]
    if len(y) and np.all(y == y[0]):
        raise DataError(
            "TargetConstant",
            f"The target {shown(target.name)} is {y[0]:g} in every row.",
            "There is nothing to learn: choose a target that differs from row to row.",
        )
    return rows, y, None


def _classification(target: Column, notes: list[str]) -> tuple[NDArray[np.int64], NDArray[np.int64], list[str]]:
    if target.codes is None:
        raise _too_many_classes(target, len(np.unique(target.numbers())))
    rows = np.nonzero(target.codes != MISSING)[0]
    codes, counts = np.unique(target.codes[rows], return_counts=True)
    texts = [target.texts[code] for code in codes]
    if len(texts) == 1:
        raise DataError(
            "OneClass",
            f"The target {shown(target.name)} is {texts[0][:60]!r} in every row.",
            "A classifier needs at least two classes: add rows of another, or choose another target.",
        )
    if len(texts) > CLASSES_MAX:
        raise _too_many_classes(target, len(texts))
    alone = [text for text, count in zip(texts, counts, strict=True) if count < 2]
    if len(texts) - len(alone) < 2:
        raise DataError(
            "ClassTooSmall",
            f"The target {shown(target.name)} has too few rows of class {listed(alone)}.",
            "At least two classes need two rows or more each.",
        )
    if alone:
        notes.append(f"{len(alone)} classes have a single row: {listed(alone)}. Expect little of them.")
    ordered = sorted(texts, key=_class_order(target.numbers()[rows]))
    place = {text: index for index, text in enumerate(ordered)}
    lookup = np.full(len(target.texts), -1, dtype=np.int64)
    for code, text in zip(codes, texts, strict=True):
        lookup[code] = place[text]
    return rows, lookup[target.codes[rows]], ordered


def _class_order(numbers: NDArray[np.float64]) -> Any:
    """Numbers by value, texts by letter."""
    if np.isnan(numbers).any():
        return lambda text: text
    return lambda text: (float(text), text)


def _too_many_classes(target: Column, count: int) -> UserError:
    return UserError(
        "TooManyClasses",
        f"The target {shown(target.name)} has {count:,} different values; {CLASSES_MAX} classes are the most.",
        "Choose regression for a target of numbers, or a target with fewer classes.",
    )


def _note_dropped_rows(target: Column, kept: int, notes: list[str]) -> None:
    without = target.rows - kept
    if without:
        notes.append(f"{without} of {target.rows} rows have no usable target and were left out.")
