"""Hyperparameters are refused with the allowed ones; families know their tasks."""

from __future__ import annotations

import pytest

from trainer.errors import UserError
from trainer.families import FAMILIES, family_for
from trainer.families.family import portion
from trainer.families.hyperparameters import Flag, choose


def test_every_family_has_defaults_that_it_accepts() -> None:
    for family in FAMILIES.values():
        chosen = choose(family.name, family.hyperparameters, {})
        for task in family.tasks:
            family.build(task, chosen, 0)


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
