"""The tables that models are measured on, read as the worker reads a user's file. No network.

German credit and housing are in `examples/`; the others are parts of scikit-learn, written as CSV first. "5×2" is five
folds dealt twice: with halves of German credit (400 rows to learn from) no model reaches the design's figures, with
fifths the defaults of scikit-learn do.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from trainer.table.reading import Reading, read_table
from trainer.table.source import inspect

FOLDER = Path(__file__).resolve().parents[2] / "examples"


@dataclass(frozen=True)
class Dataset:
    """`file`: in FOLDER; empty: a loader of scikit-learn of the same name. `folds` are dealt `repeats` times."""

    name: str
    file: str
    target: str
    task: Literal["regression", "classification"]
    folds: int
    repeats: int


DATASETS = {
    one.name: one
    for one in (
        Dataset(
            "german_credit",
            "german_credit.csv",
            "class",
            "classification",
            5,
            2,
        ),
        Dataset("housing", "housing.csv", "price", "regression", 5, 3),
        Dataset("breast_cancer", "", "target", "classification", 5, 1),
        Dataset("wine", "", "target", "classification", 5, 1),
        Dataset("diabetes", "", "target", "regression", 5, 1),
    )
}


@cache
def load(name: str) -> Reading:
    """Whole; who measures takes rows of it."""
    dataset = DATASETS[name]
    if dataset.file:
        path = FOLDER / dataset.file
        return read_table(inspect(path, path.name), path.name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.csv"
        path.write_text(_csv(name), encoding="utf-8")
        return read_table(inspect(path, path.name), path.name)


def _csv(name: str) -> str:
    from sklearn import datasets

    bunch: Any = getattr(datasets, f"load_{name}")()
    names = [str(one).replace(",", " ") for one in bunch.feature_names]
    lines = [",".join([*names, "target"])]
    for row, target in zip(bunch.data, bunch.target, strict=True):
        told = bunch.target_names[target] if hasattr(bunch, "target_names") else target
        lines.append(",".join([*(repr(float(value)) for value in row), str(told)]))
    return "\n".join(lines) + "\n"
