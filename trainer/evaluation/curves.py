"""The curves of a classifier: ROC and precision-recall, thinned to what a picture can show, and calibration.

Next: `export/report.py`. Classes are told apart one against the rest; of two classes the second is asked for.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.table.cells import Floats

POINTS_MAX = 200
CLASSES_MAX = 10
"""Curves are drawn of the classes with most rows."""
BINS_MAX = 10
BIN_ROWS = 10
"""A bin of the calibration curve has about as many rows or more."""


def rounded(values: Floats) -> list[float]:
    """Six digits that count: what a picture shows, in a fraction of the bytes."""
    return [float(f"{value:.6g}") for value in values]


def curved_classes(truth: NDArray[np.int64], classes: int) -> list[int]:
    """Those that curves are drawn of, which have rows and are not all rows."""
    rows = np.bincount(truth, minlength=classes)
    if classes == 2:
        return [1] if rows.all() else []
    most = np.argsort(-rows, kind="stable")[:CLASSES_MAX]
    return sorted(int(label) for label in most if 0 < rows[label] < len(truth))


def roc_curve(positive: NDArray[np.bool_], score: Floats) -> dict[str, list[float]]:
    """From (0, 0) to (1, 1)."""
    from sklearn import metrics

    false, true, _ = metrics.roc_curve(positive, score)
    at = thinned(false, true)
    return {"falsePositiveRate": rounded(false[at]), "truePositiveRate": rounded(true[at])}


def precision_recall_curve(positive: NDArray[np.bool_], score: Floats) -> dict[str, list[float]]:
    """From recall 0 to 1; at 0 precision is 1 by definition."""
    from sklearn import metrics

    precision, recall, _ = metrics.precision_recall_curve(positive, score)
    precision, recall = precision[::-1], recall[::-1]
    at = thinned(recall, precision)
    return {"recall": rounded(recall[at]), "precision": rounded(precision[at])}


def thinned(x: Floats, y: Floats) -> NDArray[np.int64]:
    """At most POINTS_MAX places, evenly along the line, both ends among them."""
    if len(x) <= POINTS_MAX:
        return np.arange(len(x))
    along = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
    at = np.searchsorted(along, np.linspace(0, along[-1], POINTS_MAX))
    at[-1] = len(x) - 1
    return np.unique(at)


def calibration(truth: NDArray[np.int64], told: Floats) -> dict[str, Any]:
    """In bins of about equally many rows: mean probability, share of hits, rows.

    Of two classes the second's probability, of more that of the class said to be the likeliest.
    """
    if told.shape[1] == 2:
        said, hit = told[:, 1], truth == 1
    else:
        said, hit = told.max(axis=1), np.argmax(told, axis=1) == truth
    count = max(1, min(BINS_MAX, len(said) // BIN_ROWS))
    edges = np.unique(np.quantile(said, np.linspace(0, 1, count + 1)[1:-1]))
    bins = np.searchsorted(edges, said, side="left")
    rows = np.bincount(bins, minlength=len(edges) + 1)
    kept = np.nonzero(rows)[0]
    means = np.bincount(bins, said, len(rows))[kept] / rows[kept]
    hits = np.bincount(bins, hit, len(rows))[kept] / rows[kept]
    return {
        "predicted": rounded(means),
        "observed": rounded(hits),
        "rows": rows[kept].tolist(),
        "expectedCalibrationError": float(np.sum(rows[kept] * np.abs(means - hits)) / len(said)),
    }
