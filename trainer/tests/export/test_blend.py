"""A blend's graph says what the members say together: with schemes and input types mixed, on clean and dirty rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainer.export.blend import graph_of
from trainer.export.parity import Runner, check, dirtied
from trainer.families.family import Task
from trainer.features.encoding import encode, width
from trainer.tests.shop import shop
from trainer.training.fitting import BLEND, Fit, Ingredient, begin
from trainer.training.metrics import labels
from trainer.training.problem import Problem
from trainer.training.search import ingredient

Parts = list[tuple[str, dict[str, object], float]]
FOREST: tuple[str, dict[str, object]] = ("random_forest", {"n_estimators": 12})
BOOSTING: tuple[str, dict[str, object]] = ("gradient_boosting", {"n_estimators": 9})
BLENDS: list[tuple[str, Parts]] = [
    ("price", [(*FOREST, 0.5), ("ridge", {}, 0.3125), (*BOOSTING, 0.1875)]),
    ("price", [("linear", {}, 0.25), ("lasso", {}, 0.75)]),
    ("bought", [("logistic", {}, 0.5), (*FOREST, 0.25), ("svm", {}, 0.25)]),
    ("bought", [(*FOREST, 0.75), (*BOOSTING, 0.25)]),
    ("grade", [(*BOOSTING, 0.4375), ("naive_bayes", {}, 0.0625), ("logistic", {}, 0.5)]),
    ("grade", [(*FOREST, 0.6), ("extra_trees", {"n_estimators": 7}, 0.4)]),
]


def blended(problem: Problem, parts: Parts) -> Fit:
    wanted = [ingredient(name, asked) for name, asked, _ in parts]
    shares = [
        Ingredient(one.family_name, one.chosen, weight) for one, (_, _, weight) in zip(wanted, parts, strict=True)
    ]
    rows = np.arange(len(problem.y))
    fit = begin(problem, shares, rows, 3)
    while not fit.done:
        fit.advance(problem, rows)
    return fit


@pytest.mark.parametrize(("target", "parts"), BLENDS)
def test_the_graph_says_what_the_members_say_together(tmp_path: Path, target: str, parts: Parts) -> None:
    problem, _, _ = shop(tmp_path, target, "auto", 200)
    fit = blended(problem, parts)
    task: Task = "classification" if problem.classes else "regression"
    graph, classes = graph_of(fit, task), len(problem.classes or ())
    assert (fit.name, graph.width, graph.divisor) == (BLEND, width(fit.columns), 1.0)
    assert graph.input_type == ("float32" if all(m.family.input_type == "float32" for m in fit.members) else "float64")
    tolerance = max(member.family.tolerance for member in fit.members)
    for table in (problem.table, dirtied(problem.table, "1e30", 1), dirtied(problem.table, "1e300", 2)):
        ours = Runner(graph).predict(encode(fit.columns, table, graph.input_type))
        theirs = fit.predict_rows(table, classes)
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)
        if classes:
            np.testing.assert_array_equal(labels(ours, None), labels(theirs, None))
    assert check(graph, fit, problem.table, classes, 0.4 if classes == 2 else None, 0).label_mismatches == 0


def test_a_blend_is_the_weighted_mean_of_its_members(tmp_path: Path) -> None:
    problem, _, _ = shop(tmp_path, "bought", "auto", 120)
    fit = blended(problem, BLENDS[2][1])
    seen = fit.encoded(problem.table)
    alone: list[Any] = [fit.predict_member(member, seen, 2) * member.ingredient.weight for member in fit.members]
    np.testing.assert_array_equal(fit.predict(problem, problem.table), alone[0] + alone[1] + alone[2])


def test_members_of_one_scheme_share_their_numbers(tmp_path: Path) -> None:
    problem, _, _ = shop(tmp_path, "price", "auto", 120)
    fit = blended(problem, BLENDS[0][1])
    assert fit.start("trees") == 0
    assert fit.start("linear") == width(fit.columns_by_scheme["trees"])
    with pytest.raises(KeyError):
        blended(problem, BLENDS[1][1]).start("trees")
