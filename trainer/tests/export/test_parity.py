"""What leaves is what was trained: graphs agree with scikit-learn, to the last label, on the hardest numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainer.errors import PlatformError
from trainer.export.blend import graph_of
from trainer.export.parity import Runner, check, dirtied
from trainer.export.trees import forest_graph
from trainer.families import FAMILIES
from trainer.families.hyperparameters import choose
from trainer.features.encoding import encode
from trainer.tests.shop import run, shop
from trainer.training.course import Course
from trainer.training.metrics import labels

HARD_ROWS = 20_000


def hard_numbers(rows: int) -> np.ndarray:
    """Millisecond timestamps, 31-bit ids, money, tiny and huge values: float32 cannot tell many of them apart."""
    random = np.random.default_rng(0)
    return np.column_stack([
        random.integers(1_600_000_000_000, 1_600_000_100_000, rows),
        random.integers(0, 2**31, rows),
        random.integers(0, 10_000, rows) / 100,
        random.normal(0, 1e-9, rows),
        random.normal(0, 1e12, rows),
        random.integers(0, 3, rows),
    ])  # fmt: skip


CASES = [
    (name, task, classes)
    for name, family in FAMILIES.items()
    for task in sorted(family.tasks)
    for classes in ((2, 4) if task == "classification" else (0,))
]


@pytest.mark.parametrize(("name", "task", "classes"), CASES)
def test_no_label_and_no_value_differs_on_hard_numbers(name: str, task: Any, classes: int) -> None:
    family = FAMILIES[name]
    X = hard_numbers(HARD_ROWS)
    if family.scheme == "linear":
        X = (X - X.mean(axis=0)) / X.std(axis=0)
    X = X.astype(family.input_type)
    signal = X[:, 2] / X[:, 2].std() + X[:, 3] / X[:, 3].std() + X[:, 5] + np.random.default_rng(1).normal(0, 1, len(X))
    y = np.digitize(signal, np.quantile(signal, np.linspace(0, 1, classes + 1)[1:-1])) if classes else signal
    small = {"n_estimators": 30} if family.scheme == "trees" else {}
    estimator = family.build(task, choose(name, family.hyperparameters, small), 0)
    for step in range(family.steps(choose(name, family.hyperparameters, small))):
        family.advance(estimator, X[:2000], y[:2000], step, choose(name, family.hyperparameters, small))
    graph = family.graph(estimator, task, X.shape[1])
    ours, theirs = Runner(graph).predict(X), family.predict(estimator, X, classes)
    assert np.abs(ours - theirs).max() < 1e-10 * max(1.0, float(np.abs(theirs).max()))
    if classes:
        threshold = 0.5 if family.even_odds_second and classes == 2 else None
        np.testing.assert_array_equal(labels(ours, threshold), labels(theirs, threshold))
        np.testing.assert_array_equal(labels(theirs, threshold), estimator.predict(X))


def test_one_row_and_many_rows_give_the_same(tmp_path: Path) -> None:
    problem, request, _ = shop(tmp_path, "grade", "random_forest", 200)
    fit = run(Course(problem, request, "data")).outcome().fit
    runner = Runner(graph_of(fit, "classification"))
    X = encode(fit.columns, problem.table, "float32")
    many = runner.predict(X)
    np.testing.assert_array_equal(many[:20], np.concatenate([runner.predict(X[i : i + 1]) for i in range(20)]))


def test_trees_of_a_single_leaf_are_exported() -> None:
    X, y = np.zeros((30, 1), np.float32), np.array([0, 1, 1] * 10)
    family = FAMILIES["random_forest"]
    chosen = choose("random_forest", family.hyperparameters, {"n_estimators": 3})
    estimator = family.build("classification", chosen, 0)
    for step in range(3):
        family.advance(estimator, X, y, step, chosen)
    graph = forest_graph([tree.tree_ for tree in estimator.estimators_], "classification", 1)
    np.testing.assert_allclose(Runner(graph).predict(X[:1]), estimator.predict_proba(X[:1]), atol=1e-12)


def test_a_graph_that_differs_is_refused(tmp_path: Path) -> None:
    problem, request, _ = shop(tmp_path, "bought", "logistic", 200)
    outcome = run(Course(problem, request, "data")).outcome()
    graph = graph_of(outcome.fit, "classification")
    assert check(graph, outcome.fit, problem.table, 2, None, 0).label_mismatches == 0
    with pytest.raises(PlatformError) as caught:
        check(replace(graph, divisor=2.0), outcome.fit, problem.table, 2, None, 0)
    assert caught.value.code == "ExportDiffers"
    outcome.fit.members[0].estimator.coef_ *= -1
    with pytest.raises(PlatformError, match="labels"):
        check(graph, outcome.fit, problem.table, 2, None, 0)


def test_dirtied_rows_are_dirty_and_always_the_same(tmp_path: Path) -> None:
    problem, _, _ = shop(tmp_path, "price", "linear", 100)
    first, second = (dirtied(problem.table, "1e30", 4) for _ in range(2))
    texts = [first.columns["size"].text_at(row) for row in range(100)]
    assert texts == [second.columns["size"].text_at(row) for row in range(100)]
    assert "1e300" not in texts
    assert first.columns["size"].missing() > problem.table.columns["size"].missing()
