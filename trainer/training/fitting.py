"""One fit, step by step: preprocessing learned from the training rows, then the estimator; and its predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.families import FAMILIES
from trainer.families.family import Estimator, Family
from trainer.families.hyperparameters import Value
from trainer.features.encoding import EncodedColumn, encode
from trainer.features.fitting import fit_columns
from trainer.table.columns import Floats, Indices, Table
from trainer.training.problem import Problem


@dataclass
class Fit:
    """A model in the making. It can be pickled between steps and goes on to the same model."""

    family_name: str
    chosen: Mapping[str, Value]
    columns: Sequence[EncodedColumn]
    estimator: Estimator
    step: int = 0
    _matrix: NDArray[np.floating] | None = field(default=None, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_matrix": None}

    @property
    def family(self) -> Family:
        return FAMILIES[self.family_name]

    @property
    def steps(self) -> int:
        return self.family.steps(self.chosen)

    @property
    def done(self) -> bool:
        return self.step >= self.steps

    def advance(self, problem: Problem, rows: Indices) -> None:
        """One step on the training rows."""
        if self._matrix is None:
            self._matrix = encode(self.columns, problem.table.take(rows), self.family.input_type)
        self.family.advance(self.estimator, self._matrix, problem.y[rows], self.step, self.chosen)
        self.step += 1
        if self.done:
            self._matrix = None

    def predict(self, problem: Problem, table: Table) -> Floats:
        """Values, or probabilities of all classes (0 for a class the training rows did not have)."""
        X = encode(self.columns, table, self.family.input_type)
        return predictions(self.estimator, X, len(problem.classes or ()))


def begin(problem: Problem, family: Family, chosen: Mapping[str, Value], rows: Indices, seed: int) -> Fit:
    """A fit on the training rows `rows`, before its first step."""
    columns = fit_columns(problem.features, problem.table.take(rows), family.scheme)
    return Fit(family.name, chosen, columns, family.build(problem.task, chosen, seed))


def predictions(estimator: Estimator, X: NDArray[np.floating], classes: int) -> Floats:
    """Of a fitted scikit-learn estimator, as float64."""
    # scikit-learn looks for infinities by a sum, which the largest float32 numbers overflow.
    with np.errstate(over="ignore", invalid="ignore"):
        if not classes:
            return np.asarray(estimator.predict(X), dtype=np.float64)
        probabilities = np.zeros((len(X), classes))
        probabilities[:, estimator.classes_] = estimator.predict_proba(X)
    return probabilities
