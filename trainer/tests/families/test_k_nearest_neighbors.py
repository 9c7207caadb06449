"""Neighbours at equal distances are the same ones everywhere: in the worker, in the graph, on one row or many."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.export.parity import Runner
from trainer.families import FAMILIES
from trainer.families.family import Task
from trainer.families.hyperparameters import choose
from trainer.families.k_nearest_neighbors import on_grid, steps_of_grid

FAMILY = FAMILIES["k_nearest_neighbors"]


def both(
    X: np.ndarray, y: np.ndarray, asked: np.ndarray, task: Task, **chosen: object
) -> tuple[np.ndarray, np.ndarray]:
    """Worker and graph."""
    options = choose("k_nearest_neighbors", FAMILY.hyperparameters, chosen)
    estimator = FAMILY.build(task, options, 0)
    FAMILY.advance(estimator, X, y, 0, options)
    classes = int(y.max()) + 1 if task == "classification" else 0
    told = FAMILY.predict(estimator, asked, classes)
    return told, Runner(FAMILY.graph(estimator, task, X.shape[1])).predict(asked)


@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("task", ["regression", "classification"])
def test_ties_everywhere_are_no_difference(task: Task, weights: str) -> None:
    """On a lattice nearly every row has more equally near neighbours than are asked for."""
    random = np.random.default_rng(0)
    X = random.integers(0, 3, (3000, 5)) / 3
    y = random.integers(0, 3, 3000) if task == "classification" else random.normal(size=3000) * 1e6
    asked = np.vstack([X[:500], random.integers(-1, 4, (500, 5)) / 3, np.full((1, 5), 1e30), np.full((1, 5), -1e30)])
    worker, graph = both(X, y, asked, task, weights=weights, n_neighbors=4)
    np.testing.assert_allclose(worker, graph, rtol=1e-14, atol=1e-14)
    if task == "classification":
        np.testing.assert_array_equal(np.argmax(worker, axis=1), np.argmax(graph, axis=1))


def test_of_equally_near_rows_the_earlier_one_counts() -> None:
    X = np.array([[1.0], [-1.0], [1.0], [5.0]])
    for told in both(X, np.array([10.0, 20.0, 40.0, 80.0]), np.array([[0.0], [1.0]]), "regression", n_neighbors=1):
        assert told.tolist() == [10.0, 10.0]


def test_without_ties_it_is_scikit_learns_own_answer() -> None:
    from sklearn.neighbors import KNeighborsRegressor

    random = np.random.default_rng(1)
    X, y, asked = random.normal(size=(400, 6)), random.normal(size=400), random.normal(size=(200, 6))
    worker, graph = both(X, y, asked, "regression", n_neighbors=5)
    np.testing.assert_allclose(worker, graph, rtol=1e-14)
    np.testing.assert_allclose(
        worker, KNeighborsRegressor(5, weights="distance").fit(X, y).predict(asked), atol=1e-3, rtol=1e-3
    )


def test_more_neighbours_than_rows_are_all_rows_and_no_rows_are_no_predictions() -> None:
    X, y = np.array([[0.0], [1.0], [2.0]]), np.array([1.0, 2.0, 6.0])
    worker, graph = both(X, y, np.array([[1.0]]), "regression", n_neighbors=50, weights="uniform")
    assert worker.tolist() == graph.tolist() == [3.0]
    worker, graph = both(X, y, np.empty((0, 1)), "regression")
    assert worker.shape == graph.shape == (0,)


@settings(max_examples=200, deadline=None)
@given(
    width=st.sampled_from([1, 2, 3, 61, 1000, 10_000]),
    numbers=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20),
)
def test_squared_distances_on_the_grid_fit_float64(width: int, numbers: list[float]) -> None:
    row = np.resize(np.array(numbers), (1, width))
    stepped = on_grid(row)
    assert np.array_equal(stepped, np.rint(stepped))
    assert 4 * width * (64 * steps_of_grid(width)) ** 2 <= 2.0**53
    assert np.abs(stepped).max() <= 64 * steps_of_grid(width)
