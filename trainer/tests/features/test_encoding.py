"""The declaration of the manifest, executed: each rule of its schema."""

from __future__ import annotations

import numpy as np

from trainer.features.encoding import (
    FLOAT32_MAX,
    FLOAT64_MOST,
    EncodedColumn,
    NumberColumn,
    OneHotColumn,
    OrdinalColumn,
    encode,
    to_json,
    width,
)
from trainer.features.fitting import ONE_HOT_MAX, fit_columns
from trainer.features.profile import Feature
from trainer.table.columns import Column, table_of


def test_numbers_are_imputed_then_scaled_and_missing_is_indicated() -> None:
    columns = [NumberColumn("n", impute=10.0, indicator=True, center=4.0, scale=2.0)]
    matrix = encode(columns, table_of({"n": ["4", "", "6", "word"]}), "float64")
    assert matrix.tolist() == [[0, 0], [3, 1], [1, 0], [3, 1]]


def test_unscaled_numbers_pass_untouched_and_are_clamped() -> None:
    columns = [NumberColumn("n", impute=0.0, indicator=False)]
    table = table_of({"n": ["0.1", "1e300", "-1e300", "16777217"]})
    assert encode(columns, table, "float64")[:, 0].tolist() == [0.1, FLOAT64_MOST, -FLOAT64_MOST, 16777217]
    narrow = encode(columns, table, "float32")
    assert narrow.dtype == np.float32
    assert narrow[:, 0].tolist() == [float(np.float32(0.1)), FLOAT32_MAX, -FLOAT32_MAX, 16777216]


def test_one_hot_knows_its_categories_and_imputes_missing_cells() -> None:
    table = table_of({"c": ["a", "b", "new", "", "A"]})
    imputing = encode([OneHotColumn("c", ("a", "b"), "b")], table, "float64")
    assert imputing.tolist() == [[1, 0], [0, 1], [0, 0], [0, 1], [0, 0]]
    silent = encode([OneHotColumn("c", ("a", "b"), None)], table, "float64")
    assert silent[3].tolist() == [0, 0]


def test_ordinal_tells_unknown_from_missing() -> None:
    table = table_of({"c": ["b", "a", "new", "?"]})
    assert encode([OrdinalColumn("c", ("a", "b"))], table, "float64")[:, 0].tolist() == [1, 0, -1, -2]


def test_a_column_that_kept_only_numbers_has_no_known_category() -> None:
    column = Column("c", [], None, np.array([1.0, np.nan]))
    matrix = np.empty((2, 1))
    OrdinalColumn("c", ("1",)).encode(column, matrix)
    assert matrix[:, 0].tolist() == [-1, -2]


def test_columns_stand_side_by_side_in_order_and_as_json() -> None:
    columns: list[EncodedColumn] = [OneHotColumn("c", ("x", "y"), None), NumberColumn("n", 0.0, indicator=False)]
    assert width(columns) == 3
    assert encode(columns, table_of({"n": ["5"], "c": ["y"]}), "float64").tolist() == [[0, 1, 5]]
    assert to_json(columns)[0] == {"column": "c", "categories": ["x", "y"], "impute": None, "kind": "oneHot"}


def test_linear_models_get_standard_columns_and_frequent_categories() -> None:
    words = [f"w{i % 30:02d}" for i in range(90)] + ["w00"] * 10
    table = table_of({"n": [str(i) for i in range(100)], "c": words})
    number, word = fit_columns([Feature("n", "number", "0"), Feature("c", "category", "w00")], table, "linear")
    matrix = encode([number], table, "float64")[:, 0]
    assert abs(matrix.mean()) < 1e-12
    assert abs(matrix.std() - 1) < 1e-12
    assert isinstance(word, OneHotColumn)
    assert len(word.categories) == ONE_HOT_MAX
    assert word.impute == "w00"


def test_trees_get_numbers_as_they_are_and_many_categories_as_one_number() -> None:
    table = table_of({"n": ["1", "2", ""] * 10, "c": [f"w{i}" for i in range(30)]})
    number, word = fit_columns([Feature("n", "number", "1"), Feature("c", "category", "w0")], table, "trees")
    assert number == NumberColumn("n", 1.5, indicator=True)
    assert isinstance(word, OrdinalColumn)
    assert len(word.categories) == 30


def test_categories_missing_often_enough_to_mean_something_are_not_imputed() -> None:
    column = fit_columns([Feature("c", "category", "a")], table_of({"c": ["a", "b", "", "a"]}), "trees")[0]
    assert isinstance(column, OneHotColumn)
    assert column.impute is None


def test_scales_stay_finite_for_constant_and_enormous_numbers() -> None:
    features = [Feature("same", "number", "5"), Feature("huge", "number", "1")]
    table = table_of({"same": ["5", "5"], "huge": ["1e308", "-1e308"]})
    matrix = encode(fit_columns(features, table, "linear"), table, "float64")
    assert matrix.tolist() == [[0, 1], [0, -1]]
