"""The target: which rows have one, numbers or classes, and what a user can get wrong about it.

Part of `problem.py`; the preflight asks too. Numbers are read by the column's own notation; words for yes and no are
two classes however they are spelled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.errors import DataError, JobError, UserError
from trainer.families.family import Task
from trainer.features.profile import Feature, read_column, values_of
from trainer.table.cells import Floats
from trainer.table.columns import MISSING, Column
from trainer.table.header import listed, shown

CLASSES_MAX = 100
WHOLE_CLASSES_MAX = 10
"""A target of at most this many different whole numbers, each met often, is taken for classes."""
ROWS_PER_CLASS = 5
ID_DISTINCT = 0.9
MOSTLY_ONE_VALUE = 0.9


@dataclass(frozen=True)
class Target:
    """`rows`: those with a usable target. `y`: their numbers, or indices of `classes`."""

    task: Task
    rows: NDArray[np.int64]
    y: NDArray[Any]
    classes: list[str] | None
    notes: list[str]


def read_target(column: Column, task: str) -> Target:
    """`task`: auto, regression or classification. Raises UserError or DataError."""
    if task not in {"auto", "regression", "classification"}:
        raise UserError("BadTask", f"The task {task[:60]!r} is not known.", "Use auto, regression or classification.")
    if column.rows == column.missing():
        raise _empty(column, "is empty in every row")
    if column.overflow:
        raise _like_an_id(column)
    reading = read_column(column)
    feature, notes = reading.feature, list(reading.notes)
    if feature.type == "date" and task != "classification":
        feature = _number_or_refused(column, feature, task)
    values = values_of(column, feature) if feature.type == "number" else None
    if values is not None and np.isnan(values).all():
        raise _empty(column, "has no usable number in any row")
    notes += _odd_notation(feature)
    if task == "auto":
        task, why = _inferred(column, feature, values)
        notes.append(f"Task found: {task}, because of the target {shown(column.name)}: {why}.")
    if task == "classification":
        return _classification(column, feature, values, notes)
    if values is None:
        raise _not_numeric(column)
    return _regression(column, values, notes)


def _number_or_refused(column: Column, feature: Feature, task: str) -> Feature:
    """A target of dates cannot be learned; eight digits can, as plain numbers, if that is asked for."""
    if task == "regression" and not np.isnan(column.numbers()).all():
        return replace(feature, type="number", orders=())
    raise UserError(
        "TargetIsDate",
        f"The target {shown(column.name)} holds dates, such as {feature.example[:40]!r}.",
        "Predict a number instead, for example the days from another date to this one.",
    )


def _odd_notation(feature: Feature) -> list[str]:
    notation = feature.notation
    if notation is None:
        return []
    parts = [f"a {'comma' if notation.decimal == ',' else 'point'} before decimals"]
    if notation.thousands:
        name = {" ": "a space", "'": "an apostrophe", ",": "a comma", ".": "a point"}[notation.thousands]
        parts.append(f"{name} between thousands")
    if notation.unit:
        parts.append(f"the unit {notation.unit}")
    return [f"The numbers of the target {shown(feature.name)} are read with {', '.join(parts)}."]


def _inferred(column: Column, feature: Feature, values: Floats | None) -> tuple[Task, str]:
    if values is None:
        _refuse_mixed(column)
        return "classification", "it says yes or no" if feature.type == "boolean" else "it holds texts"
    present = values[~np.isnan(values)]
    different = np.unique(present)
    whole = bool(np.all(different == np.floor(different)))
    few = len(different) <= 2 or (
        whole and len(different) <= WHOLE_CLASSES_MAX and len(present) >= ROWS_PER_CLASS * len(different)
    )
    return "classification" if few else "regression", f"it has {len(different):,} different values"


def _numeric_share(column: Column) -> float:
    return float(np.count_nonzero(~np.isnan(column.numbers())) / (column.rows - column.missing()))


def _refuse_mixed(column: Column) -> None:
    share = _numeric_share(column)
    if share >= 0.2 and len(_class_counts(column, None)) > CLASSES_MAX:
        raise DataError(
            "TargetMixed",
            f"The target {shown(column.name)} mixes numbers ({share:.0%} of its cells) and texts.",
            "Make all of them numbers, or choose another target.",
        )


def _not_numeric(column: Column) -> JobError:
    share = _numeric_share(column)
    holds = f"is a number in only {share:.0%} of its cells" if share else "holds texts"
    return UserError(
        "TargetNotNumeric",
        f"The target {shown(column.name)} {holds}; regression needs numbers, not texts.",
        "Choose classification, or a target of numbers.",
    )


def _regression(column: Column, values: Floats, notes: list[str]) -> Target:
    rows = np.nonzero(~np.isnan(values))[0]
    y = values[rows]
    if np.all(y == y[0]):
        raise DataError(
            "TargetConstant",
            f"The target {shown(column.name)} is {y[0]:g} in every row.",
            "There is nothing to learn: choose a target that differs from row to row.",
        )
    usual = np.partition(y, len(y) // 2)[len(y) // 2]
    share = np.count_nonzero(y == usual) / len(y)
    if share >= MOSTLY_ONE_VALUE:
        notes = [*notes, f"{share:.1%} of the rows have the same target ({usual:g}): the metrics say little."]
    return Target("regression", rows, y, None, notes)


def _classification(column: Column, feature: Feature, values: Floats | None, notes: list[str]) -> Target:
    if column.codes is None:
        raise _too_many_classes(column, len(np.unique(column.numbers())))
    notes = list(notes)
    counts = _class_counts(column, values)
    merged = _merged(column, feature, counts, notes)
    classes: dict[str, int] = {}
    for code, text in merged.items():
        classes[text] = classes.get(text, 0) + counts[code]
    _check_classes(column, classes, notes)
    ordered = sorted(classes, key=_class_order(feature))
    place = {text: index for index, text in enumerate(ordered)}
    lookup = np.full(len(column.texts) + 1, MISSING, dtype=np.int64)
    for code, text in merged.items():
        lookup[code] = place[text]
    labels = lookup[column.codes]
    rows = np.nonzero(labels != MISSING)[0]
    return Target("classification", rows, labels[rows], ordered, notes)


def _class_counts(column: Column, values: Floats | None) -> dict[int, int]:
    """Rows by code; of a target of numbers only those that are numbers."""
    if column.codes is None:
        return {}
    codes = column.codes if values is None else np.where(np.isnan(values), MISSING, column.codes)
    counts = np.bincount(codes + 1, minlength=1)[1:]
    return {int(code): int(counts[code]) for code in np.nonzero(counts)[0]}


def _merged(column: Column, feature: Feature, counts: Mapping[int, int], notes: list[str]) -> dict[int, str]:
    """The class of each code, in the spelling met most often: 1 and 1.0, or Yes, yes and Y, are one class."""
    key = _meaning(column, feature)
    spelled: dict[object, list[int]] = {}
    for code in counts:
        spelled.setdefault(key(column.texts[code]), []).append(code)
    merged = {}
    for codes in spelled.values():
        usual = max(codes, key=lambda code: (counts[code], column.texts[code]))
        merged.update(dict.fromkeys(codes, column.texts[usual]))
        if len(codes) > 1:
            texts = listed(sorted(column.texts[code] for code in codes))
            notes.append(f"Of the target {shown(column.name)}, {texts} are one class.")
    if feature.type == "category":
        different = set(merged.values())
        alike = len(different) - len({text.casefold() for text in different})
        if alike:
            notes.append(f"{alike} classes of {shown(column.name)} differ from another in capitals only.")
    return merged


def _meaning(column: Column, feature: Feature) -> Callable[[str], object]:
    if feature.type == "boolean":
        return lambda text: text.lower() in {word.lower() for word in feature.yes}
    if feature.type == "number":
        reader = feature.notation
        read = dict(zip(column.texts, values_by_text(column, feature), strict=True)) if reader else None
        return lambda text: read[text] if read else float(text)
    return lambda text: text


def values_by_text(column: Column, feature: Feature) -> list[float]:
    """The number that each of the column's texts is."""
    assert feature.notation is not None
    return [float(value) for value in feature.notation.numbers_of(column.texts)]


def _class_order(feature: Feature) -> Callable[[str], Any]:
    """Numbers by value; no before yes, so that probabilities are of yes; other texts by letter."""
    if feature.type == "boolean":
        yes = {word.lower() for word in feature.yes}
        return lambda text: text.lower() in yes
    if feature.type == "number":
        notation = feature.notation
        return lambda text: (notation.number_of(text) if notation else float(text), text)
    return lambda text: text


def _check_classes(column: Column, classes: Mapping[str, int], notes: list[str]) -> None:
    rows = sum(classes.values())
    if len(classes) == 1:
        raise DataError(
            "OneClass",
            f"The target {shown(column.name)} is {next(iter(classes))[:60]!r} in every row.",
            "A classifier needs at least two classes: add rows of another, or choose another target.",
        )
    if len(classes) > CLASSES_MAX:
        if len(classes) >= ID_DISTINCT * rows and np.isnan(column.numbers()).any():
            raise _like_an_id(column)
        raise _too_many_classes(column, len(classes))
    alone = [text for text, count in classes.items() if count < 2]
    if len(classes) - len(alone) < 2:
        raise DataError(
            "ClassTooSmall",
            f"The target {shown(column.name)} has too few rows of class {listed(alone)}.",
            "At least two classes need two rows or more each.",
        )
    if alone:
        have = "1 class has" if len(alone) == 1 else f"{len(alone)} classes have"
        notes.append(f"{have} a single row: {listed(alone)}. Expect little of {'it' if len(alone) == 1 else 'them'}.")


def _too_many_classes(column: Column, count: int) -> UserError:
    return UserError(
        "TooManyClasses",
        f"The target {shown(column.name)} has {count:,} different values; {CLASSES_MAX} classes are the most.",
        "Choose regression for a target of numbers, or a target with fewer classes.",
    )


def _like_an_id(column: Column) -> UserError:
    return UserError(
        "TargetIsId",
        f"The target {shown(column.name)} has a text of its own in nearly every row, like an id or a name.",
        "Choose a target whose values repeat.",
    )


def _empty(column: Column, how: str) -> DataError:
    return DataError("TargetEmpty", f"The target {shown(column.name)} {how}.", "Choose another target or fill it in.")
