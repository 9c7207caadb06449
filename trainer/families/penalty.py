"""The strength of a penalty where none was asked for: the best of a range by cross-validation inside the training rows.

Strengths are on a target of standard deviation 1, so they mean the same in every unit. Folds are random, also where
the rows are split by time or group: no row that the model is judged on is among them, and a penalty that is a bit too
weak costs less than families that would have to know how rows are kept apart.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.families.quietly import fit_quietly

ROWS_MAX = 10_000
"""More rows do not change the choice, but take their time."""
WIDE = 300
WIDE_ROWS_MAX = 2000
"""Of a wide table fewer: the time grows with the square of the smaller side."""
FOLDS = 5
PATH = 50
RIDGE_STRENGTHS = np.logspace(-3, 5, 33)


def ridge_strength(X: NDArray[np.floating], z: NDArray[np.float64], fit_intercept: bool, seed: int) -> float:
    """By leave-one-out, which for ridge costs no more than one fit."""
    from sklearn.linear_model import RidgeCV

    sample, share = _sample(X, seed)
    estimator = RidgeCV(alphas=RIDGE_STRENGTHS, fit_intercept=fit_intercept)
    fit_quietly(estimator, X[sample], z[sample])
    return float(estimator.alpha_) / share  # ridge adds up over rows what lasso averages


def lasso_strength(
    X: NDArray[np.floating], z: NDArray[np.float64], l1_ratio: float, fit_intercept: bool, seed: int
) -> float:
    """By folds along the path of strengths; of an elastic net with `l1_ratio` below 1."""
    from sklearn.linear_model import ElasticNetCV
    from sklearn.model_selection import KFold

    sample, _ = _sample(X, seed)
    folds = KFold(min(FOLDS, len(sample)), shuffle=True, random_state=seed)
    estimator = ElasticNetCV(
        l1_ratio=l1_ratio, alphas=_path(X[sample], z[sample], l1_ratio), cv=folds, fit_intercept=fit_intercept
    )
    fit_quietly(estimator, X[sample], z[sample])
    return float(estimator.alpha_)


def _path(X: NDArray[np.floating], z: NDArray[np.float64], l1_ratio: float) -> NDArray[np.float64]:
    """From the strength that leaves no column down to a thousandth of it."""
    centred = X - X.mean(axis=0)
    most = float(np.max(np.abs(centred.T @ (z - z.mean())))) / (len(z) * l1_ratio)
    return np.geomspace(max(most, 1e-6), max(most, 1e-6) * 1e-3, PATH)


def _sample(X: NDArray[np.floating], seed: int) -> tuple[NDArray[Any], float]:
    """Rows to choose by, and their share of all."""
    rows, most = len(X), ROWS_MAX if X.shape[1] <= WIDE else WIDE_ROWS_MAX
    if rows <= most:
        return np.arange(rows), 1.0
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False)), most / rows
