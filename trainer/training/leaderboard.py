"""What a search has found: the candidates with their scores, those that were left out and why, and the choice."""

from __future__ import annotations

from dataclasses import dataclass

from trainer.training.fitting import Ingredient


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
