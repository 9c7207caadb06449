"""What is to be learned: the rows with a target, the task, the classes, the columns that may be used.

Before: `table/reading.py`; `target.py` reads the target. Next: `split.py` and `course.py`. Everything a user can get
wrong about a data set is refused here, with what is wrong and what to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from trainer.errors import DataError, UserError
from trainer.families.family import Task
from trainer.features.leakage import suspects
from trainer.features.profile import Dropped, Feature, profile
from trainer.table.columns import Column, Indices, Table
from trainer.table.header import listed, shown
from trainer.table.reading import Reading
from trainer.ticket import Request
from trainer.training.separator import Separator, separator_of
from trainer.training.target import read_target

ROWS_MIN = 10
ROWS_FEW = 1000
PREDICTION = "prediction"
"""The name of the column that predictions get unless another is asked for."""


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
    separator: Separator | None


def pose(reading: Reading, request: Request) -> Problem:
    """Raises UserError or DataError."""
    table, notes = reading.table, list(reading.notes)
    names = _feature_names(table, request)
    column = table.columns[request.target]
    _require_rows(column, column.rows - column.missing())
    target = read_target(column, request.task)
    notes += target.notes
    _require_rows(column, len(target.rows))
    without = column.rows - len(target.rows)
    if without:
        notes.append(f"{without:,} of {column.rows:,} rows have no usable target and were left out.")
    if len(target.rows) < ROWS_FEW:
        notes.append(f"{len(target.rows)} rows are few: another sample could give clearly different metrics.")
    separator = _separator(table, request, target.rows, notes)
    used = table.take(target.rows)
    grouped = _grouped_by(request, names)
    judged = profile(used, [name for name in names if name not in grouped])
    dropped = judged.dropped + [
        Dropped(name, "The rows are grouped by it: new rows have other groups.") for name in grouped
    ]
    if not judged.features:
        reasons = "; ".join(f"{shown(item.name)}: {item.reason}" for item in dropped[:5])
        raise DataError(
            "NoUsableFeatures",
            f"No column is left to learn from. {reasons}",
            "Add columns that differ from row to row and say something about the target.",
        )
    usable = used.only(feature.name for feature in judged.features)
    leaks = suspects(judged.features, usable, target.y, len(target.classes or ()))
    if PREDICTION in table.columns:
        notes.append("The data has a column “prediction”: files to predict need another name for the new column.")
    return Problem(
        target=column.name,
        task=target.task,
        table=usable,
        y=target.y,
        classes=target.classes,
        features=judged.features,
        dropped=dropped,
        notes=notes + judged.notes + [leak.words for leak in leaks],
        columns_in_file=len(table.columns),
        separator=separator,
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


def _grouped_by(request: Request, names: list[str]) -> list[str]:
    """The column of a group split, which is no feature: the model is judged on new groups."""
    kind, _, name = request.split.partition(":")
    return [name] if kind == "group" and name in names else []


def _separator(table: Table, request: Request, rows: Indices, notes: list[str]) -> Separator | None:
    """What keeps rows apart, by the split that was asked for."""
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
    if name == request.target:
        raise UserError(
            "SplitByTarget",
            f"The column {shown(name)} to split by is the target.",
            "Split by the time of a row or by what rows have in common, not by what is to be predicted.",
        )
    return separator_of("time" if kind == "time" else "group", table.columns[name].take(rows), notes)


def _require_rows(target: Column, present: int) -> None:
    """None at all is told in other words, by `read_target`."""
    if 0 < present < ROWS_MIN:
        have = "row has" if present == 1 else "rows have"
        raise DataError(
            "TooFewRows",
            f"Only {present} {have} a value in the target {shown(target.name)}.",
            f"At least {ROWS_MIN} rows are needed; a hundred or more make a model worth trusting.",
        )
