"""Support vector machines, with probabilities calibrated out of fold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from trainer.errors import UserError
from trainer.families.class_weight import CLASS_WEIGHT
from trainer.families.family import Estimator, Family, Task
from trainer.families.hyperparameters import Choice, Real, Value, Whole
from trainer.families.quietly import fit_quietly
from trainer.families.target_scale import TargetScale

if TYPE_CHECKING:
    from trainer.export.graph import Graph

ROWS_MAX = 20_000
"""The time grows with more than the square of the rows: this many take some minutes for each of six fits."""
NUMBERS_MAX = 10_000_000
"""Of support vectors in the artefact, 80 MB."""
FOLDS = 5
C_CLASSIFICATION = 2.0
C_REGRESSION = 10.0


class Svm(Family):
    """CalibratedClassifierCV(SVC, ensemble=False), or SVR on a standardised target.

    libsvm solves at once: the fit cannot be cut; `check` bounds it.
    """

    name = "svm"
    title = "support vector machine"
    tasks = frozenset[Task]({"regression", "classification"})
    scheme = "linear"
    input_type = "float64"
    tolerance = 1e-9
    hyperparameters = {
        "C": Real(None, 1e-6, 1e4, auto=f"{C_CLASSIFICATION:g} for classes, {C_REGRESSION:g} for numbers"),
        "kernel": Choice("rbf", ("rbf", "linear", "poly")),
        "gamma": Real(None, 1e-9, 1e6, auto="1 / (columns · variance), scikit-learn's scale"),
        "degree": Whole(3, 1, 5),
        "coef0": Real(1.0, 0.0, 1e3),
        "epsilon": Real(0.02, 0.0, 10.0),
        "class_weight": CLASS_WEIGHT,
    }

    def build(self, task: Task, chosen: Mapping[str, Value], seed: int) -> Estimator:
        from sklearn.calibration import CalibratedClassifierCV
        from sklearn.svm import SVC, SVR

        shared = {
            "kernel": chosen["kernel"],
            "gamma": chosen["gamma"] or "scale",
            "degree": chosen["degree"],
            "coef0": chosen["coef0"],
            "cache_size": 500,
        }
        if task == "regression":
            return SVR(C=chosen["C"] or C_REGRESSION, epsilon=chosen["epsilon"], **shared)
        machine = SVC(
            C=chosen["C"] or C_CLASSIFICATION, class_weight=chosen["class_weight"], random_state=seed, **shared
        )
        return CalibratedClassifierCV(machine, ensemble=False, cv=FOLDS)

    def advance(
        self, estimator: Estimator, X: NDArray[np.floating], y: NDArray[Any], step: int, chosen: Mapping[str, Value]
    ) -> None:
        del step, chosen
        if hasattr(estimator, "epsilon"):
            _fit_values(estimator, X, y)
        else:
            _fit_classes(estimator, X, y)

    def check(self, rows: int, width: int, task: Task, chosen: Mapping[str, Value]) -> None:
        del chosen
        if rows > ROWS_MAX or rows * width > NUMBERS_MAX:
            others = "ridge or hist_gradient_boosting" if task == "regression" else "logistic or hist_gradient_boosting"
            raise UserError(
                "TooManyRowsForSvm",
                f"A support vector machine on {rows:,} rows of {width:,} columns would take hours: {ROWS_MAX:,} rows "
                f"and {NUMBERS_MAX:,} numbers are the most.",
                f"Use {others}, or fewer rows.",
            )

    def graph(self, estimator: Estimator, task: Task, width: int) -> Graph:
        from trainer.export.kernel import machine_graph, value_graph

        if task == "regression":
            return value_graph(estimator, width)
        (calibrated,) = estimator.calibrated_classifiers_
        sigmoids = np.array([[sigmoid.a_, sigmoid.b_] for sigmoid in calibrated.calibrators])
        return machine_graph(calibrated.estimator, sigmoids, width)


def _fit_values(estimator: Estimator, X: NDArray[np.floating], y: NDArray[Any]) -> None:
    scale = TargetScale.of(y)
    fit_quietly(estimator, X, scale.standardise(y))
    weights, bias = np.array(estimator.dual_coef_), np.array(estimator.intercept_)
    scale.fold(weights, bias)
    estimator.dual_coef_ = estimator._dual_coef_ = weights
    estimator.intercept_ = bias
    estimator._intercept_ = bias.copy()


def _fit_classes(estimator: Estimator, X: NDArray[np.floating], y: NDArray[Any]) -> None:
    """A class of a single row gets a second one, so that no fold lacks it."""
    classes, counts = np.unique(y, return_counts=True)
    alone = np.nonzero(np.isin(y, classes[counts == 1]))[0]
    rows = np.append(np.arange(len(y)), alone)
    seed = cast(int, estimator.estimator.random_state)
    estimator.cv = _folds(y[rows], seed)
    fit_quietly(estimator, X[rows], y[rows])
    estimator.cv = FOLDS  # the folds' rows are of no use in a file


def _folds(y: NDArray[Any], seed: int) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Every class is dealt over the folds in turn; two rows of a class are enough."""
    random = np.random.default_rng(seed)
    fold = np.empty(len(y), dtype=np.int64)
    for label in np.unique(y):
        members = random.permutation(np.nonzero(y == label)[0])
        fold[members] = np.arange(len(members)) % FOLDS
    return [(np.nonzero(fold != each)[0], np.nonzero(fold == each)[0]) for each in range(FOLDS) if np.any(fold == each)]
