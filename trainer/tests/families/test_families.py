"""Hyperparameters are refused with the allowed ones; families know their tasks."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.errors import UserError
from trainer.families import FAMILIES, family_for
from trainer.families.family import Task, portion
from trainer.families.hyperparameters import Choice, Flag, Hyperparameter, Real, Whole, choose
from trainer.families.sgd import LOSSES


def test_every_family_has_defaults_that_it_accepts() -> None:
    for family in FAMILIES.values():
        chosen = choose(family.name, family.hyperparameters, {})
        for task in family.tasks:
            family.build(task, chosen, 0)


FEW = {"n_estimators": 2, "max_iter": 10}
"""Trees, rounds or epochs, to be quick."""


def edges(kind: Hyperparameter) -> list[object]:
    if isinstance(kind, (Whole, Real)):
        next_to_low = [1] if isinstance(kind, Whole) and kind.none_at_zero else []
        return [kind.low, *next_to_low, kind.high]
    return list(kind.words) if isinstance(kind, Choice) else []


@pytest.mark.parametrize("name", FAMILIES)
def test_what_is_allowed_at_the_edges_can_be_fitted(name: str) -> None:
    family = FAMILIES[name]
    task: Task = "classification" if "classification" in family.tasks else "regression"
    X = np.random.default_rng(0).normal(size=(30, 3)).astype(family.input_type)
    y = (X[:, 0] > 0).astype(int) if task == "classification" else X[:, 0].astype(float)
    few = {key: value for key, value in FEW.items() if key in family.hyperparameters}
    for key, kind in family.hyperparameters.items():
        for value in edges(kind):
            chosen = choose(name, family.hyperparameters, {**few, key: value})
            if key in FEW or (key == "loss" and value not in {"auto", *LOSSES[task]}):
                continue
            estimator = family.build(task, chosen, 1)
            for step in range(family.steps(chosen)):
                family.advance(estimator, X, y, step, chosen)
            told = family.predict(estimator, X, 2 if task == "classification" else 0)
            assert np.isfinite(told).all(), (key, value)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"n_estimators": 10**9}, "a whole number from 1 to 5000"),
        ({"n_estimators": 1.5}, "a whole number"),
        ({"n_estimators": "many"}, "a whole number"),
        ({"n_estimators": True}, "a whole number"),
        ({"max_features": "all"}, "one of sqrt, log2, none"),
        ({"trees": 5}, "n_estimators: a whole number from 1 to 5000"),
        ({"max_depth": float("nan")}, "a whole number"),
    ],
)
def test_wrong_hyperparameters_are_refused_with_the_allowed_ones(asked: dict[str, object], words: str) -> None:
    with pytest.raises(UserError) as caught:
        choose("random_forest", FAMILIES["random_forest"].hyperparameters, asked)
    assert words in caught.value.hint
    assert "class_weight" in caught.value.hint


def test_numbers_may_come_as_text_and_zero_can_mean_no_limit() -> None:
    known = FAMILIES["random_forest"].hyperparameters
    chosen = choose("random_forest", known, {"n_estimators": "50", "max_depth": 0, "max_features": "none"})
    assert (chosen["n_estimators"], chosen["max_depth"], chosen["max_features"]) == (50, None, None)
    assert choose("gradient_boosting", FAMILIES["gradient_boosting"].hyperparameters, {"learning_rate": "0.5"})[
        "learning_rate"
    ] == pytest.approx(0.5)


def test_flags_are_read_from_chat_and_from_kubectl() -> None:
    known = {"flag": Flag(True)}
    assert choose("m", known, {"flag": "False"}) == {"flag": False}
    assert choose("m", known, {"flag": True}) == {"flag": True}
    with pytest.raises(UserError, match="flag"):
        choose("m", known, {"flag": 1})


def test_an_unknown_model_and_a_wrong_task_are_refused_with_the_fitting_models() -> None:
    with pytest.raises(UserError) as unknown:
        family_for("magic", "regression")
    assert "linear, ridge, lasso, elastic_net, polynomial, " in unknown.value.hint
    assert unknown.value.hint.endswith(", auto.")
    with pytest.raises(UserError) as wrong:
        family_for("logistic", "regression")
    assert wrong.value.code == "ModelNotForTask"


@pytest.mark.parametrize("total", [1, 3, 19, 20, 21, 100, 333])
def test_portions_grow_to_the_whole(total: int) -> None:
    steps = min(20, total)
    grown = [portion(total, step) for step in range(steps)]
    assert grown == sorted(set(grown))
    assert grown[0] >= 1
    assert grown[-1] == total
