"""Which model: the one that was asked for, or for `auto` the best of several, found by cross-validation inside the
training rows. Both end in a `Choice`. A search is a sequence of steps and part of a checkpoint.

Predictions out of fold, which a search makes anyway, also tell the threshold (`threshold.py`): so a model that was
asked for by name is searched for too, among itself alone, when its classes are unequal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from trainer.families import AUTO, FAMILIES, family_for
from trainer.families.family import Task
from trainer.families.hyperparameters import choose
from trainer.table.columns import Floats, Indices
from trainer.ticket import Request
from trainer.training import metrics
from trainer.training.fitting import Ingredient, begin
from trainer.training.problem import Problem
from trainer.training.split import folds
from trainer.training.threshold import best_threshold, wants_threshold

CANDIDATES: dict[Task, tuple[str, ...]] = {
    "regression": ("linear", "ridge", "random_forest", "gradient_boosting"),
    "classification": ("logistic", "random_forest", "gradient_boosting"),
}
ROWS_MAX = 5000
"""Candidates are compared on at most this many training rows."""
INNER_FOLDS = 3


@dataclass(frozen=True)
class Candidate:
    """A row of the leaderboard. Higher scores are better; `name` is unique."""

    name: str
    ingredient: Ingredient
    score: float


@dataclass(frozen=True)
class Choice:
    """What is fitted. `threshold`: of class 1 of two, None: the larger. `leaderboard`: best first, only of auto."""

    ingredients: tuple[Ingredient, ...]
    threshold: float | None
    leaderboard: tuple[Candidate, ...] = ()


@dataclass
class Search:
    """In the making; pickled between steps."""

    rows: Indices
    seed: int
    wanted: tuple[Ingredient, ...]
    auto: bool
    scored: list[Candidate] = field(default_factory=list)
    told: list[Floats] = field(default_factory=list)
    truth: Floats | None = None

    @property
    def steps(self) -> int:
        """An estimate from above."""
        return len(self.wanted)

    @property
    def done(self) -> bool:
        return len(self.scored) == len(self.wanted)

    def advance(self, problem: Problem) -> str:
        """One step: judges the next candidate. What was done, in words."""
        ingredient = self.wanted[len(self.scored)]
        truth, told = _out_of_fold(problem, ingredient, self.rows, self.seed)
        self.truth = truth
        self.told.append(told)
        self.scored.append(Candidate(ingredient.family_name, ingredient, _score(problem, truth, told)))
        return f"comparing {ingredient.family.title}" if self.auto else f"validating {ingredient.family.title}"

    def choice(self, problem: Problem) -> Choice:
        """Only when done."""
        assert self.done and self.truth is not None
        best = max(range(len(self.scored)), key=lambda at: self.scored[at].score)
        threshold = default_threshold(self.wanted[best : best + 1], len(problem.classes or ()))
        if wants_threshold(problem):
            threshold = best_threshold(self.truth, self.told[best], threshold)
        board = tuple(sorted(self.scored, key=lambda one: -one.score)) if self.auto else ()
        return Choice((self.wanted[best],), threshold, board)


def search_for(problem: Problem, request: Request, rows: Indices) -> Search | Choice:
    """The search for a model on the training rows `rows`; a choice at once where there is nothing to search."""
    if request.model == AUTO:
        wanted = tuple(ingredient(name, {}) for name in CANDIDATES[problem.task])
        return Search(rows, request.seed, wanted, auto=True)
    family = family_for(request.model, problem.task)
    wanted = (ingredient(family.name, request.hyperparameters),)
    if wants_threshold(problem):
        return Search(rows, request.seed, wanted, auto=False)
    return Choice(wanted, default_threshold(wanted, len(problem.classes or ())))


def ingredient(name: str, asked: dict[str, object]) -> Ingredient:
    """Raises UserError where a hyperparameter is not allowed."""
    return Ingredient(name, choose(name, FAMILIES[name].hyperparameters, asked))


def default_threshold(ingredients: Sequence[Ingredient], classes: int) -> float | None:
    """Where no better one is known: as the estimator itself decides at even odds."""
    alone = len(ingredients) == 1
    return 0.5 if classes == 2 and alone and ingredients[0].family.even_odds_second else None


def _out_of_fold(problem: Problem, wanted: Ingredient, rows: Indices, seed: int) -> tuple[Floats, Floats]:
    """Truth and predictions, fold after fold; every candidate meets the same folds."""
    if len(rows) > ROWS_MAX:
        rows = np.sort(np.random.default_rng(seed).choice(rows, ROWS_MAX, replace=False))
    told, truth = [], []
    for train, test in folds(problem.y[rows], len(problem.classes or ()), INNER_FOLDS, seed):
        fit = begin(problem, (wanted,), rows[train], seed)
        while not fit.done:
            fit.advance(problem, rows[train])
        told.append(fit.predict(problem, problem.table.take(rows[test])))
        truth.append(problem.y[rows[test]])
    return np.concatenate(truth), np.concatenate(told)


def _score(problem: Problem, truth: Floats, told: Floats) -> float:
    """Higher is better: area under ROC, balanced accuracy where that is not defined, or the negative RMSE."""
    if not problem.classes:
        return -metrics.loss(truth, told, 0)
    measured = metrics.classification(truth, told, metrics.labels(told, None))
    return measured.get("roc_auc", measured.get("roc_auc_ovr", measured["balanced_accuracy"]))
