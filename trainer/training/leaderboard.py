"""What a search has found: the candidates with their scores, those that were left out and why, and the choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trainer.errors import DataError, JobError
from trainer.table.cells import Floats
from trainer.training import metrics
from trainer.training.fitting import Ingredient
from trainer.training.problem import Problem


@dataclass(frozen=True)
class Candidate:
    """A row of the leaderboard. Higher scores are better; `name` is unique; several ingredients are a blend.

    `rows`: how many predictions out of fold the score is made of. Candidates that were judged on more come first.
    """

    name: str
    ingredients: tuple[Ingredient, ...]
    score: float
    rows: int


@dataclass(frozen=True)
class Skipped:
    """A candidate without a score, and the reason in words."""

    name: str
    ingredient: Ingredient
    reason: str


@dataclass(frozen=True)
class Choice:
    """What is fitted. `threshold`: of class 1 of two, None: the larger.

    Only of auto: `leaderboard`, best first; `skipped`; `score_name`, as scikit-learn names its scorers; `notes`.
    """

    ingredients: tuple[Ingredient, ...]
    threshold: float | None
    leaderboard: tuple[Candidate, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    score_name: str = ""
    notes: tuple[str, ...] = ()


def score(problem: Problem, truth: Floats, told: Floats) -> float:
    """Higher is better: area under ROC of two classes, negative log loss of more, or negative RMSE."""
    if score_name(problem) == "roc_auc":
        from sklearn.metrics import roc_auc_score

        return float(roc_auc_score(truth, told[:, 1])) if len(np.unique(truth)) == 2 else 0.5
    return -metrics.loss(truth, told, len(problem.classes or ()))


def score_name(problem: Problem) -> str:
    """As scikit-learn names its scorers."""
    if not problem.classes:
        return "neg_root_mean_squared_error"
    return "roc_auc" if len(problem.classes) == 2 else "neg_log_loss"


def why_not(error: Exception) -> str:
    """For the leaderboard, of a candidate that failed."""
    if isinstance(error, JobError):
        return error.message
    if isinstance(error, FloatingPointError):
        return "Its predictions are not all numbers."
    return f"It could not be fitted ({type(error).__name__})."


def nothing_fits(skipped: Sequence[Skipped]) -> DataError:
    """All candidates failed."""
    first = skipped[0] if skipped else None
    why = f" {first.name}: {first.reason}" if first else ""
    return DataError(
        "NothingFits", f"None of the models that auto compares can learn from this data.{why}", "Name a model type."
    )
