"""A training in steps: it can be cut anywhere and comes out the same; auto chooses; the trivial model is beaten."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from trainer.errors import UserError
from trainer.families.family import Task
from trainer.tests.shop import run, shop
from trainer.training.course import Course
from trainer.training.portfolio import PORTFOLIO, Configuration

FEW: dict[Task, tuple[Configuration, ...]] = {
    "regression": (Configuration("ridge", "ridge"), Configuration("tree", "decision_tree", {"max_depth": 4})),
    "classification": (Configuration("logistic", "logistic"), Configuration("bayes", "naive_bayes")),
}
MODELS = [
    ("linear", "price", {}),
    ("ridge", "price", {}),
    ("logistic", "bought", {}),
    ("logistic", "grade", {}),
    ("random_forest", "price", {"n_estimators": 25}),
    ("random_forest", "grade", {"n_estimators": 25}),
    ("gradient_boosting", "price", {"n_estimators": 25, "subsample": 0.7}),
    ("gradient_boosting", "bought", {"n_estimators": 25, "subsample": 0.7}),
    ("gradient_boosting", "grade", {"n_estimators": 7}),
]


@pytest.fixture(autouse=True)
def _few_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    for task, configurations in FEW.items():
        monkeypatch.setitem(PORTFOLIO, task, configurations)


@pytest.mark.parametrize(("model", "target", "hyperparameters"), MODELS)
def test_resumed_at_any_step_gives_the_same_model(
    tmp_path: Path, model: str, target: str, hyperparameters: dict[str, object]
) -> None:
    problem, request, _ = shop(tmp_path, target, model, 260, hyperparameters=hyperparameters, seed=5)
    whole = run(Course(problem, request, "data"))
    cut = Course(problem, request, "data")
    steps = 0
    while not cut.done:
        cut.advance()
        steps += 1
        if steps % 7 == 1:
            saved = cut.dump()
            cut = Course(problem, request, "data")
            assert cut.restore(saved)
            assert cut.state.step == steps
    ours, theirs = cut.outcome(), whole.outcome()
    assert ours.metrics == theirs.metrics
    np.testing.assert_array_equal(ours.fit.predict(problem, problem.table), theirs.fit.predict(problem, problem.table))


@pytest.mark.parametrize(("model", "target", "hyperparameters"), MODELS)
def test_every_model_beats_the_trivial_one(
    tmp_path: Path, model: str, target: str, hyperparameters: dict[str, object]
) -> None:
    problem, request, _ = shop(tmp_path, target, model, 260, hyperparameters=hyperparameters)
    measured = run(Course(problem, request, "data")).outcome().metrics
    if target == "price":
        assert measured["mean_absolute_error"] < 0.7 * measured["baseline_mean_absolute_error"]
    else:
        assert 1 - measured["accuracy"] < 0.7 * (1 - measured["baseline_accuracy"])


@pytest.mark.parametrize("target", ["price", "bought", "grade"])
def test_auto_compares_and_chooses_and_can_be_cut_while_it_does(tmp_path: Path, target: str) -> None:
    problem, request, _ = shop(tmp_path, target, "auto", 210)
    course = Course(problem, request, "data")
    seen = []
    while not course.done:
        seen.append(course.advance())
        if course.state.step in {1, 2}:
            saved = course.dump()
            course = Course(problem, request, "data")
            assert course.restore(saved)
    outcome = course.outcome()
    best = outcome.choice.leaderboard[0]
    assert best.ingredients[0].family_name == outcome.fit.members[0].ingredient.family_name
    assert len(best.ingredients) == len(outcome.fit.members)
    assert seen[0].loss is None
    assert [p.percent for p in seen] == sorted(p.percent for p in seen)
    assert seen[-1].percent == 100


def test_few_rows_are_chosen_and_judged_fold_by_fold(tmp_path: Path) -> None:
    problem, request, _ = shop(tmp_path, "price", "auto", 20)
    course = run(Course(problem, request, "data"))
    assert len(course.state.choices) == 6
    outcome = course.outcome()
    assert len(outcome.truth) == 20
    assert outcome.metrics["r2"] > 0.5


def test_without_a_refit_the_judged_model_is_handed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.training.split.REFIT_BELOW_ROWS", 100)
    monkeypatch.setattr("trainer.training.split.FOLDS_BELOW_ROWS", 100)
    problem, request, _ = shop(tmp_path, "price", "ridge", 250)
    course = run(Course(problem, request, "data"))
    assert course.state.step == 1
    assert course.outcome().fit.done


def test_a_foreign_or_broken_checkpoint_changes_nothing(tmp_path: Path) -> None:
    problem, request, _ = shop(tmp_path, "price", "ridge")
    course = Course(problem, request, "data")
    other = run(Course(problem, request, "other data")).dump()
    assert not course.restore(other)
    for body in (b"rubbish", b"", b"sha256 of nothing is not this one"):
        assert not course.restore(body)
        assert not course.restore(hashlib.sha256(body).digest() + body)
    assert course.state.step == 0


def test_a_checkpoint_of_another_version_of_the_library_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem, request, _ = shop(tmp_path, "price", "xgboost")
    saved = Course(problem, request, "data").dump()
    assert Course(problem, request, "data").restore(saved)
    monkeypatch.setattr("xgboost.__version__", "0.1")
    assert not Course(problem, request, "data").restore(saved)


def test_auto_takes_no_hyperparameters(tmp_path: Path) -> None:
    problem, request, _ = shop(tmp_path, "price", "auto", hyperparameters={"alpha": 1})
    with pytest.raises(UserError, match="AutoHasNoHyperparameters"):
        Course(problem, request, "data")


def test_the_same_request_gives_the_same_numbers(tmp_path: Path) -> None:
    problem, request, _ = shop(tmp_path, "grade", "random_forest", 250, hyperparameters={"n_estimators": 9}, seed=9)
    first, second = (run(Course(problem, request, "data")).outcome() for _ in range(2))
    assert first.metrics == second.metrics
    np.testing.assert_array_equal(first.told, second.told)
