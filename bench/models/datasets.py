"""The tables that models are measured on, read as the worker reads a user's file. No network.

German credit and housing lie beside the repository (`../shared/data`, or SPOTLEARN_DATA); the others are parts of
scikit-learn, written as CSV first. "5×2" is five folds dealt twice: with halves of German credit (400 rows to learn
from) no model reaches the design's figures, with fifths the defaults of scikit-learn do.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from trainer.table.reading import Reading, read_table
from trainer.table.source import inspect

FOLDER = Path(os.environ.get("SPOTLEARN_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")


@dataclass(frozen=True)
class Dataset:
    """`file`: in FOLDER; empty: a loader of scikit-learn of the same name. `folds` are dealt `repeats` times."""

    name: str
    file: str
    target: str
    task: Literal["regression", "classification"]
    folds: int
    repeats: int

    @property
    def there(self) -> bool:
        return not self.file or (FOLDER / self.file).exists()


DATASETS = {
    one.name: one
    for one in (
        Dataset(
            "german_credit",
            "german_credit_data_train.csv",
            "class",
            "classification",
            5,
            2,
        ),
        Dataset("housing", "housing_data.csv", "price", "regression", 5, 3),
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
