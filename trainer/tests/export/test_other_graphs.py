"""Graphs of the families that are no trees: clean, dirtied and absurd rows, all kernels, activations and penalties."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trainer.export.blend import graph_of
from trainer.export.blocks import NUMBERS
from trainer.export.parity import Runner, check
from trainer.families import FAMILIES
from trainer.families.family import Task
from trainer.tests.families.test_linear_and_others import CLASSIFIERS, OURS, REGRESSORS, classes_of, fitted, rows
from trainer.tests.shop import run, shop
from trainer.training.course import Course
from trainer.training.metrics import labels

SHORT: dict[str, dict[str, object]] = {"neural_network": {"max_iter": 20}, "sgd": {"max_iter": 20}}
TARGETS = (
    [(name, "price") for name in REGRESSORS]
    + [(name, "bought") for name in CLASSIFIERS]
    + [(name, "grade") for name in CLASSIFIERS]
)


@pytest.mark.parametrize(("name", "target"), TARGETS)
def test_clean_and_dirtied_tables_agree(tmp_path: Path, name: str, target: str) -> None:
    problem, request, _ = shop(tmp_path, target, name, 200, hyperparameters=SHORT.get(name, {}))
    outcome = run(Course(problem, request, "data")).outcome()
    classes = len(problem.classes or ())
    task: Task = "classification" if classes else "regression"
    parity = check(graph_of(outcome.fit, task), outcome.fit, problem.table, classes, outcome.threshold, 0)
    assert parity.label_mismatches == 0
    assert parity.largest <= FAMILIES[name].tolerance


def absurd(X: np.ndarray) -> np.ndarray:
    """Rows with one or all numbers huge or tiny, of either sign."""
    some = []
    for value in (1e30, -1e30, 1e39, 1e8, -1e5, 1e3, 1e-300, 0.0):
        row = X[0].copy()
        row[1] = value
        some += [row, np.full(X.shape[1], value)]
    return np.array(some)


OPTIONS: list[tuple[str, dict[str, object]]] = [
    ("svm", {"kernel": "linear"}),
    ("svm", {"kernel": "poly", "degree": 2}),
    ("svm", {"kernel": "poly", "gamma": 0.5}),
    ("svm", {"class_weight": "balanced", "C": 0.5}),
    ("neural_network", {"activation": "tanh"}),
    ("neural_network", {"activation": "logistic", "hidden_layer_sizes": "8"}),
    ("polynomial", {"degree": 3}),
    ("polynomial", {"degree": 3, "interaction_only": True, "alpha": 2.0}),
    ("k_nearest_neighbors", {"weights": "uniform", "n_neighbors": 7}),
    *((name, {}) for name in OURS),
]


@pytest.mark.parametrize("classes", [0, 2, 4])
@pytest.mark.parametrize(("name", "asked"), OPTIONS)
def test_absurd_rows_agree(name: str, asked: dict[str, object], classes: int) -> None:
    task: Task = "classification" if classes else "regression"
    if task not in FAMILIES[name].tasks:
        pytest.skip("cannot do this task")
    X, y = rows(150)
    estimator = fitted(name, task, X, classes_of(y, classes) if classes else 1e4 * y, asked)
    both = np.vstack([absurd(X), X])
    theirs = FAMILIES[name].predict(estimator, both, classes)
    ours = Runner(FAMILIES[name].graph(estimator, task, X.shape[1])).predict(both)
    assert np.isfinite(ours).all()
    assert np.max(np.abs(ours - theirs) / np.maximum(1.0, 0 if classes else np.abs(theirs))) <= FAMILIES[name].tolerance
    if classes:
        np.testing.assert_array_equal(labels(ours, None), labels(theirs, None))


@pytest.mark.parametrize("name", ["svm", "k_nearest_neighbors", "polynomial"])
def test_a_batch_of_several_blocks_is_as_good_as_single_rows(name: str) -> None:
    X, y = rows(600)
    estimator = fitted(name, "classification", X, classes_of(y, 3))
    runner = Runner(FAMILIES[name].graph(estimator, "classification", 4))
    many = np.resize(X, (NUMBERS // 600 * 2 + 5, 4)) if name != "polynomial" else X
    whole = runner.predict(many)
    np.testing.assert_allclose(whole[-600:], np.vstack([runner.predict(many[-600:][i : i + 1]) for i in range(600)]),
                               atol=1e-13)  # fmt: skip
    np.testing.assert_allclose(whole, FAMILIES[name].predict(estimator, many, 3), atol=1e-9)
    assert runner.predict(X[:0]).shape == (0, 3)


def test_rows_that_no_class_wants_still_have_shares() -> None:
    X, y = rows(150)
    estimator = fitted("sgd", "classification", X, classes_of(y, 3))
    estimator.coef_[:] = [[-1.0, 0, 0, 0], [-2.0, 0, 0, 0], [-3.0, 0, 0, 0]]
    estimator.intercept_[:] = 0
    far = np.array([[2000.0, 0, 0, 0]])
    told = FAMILIES["sgd"].predict(estimator, far, 3)
    np.testing.assert_allclose(told, [[1, 0, 0]], atol=1e-12)
    np.testing.assert_allclose(Runner(FAMILIES["sgd"].graph(estimator, "classification", 4)).predict(far), told)
