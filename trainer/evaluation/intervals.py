"""95 % confidence intervals of a model's metrics, and of its lead over the trivial model: a bootstrap of the rows that
it was judged on.

Resampled are predictions, not trainings: an interval says how much the figure owes to these very rows. Areas under
curves are computed on at most RANKS_MAX ranks of the probabilities and moved by what that changes.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.evaluation.bootstrap import resamples
from trainer.table.cells import Floats
from trainer.training.metrics import brier, log_losses

RANKS_MAX = 1000
CLASS_ROWS_MAX = 2_000_000
"""Classes times rows up to which areas under the curves of several classes are resampled."""
DEFINED_MIN = 0.9
"""Share of resamples in which a metric must be defined to have an interval."""
PERCENTILES_FROM = 400
"""From so many resamples on an interval is made of their percentiles. Fewer are made of many rows, of which a metric is
as good as normally distributed: mean and standard deviation then tell its ends more surely."""
NORMAL = 1.959964

Draws = dict[str, list[Floats]]
"""The values of metrics, chunk of resamples after chunk."""


@dataclass(frozen=True)
class Judged:
    """Predictions out of sample: of the model and of the trivial one (`trivial`, same shape as `told`).

    `labels`: the classes that `told` means, None for regression. `groups` from 0: rows that come and go together.
    """

    truth: NDArray[Any]
    told: Floats
    trivial: Floats
    labels: NDArray[np.int64] | None
    groups: NDArray[np.int64] | None
    seed: int


def draw(judged: Judged) -> dict[str, Floats]:
    """The metrics of every resample, by their names; `baseline_…` of the trivial model on the same rows."""
    draws: Draws = defaultdict(list)
    strata = judged.truth if judged.labels is not None else None
    with np.errstate(all="ignore"):
        measure = _measure(judged)
        for weights in resamples(len(judged.truth), strata, judged.groups, judged.seed):
            measure.add(weights, draws)
    return {name: np.concatenate(values) for name, values in draws.items()}


def interval(values: Floats, shift: float = 0.0) -> list[float] | None:
    """Low and high; None where the metric is too often undefined. `shift` is added to both."""
    defined = values[np.isfinite(values)]
    if len(defined) < DEFINED_MIN * len(values):
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        if len(values) < PERCENTILES_FROM:
            low, high = np.mean(defined) + shift + np.array([-NORMAL, NORMAL]) * np.std(defined)
        else:
            low, high = np.quantile(defined, [0.025, 0.975]) + shift
    return [float(low), float(high)] if np.isfinite(low) and np.isfinite(high) else None


def intervals(draws: dict[str, Floats], measured: dict[str, float], exact: dict[str, float]) -> dict[str, list[float]]:
    """By metric. `exact`: the same figures as in `measured`, as the resampling computes them of the rows themselves."""
    found = {}
    for name, value in measured.items():
        if name in draws and not name.startswith("baseline_"):
            span = interval(draws[name], value - exact.get(name, value))
            if span is not None:
                found[name] = [min(span[0], value), max(span[1], value)]
    return found


def ranked(judged: Judged) -> dict[str, float]:
    """The figures that resampling takes from ranks, of the rows as they are."""
    draws: Draws = defaultdict(list)
    with np.errstate(all="ignore"):
        _measure(judged).add(np.ones((len(judged.truth), 1)), draws)
    return {name: float(values[0][0]) for name, values in draws.items() if np.isfinite(values[0][0])}


def _measure(judged: Judged) -> _Regression | _Classification:
    return _Regression(judged) if judged.labels is None else _Classification(judged, judged.labels)


class _Regression:
    def __init__(self, judged: Judged) -> None:
        y = judged.truth
        error, trivial = judged.told - y, judged.trivial - y
        centred = y - np.mean(y)
        size = np.maximum(np.abs(y), np.finfo(np.float64).eps)
        self._columns = _averaging(
            error**2, np.abs(error), centred, centred**2, np.abs(error) / size, trivial**2, np.abs(trivial)
        )
        ranks, self._middles = _ranks(np.abs(error))
        self._by_rank = _adding(ranks, len(self._middles))

    def add(self, weights: Floats, draws: Draws) -> None:
        total = weights.sum(axis=0)
        square, absolute, mean, spread, share, trivial, plain = (self._columns @ weights) / total
        variance = spread - mean**2
        draws["root_mean_squared_error"].append(np.sqrt(square))
        draws["mean_absolute_error"].append(absolute)
        draws["mean_absolute_percentage_error"].append(share)
        draws["r2"].append(np.where(variance > 0, 1 - square / variance, np.nan))
        draws["baseline_root_mean_squared_error"].append(np.sqrt(trivial))
        draws["baseline_mean_absolute_error"].append(plain)
        reached = np.cumsum(self._by_rank @ weights, axis=0) >= total / 2
        draws["median_absolute_error"].append(self._middles[np.argmax(reached, axis=0)])


class _Classification:
    def __init__(self, judged: Judged, labels: NDArray[np.int64]) -> None:
        y, told = judged.truth, judged.told
        self._classes = size = told.shape[1]
        self._by_cell = _adding(y * size + labels, size * size)
        self._columns = _averaging(
            log_losses(y, told),
            brier(y, told),
            labels == y,
            np.argmax(judged.trivial, axis=1) == y,
            log_losses(y, judged.trivial),
        )
        curved = [1] if size == 2 else list(range(size))
        if len(y) * len(curved) > CLASS_ROWS_MAX:
            curved = []
        self._by_rank = [_adding_apart(told[:, label], y == label) for label in curved]

    def add(self, weights: Floats, draws: Draws) -> None:
        total = weights.sum(axis=0)
        log_loss, brier_score, right, trivial, trivial_loss = (self._columns @ weights) / total
        draws["log_loss"].append(log_loss)
        draws["brier_score_loss"].append(brier_score)
        draws["accuracy"].append(right)
        draws["baseline_accuracy"].append(trivial)
        draws["baseline_log_loss"].append(trivial_loss)
        self._add_confusion(weights, draws)
        areas, precisions = [], []
        for adding in self._by_rank:
            hits, others = np.split(adding @ weights, 2)
            areas.append(_area(hits, others))
            precisions.append(_average_precision(hits, others))
        if areas:
            two = self._classes == 2
            draws["roc_auc" if two else "roc_auc_ovr"].append(np.mean(areas, axis=0))
            draws["average_precision" if two else "average_precision_macro"].append(np.mean(precisions, axis=0))

    def _add_confusion(self, weights: Floats, draws: Draws) -> None:
        """Whatever counts of true and predicted classes tell."""
        size = self._classes
        counts = (self._by_cell @ weights).reshape(size, size, -1)
        hits = np.einsum("iik->ik", counts)
        true, predicted = counts.sum(axis=1), counts.sum(axis=0)
        draws["balanced_accuracy"].append(np.nanmean(np.where(true > 0, hits / true, np.nan), axis=0))
        f1 = np.where(true + predicted > 0, 2 * hits / (true + predicted), 0.0)
        if size > 2:
            draws["f1_macro"].append(f1.mean(axis=0))
            return
        draws["f1"].append(f1[1])
        draws["precision"].append(np.where(predicted[1] > 0, hits[1] / predicted[1], 0.0))
        draws["recall"].append(np.where(true[1] > 0, hits[1] / true[1], 0.0))


def _ranks(values: Floats) -> tuple[NDArray[np.int64], Floats]:
    """The rank of each value among at most RANKS_MAX, and the middle value of each rank. Equal values share one."""
    different, ranks = np.unique(values, return_inverse=True)
    if len(different) <= RANKS_MAX:
        return ranks, different
    edges = np.unique(np.quantile(values, np.linspace(0, 1, RANKS_MAX + 1)[1:-1]))
    cut = np.searchsorted(edges, different, side="left")
    starts = np.nonzero(np.diff(cut, prepend=-1))[0]
    of_different = np.cumsum(np.diff(cut, prepend=cut[0]) > 0)
    middles = different[(starts + np.append(starts[1:], len(different))) // 2]
    return np.asarray(of_different[ranks], dtype=np.int64), middles


def _averaging(*columns: NDArray[Any]) -> Any:
    """A matrix that adds up each column, weighted. Sparse like the others: what BLAS makes of a dense one depends on
    its threads, and it wakes them for hardly any work."""
    from scipy.sparse import csr_array

    return csr_array(np.stack(columns, dtype=np.float64))


def _adding(places: NDArray[np.int64], size: int) -> Any:
    """A matrix that adds weights [rows, draws] up by place: [size, draws]."""
    from scipy.sparse import csr_array

    rows = len(places)
    return csr_array((np.ones(rows), (places, np.arange(rows))), shape=(size, rows))


def _adding_apart(score: Floats, positive: NDArray[np.bool_]) -> Any:
    """By ascending rank of the score, first those of the positive rows, then as many of the others."""
    ranks, middles = _ranks(score)
    return _adding(np.where(positive, ranks, ranks + len(middles)), 2 * len(middles))


def _area(hits: Floats, others: Floats) -> Floats:
    """Under ROC, of weights by ascending rank."""
    below = np.cumsum(others, axis=0) - others / 2
    return np.asarray((hits * below).sum(axis=0) / (hits.sum(axis=0) * others.sum(axis=0)))


def _average_precision(hits: Floats, others: Floats) -> Floats:
    true = np.cumsum(hits[::-1], axis=0)
    every = true + np.cumsum(others[::-1], axis=0)
    precision = np.where(every > 0, true / every, 0.0)
    return np.asarray((hits[::-1] * precision).sum(axis=0) / hits.sum(axis=0))
