"""What leaves is what was trained: graphs agree with scikit-learn, to the last label, on the hardest numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from trainer.errors import PlatformError
from trainer.export.blend import graph_of
from trainer.export.parity import Runner, check, dirtied
from trainer.features.encoding import encode
from trainer.tests.shop import run, shop
from trainer.training.course import Course


def test_one_row_and_many_rows_give_the_same(tmp_path: Path) -> None:
    problem, request, _ = shop(tmp_path, "grade", "random_forest", 200, hyperparameters={"n_estimators": 15})
    fit = run(Course(problem, request, "data")).outcome().fit
    runner = Runner(graph_of(fit, "classification"))
    X = encode(fit.columns, problem.table, "float32")
    many = runner.predict(X)
    np.testing.assert_array_equal(many[:20], np.concatenate([runner.predict(X[i : i + 1]) for i in range(20)]))


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
