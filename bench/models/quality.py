"""`python -m bench.models.quality [--family NAME …] [--data NAME …] [--folds-seed N]`: how good models are.

By cross-validation with the whole procedure inside the folds: the training half is posed, preprocessed, searched and
fitted as the worker does it, and the rest scores. Nothing was chosen by these figures: `auto`'s portfolio is from
general knowledge (`trainer/training/portfolio.py` says more), and while it was written it was run on other deals of
the rows (`--folds-seed 7` and 77), never on these. Beside a figure stands what design or issue ask for. The last line
is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from bench.models.datasets import DATASETS, load
from numpy.typing import NDArray
from trainer.families import AUTO, FAMILIES
from trainer.table.cells import Floats
from trainer.table.reading import Reading
from trainer.ticket import Request
from trainer.training import metrics
from trainer.training.course import Course
from trainer.training.fitting import Fit, begin
from trainer.training.problem import Problem, pose
from trainer.training.search import Search, search_for
from trainer.training.split import folds

FIGURES: dict[tuple[str, str], dict[str, float]] = {
    ("german_credit", "roc_auc"): {
        "auto": 0.795, "svm": 0.796, "random_forest": 0.791, "xgboost": 0.790, "gradient_boosting": 0.788,
        "logistic": 0.786, "neural_network": 0.783, "lightgbm": 0.779, "hist_gradient_boosting": 0.779,
        "extra_trees": 0.770, "naive_bayes": 0.743, "k_nearest_neighbors": 0.721, "decision_tree": 0.609,
    },
    ("housing", "root_mean_squared_error"): {
        "auto": 9500, "lasso": 8850, "linear": 8866, "ridge": 12_123, "gradient_boosting": 12_737,
        "extra_trees": 13_488, "random_forest": 14_273, "decision_tree": 17_023, "xgboost": 20_139,
        "hist_gradient_boosting": 24_431, "lightgbm": 27_385,
    },
}  # fmt: skip
"""What scikit-learn's defaults reach (feasibility), and for auto what is asked for."""
HIGHER_IS_BETTER = frozenset({"roc_auc", "roc_auc_ovr", "r2"})
METRICS = {
    "classification": (
        "roc_auc",
        "roc_auc_ovr",
        "log_loss",
        "brier_score_loss",
        "calibration_error",
        "seconds",
    ),
    "regression": ("root_mean_squared_error", "mean_absolute_error", "r2", "seconds"),
}
BINS = 10


@dataclass(frozen=True)
class Trial:
    """One fold of one model on one data set."""

    data: str
    family: str
    repeat: int
    fold: int
    seed: int


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.models.quality", description=__doc__)
    parser.add_argument("--family", action="append", choices=[*FAMILIES, AUTO])
    parser.add_argument("--data", action="append", choices=list(DATASETS))
    parser.add_argument("--folds-seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args(arguments)
    names = options.data or list(DATASETS)
    trials = [
        trial for name in names for trial in _trials(name, options.family or [AUTO, *FAMILIES], options.folds_seed)
    ]
    with ProcessPoolExecutor(options.processes, initializer=_one_thread) as pool:
        measured = list(pool.map(measure, trials))
    print(json.dumps({"benchmark": "models quality", "figures": _summary(trials, measured)}))
    return 0


def _one_thread() -> None:
    """A process a core: libraries that start threads would only get into their way."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)


def _trials(name: str, families: list[str], seed: int) -> list[Trial]:
    data = DATASETS[name]
    return [
        Trial(name, family, repeat, fold, seed)
        for family in families
        if family == AUTO or data.task in FAMILIES[family].tasks
        for repeat in range(data.repeats)
        for fold in range(data.folds)
    ]


def measure(trial: Trial) -> dict[str, float]:
    """Metrics on the rows held out, and the seconds that it took."""
    warnings.simplefilter("ignore")
    data, reading = DATASETS[trial.data], load(trial.data)
    request = Request(target=data.target, model=trial.family, task=data.task, seed=trial.repeat)
    whole = pose(reading, request)
    dealt = folds(whole.y, len(whole.classes or ()), data.folds, 1000 * trial.seed + trial.repeat)
    train, test = dealt[trial.fold]
    began = time.perf_counter()
    problem = pose(Reading(reading.table.take(train), reading.notes), request)
    fit = final_fit(problem, request)
    seconds = time.perf_counter() - began
    told = fit.predict(problem, reading.table.take(test))
    return {**_metrics(whole.y[test], told), "seconds": seconds}


def final_fit(problem: Problem, request: Request) -> Fit:
    """The model that the worker would hand over, without the fits that only measure it."""
    course = Course(problem, request, "")
    every = np.arange(len(problem.y))
    folded = len(course.plan.folds) > 1
    choice = search_for(
        problem,
        request,
        every if folded else course.plan.folds[0][0],
        request.search_seconds,
    )
    if isinstance(choice, Search):
        while not choice.done:
            choice.advance(problem)
        choice = choice.choice(problem)
    fit = begin(problem, choice.ingredients, every, request.seed)
    while not fit.done:
        fit.advance(problem, every)
    return fit


def _metrics(truth: NDArray[Any], told: Floats) -> dict[str, float]:
    if told.ndim == 1:
        return metrics.regression(truth, told)
    measured = metrics.classification(truth, told, metrics.labels(told, None))
    return {**measured, "calibration_error": calibration_error(truth, told)}


def calibration_error(truth: NDArray[Any], told: Floats) -> float:
    """Expected: how far the share of right predictions is from their probability, in BINS bins of equal width."""
    sure, right = told.max(axis=1), told.argmax(axis=1) == truth
    place = np.minimum((sure * BINS).astype(int), BINS - 1)
    return float(sum(abs(np.sum(right[place == one]) - np.sum(sure[place == one])) for one in range(BINS)) / len(truth))


def _summary(trials: list[Trial], measured: list[dict[str, float]]) -> list[dict[str, object]]:
    """Means over folds, printed as they are made: a row a data set, family and metric."""
    figures: list[dict[str, object]] = []
    for data, family in dict.fromkeys((trial.data, trial.family) for trial in trials):
        ours = [
            one for trial, one in zip(trials, measured, strict=True) if (trial.data, trial.family) == (data, family)
        ]
        for metric in METRICS[DATASETS[data].task]:
            values = np.array([one[metric] for one in ours if metric in one])
            if not len(values):
                continue
            figure = FIGURES.get((data, metric), {}).get(family)
            value = float(values.mean())
            met = None if figure is None else (value >= figure if metric in HIGHER_IS_BETTER else value <= figure)
            print(_line(data, family, metric, value, float(values.std()), figure, met))
            figures.append(
                {
                    "data": data,
                    "family": family,
                    "metric": metric,
                    "value": value,
                    "figure": figure,
                    "met": met,
                }
            )
    return figures


def _line(
    data: str,
    family: str,
    metric: str,
    value: float,
    spread: float,
    figure: float | None,
    met: bool | None,
) -> str:
    beside = "" if figure is None else f"  figure {figure:.5g}: {'met' if met else 'SHORT'}"
    return f"{data:14} {family:24} {metric:24} {value:11.5g} ± {spread:9.3g}{beside}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
