"""What auto tries: names and hyperparameters that the registry accepts, for each task and size; and what it costs."""

from __future__ import annotations

from typing import Any

import pytest

from trainer.families import FAMILIES
from trainer.families.family import Task
from trainer.training.cost import WORK, fit_seconds
from trainer.training.portfolio import FLEXIBLE_FROM, PORTFOLIO, portfolio
from trainer.training.search import ingredient

TASKS: tuple[Task, ...] = ("regression", "classification")


@pytest.mark.parametrize("task", TASKS)
def test_every_configuration_is_one_that_the_registry_accepts(task: Task) -> None:
    for one in PORTFOLIO[task]:
        assert task in FAMILIES[one.family_name].tasks
        ingredient(one.family_name, one.asked)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("rows", [8, 99, 100, 800, 3000, 30_000, 1_000_000])
def test_every_size_has_several_families_by_unique_names_and_none_of_a_pack(task: Task, rows: int) -> None:
    found = portfolio(task, rows)
    assert len({one.name for one in found}) == len(found)
    assert len({one.family_name for one in found}) >= (4 if rows >= FLEXIBLE_FROM else 2)
    for one in found:
        assert FAMILIES[one.family_name].library == "sklearn"
        assert not FAMILIES[one.family_name].inexact


@pytest.mark.parametrize(("task", "flexible"), [("regression", "polynomial"), ("classification", "svm")])
def test_few_rows_are_met_with_straight_lines(task: Task, flexible: str) -> None:
    tried = [{one.family_name for one in portfolio(task, rows)} for rows in (FLEXIBLE_FROM - 1, FLEXIBLE_FROM)]
    assert flexible not in tried[0]
    assert flexible in tried[1]


def test_a_name_that_the_registry_lacks_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(FAMILIES, "svm")
    assert "svm" not in {one.family_name for one in portfolio("regression", 500)}


def test_every_family_has_a_cost_that_grows_with_the_rows() -> None:
    assert set(WORK) == set(FAMILIES)
    for name in FAMILIES:
        wanted: Any = ingredient(name, {})
        costs = [fit_seconds(wanted, rows, 20, 3) for rows in (100, 10_000, 1_000_000)]
        assert costs == sorted(costs)
        assert costs[0] < 10
