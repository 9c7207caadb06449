"""How long a fit takes, by a model of it: rows, columns, trees, rounds, in seconds on one reference core.

A search plans with these figures and never with a clock, so that the same request on the same data searches the same
way on a slow machine. They were measured on a core of about 3 GHz and are right within a factor of two or so.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from trainer.training.fitting import Ingredient

ALWAYS = 0.004
"""Encoding a small table, starting an estimator, predicting a few rows."""
ENCODING = 1.5e-8
"""A number of the encoded matrix."""
Work = Callable[[Ingredient, float, float, float], float]
"""Seconds from ingredient, rows, columns and outputs (one a class where there are three or more)."""


def fit_seconds(ingredient: Ingredient, rows: int, columns: int, classes: int) -> float:
    """One fit on so many rows of so many encoded columns."""
    work = WORK.get(ingredient.family_name, _rounds)
    outputs = float(classes) if classes > 2 else 1.0
    return ALWAYS + ENCODING * rows * columns + work(ingredient, float(rows), float(columns), outputs)


def _number(ingredient: Ingredient, name: str, otherwise: float) -> float:
    value = ingredient.chosen.get(name)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else otherwise


def _forest(ingredient: Ingredient, rows: float, columns: float, outputs: float) -> float:
    del outputs
    tried = columns if ingredient.chosen.get("max_features") is None else math.sqrt(columns)
    return _number(ingredient, "n_estimators", 1) * (0.0008 + 4e-8 * rows * math.log2(rows + 2) * tried)


def _random_splits(ingredient: Ingredient, rows: float, columns: float, outputs: float) -> float:
    return 0.5 * _forest(ingredient, rows, columns, outputs)


def _rounds(ingredient: Ingredient, rows: float, columns: float, outputs: float) -> float:
    depth = _number(ingredient, "max_depth", 6)
    tried = columns if ingredient.chosen.get("max_features") is None else math.sqrt(columns)
    work = 0.0006 + 3.3e-8 * rows * _number(ingredient, "subsample", 1) * tried * depth
    return _number(ingredient, "n_estimators", 100) * outputs * work


def _tree(ingredient: Ingredient, rows: float, columns: float, outputs: float) -> float:
    del ingredient, outputs
    return 4e-8 * rows * math.log2(rows + 2) * columns


def _binned(ingredient: Ingredient, rows: float, columns: float, outputs: float) -> float:
    rounds = _number(ingredient, "max_iter", _number(ingredient, "n_estimators", 100))
    return rounds * outputs * (0.002 + 2e-8 * rows * columns)


def _vectors(ingredient: Ingredient, rows: float, columns: float, outputs: float) -> float:
    del ingredient
    return 4e-9 * rows * rows * (columns + 20) * max(outputs - 1, 1)


def _epochs(ingredient: Ingredient, rows: float, columns: float, outputs: float) -> float:
    del outputs
    return _number(ingredient, "max_iter", 200) * rows * (4e-6 + 2e-8 * columns)


def _neighbours(ingredient: Ingredient, rows: float, columns: float, outputs: float) -> float:
    del ingredient, outputs
    return 1e-9 * rows * rows * columns


def _squares(ingredient: Ingredient, rows: float, columns: float, outputs: float) -> float:
    return outputs * 3e-9 * rows * columns * columns


def _paths(ingredient: Ingredient, rows: float, columns: float, outputs: float) -> float:
    del ingredient
    return outputs * (0.01 + 2e-7 * rows * columns)


def _products(ingredient: Ingredient, rows: float, columns: float, outputs: float) -> float:
    width = columns * (columns + 3) / 2 if _number(ingredient, "degree", 2) == 2 else columns**3 / 6
    return outputs * rows * width * (1e-7 + 5e-10 * min(rows, width))


WORK: dict[str, Work] = {
    "linear": _squares,
    "ridge": _squares,
    "lasso": _paths,
    "elastic_net": _paths,
    "polynomial": _products,
    "logistic": _paths,
    "sgd": _paths,
    "naive_bayes": _paths,
    "decision_tree": _tree,
    "random_forest": _forest,
    "extra_trees": _random_splits,
    "gradient_boosting": _rounds,
    "hist_gradient_boosting": _binned,
    "xgboost": _binned,
    "lightgbm": _binned,
    "svm": _vectors,
    "k_nearest_neighbors": _neighbours,
    "neural_network": _epochs,
}
