"""The models of the golden vectors: every family and task, and a blend; small, so that their files are."""

from __future__ import annotations

from dataclasses import dataclass

from trainer.families import FAMILIES
from trainer.golden.shop import TARGETS
from trainer.training.fitting import BLEND

SMALL: dict[str, dict[str, object]] = {
    "decision_tree": {"max_depth": 5},
    "random_forest": {"n_estimators": 7, "max_depth": 5},
    "extra_trees": {"n_estimators": 7, "max_depth": 5},
    "gradient_boosting": {"n_estimators": 9},
    "hist_gradient_boosting": {"max_iter": 8},
    "xgboost": {"n_estimators": 8},
    "lightgbm": {"n_estimators": 8},
    "neural_network": {"hidden_layer_sizes": "5", "max_iter": 20},
    "sgd": {"max_iter": 20},
}
"""Hyperparameters other than the defaults."""
BLENDED = ("random_forest", "gradient_boosting", "logistic", "ridge")
"""Those of them that do the task make the blend."""
KINDS = {"regression": "regression", "two classes": "binary", "three classes": "multiclass"}
MOVED_THRESHOLD = 0.375


@dataclass(frozen=True)
class Case:
    """One folder of vectors. `encoded`: whether the encoded rows are kept, too: once a scheme is enough."""

    name: str
    target: str
    families: tuple[str, ...]
    threshold: float | None
    encoded: bool


def _cases() -> list[Case]:
    found = []
    for target, kind in TARGETS.items():
        task = "regression" if kind == "regression" else "classification"
        able = [family for family in FAMILIES.values() if task in family.tasks]
        schemes: set[str] = set()
        for family in able:
            even = 0.5 if family.even_odds_second and kind == "two classes" else None
            found.append(
                Case(f"{family.name}_{KINDS[kind]}", target, (family.name,), even, family.scheme not in schemes)
            )
            schemes.add(family.scheme)
        blended = tuple(family.name for family in able if family.name in BLENDED)
        moved = MOVED_THRESHOLD if kind == "two classes" else None
        found.append(Case(f"{BLEND}_{KINDS[kind]}", target, blended, moved, encoded=True))
    return found


CASES = _cases()
