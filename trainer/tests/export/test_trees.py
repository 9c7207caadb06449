"""The graph of a tree family says what its estimator says: on hard rows, on flat data, with one thread and with two."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from bench.models.exactness import Hard, compared, run

from trainer.export.ensemble import LEAF, Tree, ensemble
from trainer.export.graph import OUTPUT, Graph, serialise
from trainer.export.lightgbm_model import ZERO
from trainer.families import FAMILIES
from trainer.families.family import Task
from trainer.families.hyperparameters import choose
from trainer.families.xgboost_sums import with_exact_sums

NAMES = (
    "decision_tree",
    "random_forest",
    "extra_trees",
    "gradient_boosting",
    "hist_gradient_boosting",
    "xgboost",
    "lightgbm",
)
FEW: dict[str, dict[str, object]] = {"decision_tree": {}, "hist_gradient_boosting": {"max_iter": 30}}
TRAIN, TEST = Hard(300, 10), Hard(1500, 11)


def graph_and_estimator(name: str, X: Any, y: Any, classes: int, **asked: object) -> tuple[Graph, Any]:
    family = FAMILIES[name]
    task: Task = "classification" if classes else "regression"
    chosen = choose(name, family.hyperparameters, {**FEW.get(name, {"n_estimators": 30}), **asked})
    estimator = family.build(task, chosen, 1)
    for step in range(family.steps(chosen)):
        family.advance(estimator, X, y, step, chosen)
    return family.graph(estimator, task, X.shape[1]), estimator


@pytest.mark.parametrize(("task", "classes"), [("classification", 2), ("classification", 3), ("regression", 0)])
@pytest.mark.parametrize("name", NAMES)
def test_hard_rows_get_the_estimators_own_labels(name: str, task: Task, classes: int) -> None:
    measured = compared(FAMILIES[name], task, classes, TRAIN, TEST, FEW.get(name, {"n_estimators": 30}))
    assert (measured.wrong, measured.wrong_two_threads) == (0, 0)
    assert measured.largest <= measured.tolerance


@pytest.mark.parametrize("classes", [0, 2, 3])
@pytest.mark.parametrize("name", NAMES)
def test_trees_that_are_a_single_leaf(name: str, classes: int) -> None:
    flat = np.ones((12, 2), dtype=np.float32)
    y = np.arange(12) % classes if classes else np.arange(12) * 1.1
    graph, estimator = graph_and_estimator(name, flat, y, classes)
    rows = np.array([[0, 5], [1e30, -1e30]], dtype=np.float32)
    theirs = FAMILIES[name].predict(estimator, rows, classes)
    assert run(graph, rows, 1) == pytest.approx(theirs, rel=FAMILIES[name].tolerance, abs=1e-15)


@pytest.mark.parametrize("name", NAMES)
def test_rows_at_the_thresholds_and_a_float32_beside_them(name: str) -> None:
    random = np.random.default_rng(4)
    scales = np.array([1e-40, 1e-35, 1e-9, 1, 1.7e12, 1e37], dtype=np.float32)
    X = (random.integers(-3, 4, (300, 6)) * scales).astype(np.float32)
    y = (np.sign(X).sum(axis=1) + random.normal(size=300) > 0).astype(int)
    graph, estimator = graph_and_estimator(name, X, y, 2)
    middles = np.array([-2.5, -1.5, -0.5, 0.0, 0.5, 1.5, 2.5], dtype=np.float32)
    edges = (random.choice(middles, (300, 6)) * scales).astype(np.float32)
    for rows in (X, edges, np.nextafter(X, np.float32(np.inf)), np.nextafter(edges, np.float32(-np.inf))):
        theirs = FAMILIES[name].predict(estimator, rows, 2)
        assert np.abs(run(graph, rows, 1) - theirs).max() <= FAMILIES[name].tolerance


def test_what_lightgbm_takes_for_zero_is_zero_in_the_graph() -> None:
    tiny = np.array([-1.5e-35, -1.2e-35, 1.2e-35, 1.5e-35], dtype=np.float32)
    X = np.tile(np.concatenate([tiny, np.zeros(1, dtype=np.float32)]), 30)[:, None]
    y = np.tile(np.array([0, 0, 1, 1, 0.5]), 30)
    graph, estimator = graph_and_estimator("lightgbm", X, y, 0, min_child_samples=1)
    rows = np.array(
        [[0], [ZERO], [-ZERO], [ZERO * 0.99], [np.nextafter(np.float32(ZERO), np.float32(1))], [1e-45]],
        dtype=np.float32,
    )
    assert run(graph, rows, 1) == pytest.approx(FAMILIES["lightgbm"].predict(estimator, rows, 0), abs=1e-12)


def test_the_labels_of_xgboost_are_its_own() -> None:
    X = np.random.default_rng(8).normal(size=(400, 3)).astype(np.float32)
    y = (X[:, 0] > 0).astype(int)
    graph, estimator = graph_and_estimator("xgboost", X, y, 2)
    assert np.array_equal(run(graph, X, 1).argmax(axis=1), estimator.predict(X))
    assert run(graph, X, 1) == pytest.approx(estimator.predict_proba(X), abs=1e-6)


def test_rounding_xgboosts_leaves_changes_no_prediction_by_more_than_its_float32() -> None:
    from xgboost import Booster, DMatrix

    random = np.random.default_rng(8)
    X = random.normal(size=(300, 3)).astype(np.float32)
    data = DMatrix(X, X[:, 0] * 1000 + 5000)
    plain = Booster({"max_depth": 3, "nthread": 1}, [data])
    for number in range(50):
        plain.update(data, number)
    rounded = Booster()
    rounded.load_model(with_exact_sums(plain))
    assert rounded.predict(data) == pytest.approx(plain.predict(data), rel=1e-5)


def test_sums_of_many_trees_are_exact_however_large_and_small_their_leaves_are() -> None:
    random = np.random.default_rng(2)
    weights = random.normal(size=400) * 10.0 ** random.integers(-6, 7, 400)
    trees = [
        Tree(
            left=np.array([1, LEAF, LEAF]),
            right=np.array([2, LEAF, LEAF]),
            feature=np.zeros(3, dtype=np.int64),
            threshold=np.array([number / 400, 0, 0]),
            weights=np.array([[0.0], [weight], [-weight]]),
        )
        for number, weight in enumerate(weights)
    ]
    graph = Graph(serialise(ensemble(trees, OUTPUT, 3), {}, "float32", 1, 1), "float32", 1, "value", 1.0)
    rows = random.random((50, 1)).astype(np.float32)
    sums = [float(np.sum(np.where(row <= np.arange(400) / 400, weights, -weights))) for row in rows[:, 0].astype(float)]
    assert run(graph, rows, 1) == pytest.approx(sums, rel=1e-12, abs=1e-9)
