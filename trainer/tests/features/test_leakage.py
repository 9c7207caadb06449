"""Columns that know the target are named with their figure; those that explain it are not."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.features.leakage import ROWS_MAX, suspects, telling_id
from trainer.features.profile import read_column
from trainer.table.columns import Column, Table, table_of

ROWS = 300
random = np.random.default_rng(3)
TRUTH = random.integers(0, 2, ROWS)
GRADE = random.integers(0, 3, ROWS)
PRICE = random.lognormal(3, 1, ROWS)
NOISE = random.normal(size=ROWS)


def found(cells: list[str], y: np.ndarray, classes: int) -> list[tuple[str, float]]:
    table = table_of({"x": cells})
    feature = read_column(table.columns["x"]).feature
    return [(one.metric, round(one.figure, 2)) for one in suspects([feature], table, y, classes)]


@pytest.mark.parametrize(
    ("cells", "y", "classes", "metric"),
    [
        ([("left", "stayed")[one] for one in TRUTH], TRUTH, 2, "ROC AUC"),
        ([str(5 - one) for one in TRUTH], TRUTH, 2, "ROC AUC"),
        ([str(one * 10 + noise) for one, noise in zip(TRUTH, NOISE, strict=True)], TRUTH, 2, "ROC AUC"),
        (["" if one else str(noise) for one, noise in zip(TRUTH, NOISE, strict=True)], TRUTH, 2, "ROC AUC"),
        ([str(one**2) for one in GRADE], GRADE, 3, "balanced accuracy"),
        ([f"g{one}" for one in GRADE], GRADE, 3, "balanced accuracy"),
        ([str(one) for one in PRICE], PRICE, 0, "R²"),
        ([f"{one * 1.19:.6f}" for one in PRICE], PRICE, 0, "R²"),
        ([("2024-01-01", "2020-06-01")[one] for one in TRUTH], TRUTH, 2, "ROC AUC"),
    ],
)
def test_what_knows_the_target_is_suspected(cells: list[str], y: np.ndarray, classes: int, metric: str) -> None:
    ((named, figure),) = found(cells, y, classes)
    assert named == metric
    assert figure >= 0.98


@pytest.mark.parametrize(
    ("cells", "y", "classes"),
    [
        ([str(noise) for noise in NOISE], TRUTH, 2),
        ([str(one + noise) for one, noise in zip(TRUTH, NOISE, strict=True)], TRUTH, 2),
        ([f"id{row}" for row in range(ROWS)], TRUTH, 2),
        ([f"id{row}" for row in range(ROWS)], GRADE, 3),
        ([f"id{row}" for row in range(ROWS)], PRICE, 0),
        ([str(one + 20 * noise) for one, noise in zip(PRICE, NOISE, strict=True)], PRICE, 0),
    ],
)
def test_what_explains_or_names_rows_is_not(cells: list[str], y: np.ndarray, classes: int) -> None:
    assert not found(cells, y, classes)


def test_few_rows_prove_nothing_and_many_are_sampled() -> None:
    assert not found([str(one) for one in TRUTH[:40]], TRUTH[:40], 2)
    y = np.random.default_rng(0).integers(0, 2, 3 * ROWS_MAX)
    table = Table({"x": Column("x", [], None, y.astype(np.float64))}, len(y))
    feature = read_column(table.columns["x"]).feature
    (suspect,) = suspects([feature], table, y, 2)
    assert "alone predicts the target (ROC AUC 1.000)" in suspect.words


def test_the_target_under_another_name_is_said_to_equal_it() -> None:
    table = table_of({"x": [repr(float(one)) for one in PRICE]})
    (suspect,) = suspects([read_column(table.columns["x"]).feature], table, PRICE, 0)
    assert suspect.identical
    assert "equals the target" in suspect.words


def test_ids_that_are_sorted_or_named_by_the_target_tell_it() -> None:
    truth = np.sort(TRUTH)
    by_order = table_of({"id": [str(row) for row in range(ROWS)]}).columns["id"]
    by_name = table_of({"id": [f"{('ok', 'fraud')[one]}-{row}" for row, one in enumerate(TRUTH)]}).columns["id"]
    silent = table_of({"id": [f"id-{row}" for row in range(ROWS)]}).columns["id"]
    assert telling_id(by_order, truth, 2)
    assert telling_id(by_name, TRUTH, 2)
    assert telling_id(silent, TRUTH, 2) is None
    assert telling_id(by_order, TRUTH, 2) is None
    assert telling_id(by_order.take(np.arange(9)), truth[:9], 2) is None
    many = Column("id", [], None, np.arange(2.0 * ROWS_MAX))
    assert telling_id(many, np.arange(2 * ROWS_MAX) // ROWS_MAX, 2)
