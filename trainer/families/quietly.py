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
