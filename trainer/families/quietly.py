"""Fits whose warnings are no news to a user: an optimiser that stopped at its last iteration has still fitted."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray


def fit_quietly(estimator: Any, X: NDArray[np.floating], y: NDArray[Any], **more: Any) -> None:
    """estimator.fit without warnings that it has not converged or that a step was too large for a float64."""
    from scipy.linalg import LinAlgWarning
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings(), np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", LinAlgWarning)
        warnings.simplefilter("ignore", FutureWarning)
        estimator.fit(X, y, **more)


def balanced_weights(y: NDArray[Any]) -> NDArray[np.float64]:
    """A weight a row so that every class weighs the same, for estimators without class_weight."""
    _, places, counts = np.unique(y, return_inverse=True, return_counts=True)
    return np.asarray(len(y) / (len(counts) * counts[places]), dtype=np.float64)
