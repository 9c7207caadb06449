"""`auto`: a few sensible families, compared by cross-validation inside the training rows."""

from __future__ import annotations

import numpy as np

from trainer.families import FAMILIES
from trainer.families.family import Task
from trainer.families.hyperparameters import choose
from trainer.table.columns import Indices
from trainer.training import metrics
from trainer.training.fitting import begin
from trainer.training.problem import Problem
from trainer.training.split import folds

CANDIDATES: dict[Task, tuple[str, ...]] = {
    "regression": ("linear", "ridge", "random_forest", "gradient_boosting"),
    "classification": ("logistic", "random_forest", "gradient_boosting"),
}
ROWS_MAX = 5000
"""Candidates are compared on at most this many training rows."""
INNER_FOLDS = 3


def score(problem: Problem, name: str, rows: Indices, seed: int) -> float:
    """Higher is better: area under ROC, balanced accuracy where that is not defined, or the negative RMSE.

    Every candidate is judged on the same folds; the rows held out for the final judgement are never among `rows`.
    """
    if len(rows) > ROWS_MAX:
        rows = np.sort(np.random.default_rng(seed).choice(rows, ROWS_MAX, replace=False))
    classes = len(problem.classes or ())
    family = FAMILIES[name]
    chosen = choose(name, family.hyperparameters, {})
    told, truth = [], []
    for train, test in folds(problem.y[rows], classes, INNER_FOLDS, seed):
        fit = begin(problem, family, chosen, rows[train], seed)
        while not fit.done:
            fit.advance(problem, rows[train])
        told.append(fit.predict(problem, problem.table.take(rows[test])))
        truth.append(problem.y[rows[test]])
    y, predicted = np.concatenate(truth), np.concatenate(told)
    if not classes:
        return -metrics.loss(y, predicted, 0)
    measured = metrics.classification(y, predicted, None)
    return measured.get("roc_auc", measured.get("roc_auc_ovr", measured["balanced_accuracy"]))


def best(scores: dict[str, float]) -> str:
    """The first of the best."""
    return max(scores, key=lambda name: scores[name])
