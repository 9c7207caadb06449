"""Tree families: hyperparameters, the same model cut or not, classes that a fold does not have, small and flat data."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from trainer.errors import UserError
from trainer.families import FAMILIES
from trainer.families.family import STEPS_MAX, Family, Task
from trainer.families.growth import NODES_MAX, affordable_leaf, smallest_leaf
from trainer.families.hyperparameters import Value, choose

NAMES = (
    "decision_tree",
    "random_forest",
    "extra_trees",
    "gradient_boosting",
    "hist_gradient_boosting",
    "xgboost",
    "lightgbm",
)
COUNTS = {"hist_gradient_boosting": "max_iter"}
"""What a family calls its number of trees or rounds, if not n_estimators."""
random = np.random.default_rng(3)
X = random.normal(size=(240, 5)).astype(np.float32)
HIDDEN = X[:, 0] + X[:, 1] * X[:, 2] + random.normal(0, 0.5, len(X))


def targets(classes: int) -> Any:
    return np.digitize(HIDDEN, np.quantile(HIDDEN, np.linspace(0, 1, classes + 1)[1:-1])) if classes else HIDDEN * 100


def chosen_of(family: Family, trees: int = 25, **asked: Any) -> dict[str, Value]:
    if family.name != "decision_tree":
        asked = {COUNTS.get(family.name, "n_estimators"): trees, **asked}
    return choose(family.name, family.hyperparameters, asked)


def fitted(family: Family, y: Any, chosen: Mapping[str, Value], cut: bool = False, rows: Any = X) -> Any:
    task: Task = "classification" if y.dtype.kind == "i" else "regression"
    estimator = family.build(task, chosen, 5)
    for step in range(family.steps(chosen)):
        family.advance(estimator, rows, y, step, chosen)
        if cut:
            estimator = pickle.loads(pickle.dumps(estimator))
    return estimator


@pytest.mark.parametrize("classes", [0, 2, 3])
@pytest.mark.parametrize("name", NAMES)
def test_a_fit_cut_after_every_step_gives_the_same_model(name: str, classes: int) -> None:
    family, y = FAMILIES[name], targets(classes)
    chosen = chosen_of(family)
    whole = family.predict(fitted(family, y, chosen), X, classes)
    assert np.array_equal(whole, family.predict(fitted(family, y, chosen, cut=True), X, classes))
    assert whole.dtype == np.float64
    assert len(np.unique(whole)) > 1


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("gradient_boosting", {"subsample": 1.0, "max_features": "none"}),
        ("hist_gradient_boosting", {"max_features": 1.0}),
        ("xgboost", {"subsample": 1.0, "colsample_bytree": 1.0}),
        ("xgboost", {"subsample": 0.3, "gamma": 0.1, "reg_alpha": 0.1}),
        ("lightgbm", {"subsample": 1.0, "colsample_bytree": 1.0}),
        ("lightgbm", {"subsample": 0.4}),
        ("random_forest", {"max_features": "log2", "max_depth": 4, "min_samples_leaf": 1}),
    ],
)
def test_however_rows_and_columns_are_drawn(name: str, asked: dict[str, Any]) -> None:
    family, y = FAMILIES[name], targets(2)
    chosen = chosen_of(family, **asked)
    whole = family.predict(fitted(family, y, chosen), X, 2)
    assert np.array_equal(whole, family.predict(fitted(family, y, chosen, cut=True), X, 2))


@pytest.mark.parametrize("name", NAMES)
def test_predictions_can_be_asked_for_after_any_step(name: str) -> None:
    family, y = FAMILIES[name], targets(3)
    chosen = chosen_of(family)
    estimator = family.build("classification", chosen, 5)
    for step in range(family.steps(chosen)):
        family.advance(estimator, X, y, step, chosen)
        assert np.allclose(family.predict(estimator, X[:3], 3).sum(axis=1), 1)


@pytest.mark.parametrize("name", NAMES)
def test_a_class_that_the_rows_do_not_have_gets_probability_0(name: str) -> None:
    family, y = FAMILIES[name], targets(4)
    chosen = chosen_of(family)
    for absent in ([1], [0, 2]):
        rows = ~np.isin(y, absent)
        estimator = fitted(family, y[rows], chosen, cut=True, rows=X[rows])
        told = family.predict(estimator, X, 4)
        assert told.shape == (len(X), 4)
        assert not told[:, absent].any()
        assert np.allclose(told.sum(axis=1), 1)
        assert np.mean(told.argmax(axis=1)[rows] == y[rows]) > 0.55


@pytest.mark.parametrize("name", NAMES)
def test_balanced_classes_raise_the_rare_one(name: str) -> None:
    family, y = FAMILIES[name], (np.quantile(HIDDEN, 0.9) < HIDDEN).astype(int)
    leaf: Any = {"min_samples_leaf": 10} if "min_samples_leaf" in family.hyperparameters else {}
    plain = family.predict(fitted(family, y, chosen_of(family, **leaf)), X, 2)
    balanced = family.predict(fitted(family, y, chosen_of(family, class_weight="balanced", **leaf)), X, 2)
    assert balanced[:, 1].mean() > plain[:, 1].mean() + 0.05


@pytest.mark.parametrize("name", NAMES)
def test_few_rows_and_flat_columns_do_no_harm(name: str) -> None:
    family = FAMILIES[name]
    flat = np.ones((10, 2), dtype=np.float32)
    chosen = chosen_of(family)
    y = np.arange(10.0)
    assert np.allclose(family.predict(fitted(family, y, chosen, cut=True, rows=flat), flat, 0), 4.5, atol=1.5)
    told = family.predict(fitted(family, np.arange(10) % 2, chosen, rows=flat), flat, 2)
    assert np.allclose(told, 0.5, atol=0.2)


@pytest.mark.parametrize("name", NAMES)
def test_the_numbers_that_would_take_for_ever_are_refused(name: str) -> None:
    family = FAMILIES[name]
    key = "max_leaf_nodes" if name == "decision_tree" else COUNTS.get(name, "n_estimators")
    with pytest.raises(UserError, match=key):
        choose(name, family.hyperparameters, {key: 10**9})


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("trees", [1, 2, 33, 5000])
def test_no_fit_takes_more_than_twenty_steps(name: str, trees: int) -> None:
    assert 1 <= FAMILIES[name].steps(chosen_of(FAMILIES[name], trees)) <= STEPS_MAX


def test_a_forest_is_as_large_as_was_asked_for() -> None:
    family = FAMILIES["extra_trees"]
    assert len(fitted(family, targets(2), chosen_of(family, 33)).estimators_) == 33


def test_leaves_grow_with_the_rows_unless_they_are_asked_for() -> None:
    assert [smallest_leaf(None, rows, 0.05, 20) for rows in (1, 39, 200, 10**6)] == [1, 1, 10, 20]
    assert smallest_leaf(7, 10**6, 0.05, 20) == 7
    rows, trees = 10**6, 200
    assert rows / affordable_leaf(rows, trees) * trees * 4 / 3 <= NODES_MAX
    described = FAMILIES["random_forest"].hyperparameters["min_samples_leaf"].allowed()
    assert described == "a whole number from 0 to 1000000 (0: by the number of rows)"


def test_a_forest_too_large_for_a_graph_is_refused_before_it_grows() -> None:
    family = FAMILIES["random_forest"]
    with pytest.raises(UserError, match="nodes") as caught:
        family.check(10**6, 10, "regression", chosen_of(family, 200, min_samples_leaf=1))
    assert "min_samples_leaf" in caught.value.hint
    family.check(10**6, 10, "regression", chosen_of(family, 200, min_samples_leaf=1, max_depth=10))
    family.check(10**6, 10, "regression", chosen_of(family, 5000))


def test_lightgbm_gives_the_same_model_with_any_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    family, y = FAMILIES["lightgbm"], targets(2)
    monkeypatch.setattr("trainer.families.lightgbm_trees.THREADS_FROM_ROWS", 1)
    told = []
    for threads in (1, 3):
        monkeypatch.setattr("os.cpu_count", lambda count=threads: count)
        told.append(family.predict(fitted(family, y, chosen_of(family)), X, 2))
    assert np.array_equal(told[0], told[1])
