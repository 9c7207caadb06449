"""The kinds of columns from profile to numbers: dates, booleans in words, notations, rare categories."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from trainer.features.booleans import guess_words, truths_of
from trainer.features.declaration import from_json
from trainer.features.encoding import (
    BooleanColumn,
    DateColumn,
    DatePart,
    EncodedColumn,
    NumberColumn,
    OneHotColumn,
    OrdinalColumn,
    encode,
    to_json,
)
from trainer.features.fitting import fit_columns
from trainer.features.notation import Notation
from trainer.features.profile import Feature, profile, read_column
from trainer.features.statistics import statistics
from trainer.table.building import DISTINCT_BEFORE_NUMBERS, ColumnBuilder
from trainer.table.columns import Column, Table, table_of


def kind(cells: list[str]) -> Feature:
    return read_column(table_of({"x": cells}).columns["x"]).feature


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["yes", "no", "Yes", "NO"], "boolean"),
        (["true", "false"], "boolean"),
        (["ja", "nein", ""], "boolean"),
        (["oui", "non"], "boolean"),
        (["Sí", "no"], "boolean"),
        (["y", "1", "n", "0"], "boolean"),
        (["1", "0"], "number"),
        (["yes", "no", "maybe"], "category"),
        (["yes", ""], "category"),
        (["m", "f"], "category"),
        (["2024-01-01", "2023-05-06", ""], "date"),
        (["20240101", "20230506", "20220607", "20210708", "20200809"], "date"),
        (["20240101", "20230506", "20220607", "20210708", "99999999"], "number"),
        (["1,5", "2,5"], "number"),
        (["1.5", "inf", "2.5", "-inf"], "number"),
        (["A11", "A12"], "category"),
    ],
)
def test_what_a_column_is(cells: list[str], expected: str) -> None:
    assert kind(cells).type == expected


def test_plain_numbers_with_a_few_thousands_separators_are_read_with_them() -> None:
    cells = [f"{number:,}" for number in range(10, 1030)]
    assert kind(cells).notation == Notation(".", ",", "")
    assert kind([str(i) for i in range(1000)] + ["oops"]).notation is None


def test_truths_fold_ascii_letters_only() -> None:
    assert guess_words(["SÍ", "No"]) == (("sÍ",), ("no",))
    assert truths_of(["SÍ", "sí", "NO"], ("sÍ",), ("no",)).tolist()[::2] == [1, 0]
    assert math.isnan(truths_of(["sí"], ("sÍ",), ("no",))[0])


def test_booleans_are_imputed_scaled_and_indicated() -> None:
    column = BooleanColumn("b", ("y", "yes"), ("no",), impute=1.0, indicator=True, center=0.5, scale=0.25)
    matrix = encode([column], table_of({"b": ["YES", "no", "", "perhaps"]}), "float64")
    assert matrix.tolist() == [[2, 0], [-2, 0], [2, 1], [2, 1]]
    assert np.isnan(BooleanColumn("b", ("y",), ("n",), math.nan, False).width - 1.0) == 0
    numbers_only = np.zeros((2, 2))
    column.encode(Column("b", [], None, np.array([1.0, 0.0])), numbers_only)
    assert numbers_only.tolist() == [[2, 1], [2, 1]]


def test_dates_give_their_parts_then_the_indicator() -> None:
    parts = (DatePart("year", 2000.0), DatePart("weekday", 3.5, 1.0, 2.0), DatePart("elapsed", -1.0))
    column = DateColumn("d", ("DMY",), parts, indicator=True)
    matrix = encode([column], table_of({"d": ["01.01.1970 12:00", "no date", ""]}), "float64")
    assert matrix.tolist() == [[1970, 1, 0.5, 0], [2000, 1.25, -1, 1], [2000, 1.25, -1, 1]]
    kept = np.zeros((1, 4))
    column.encode(Column("d", [], None, np.array([20240101.0])), kept)
    assert kept[0].tolist() == [2000, 1.25, -1, 1], "a number does not say how it was written"


def test_parts_that_never_vary_are_left_out() -> None:
    table = table_of({"d": [f"2024-05-{day:02d}" for day in range(1, 31)]})
    feature = read_column(table.columns["d"]).feature
    (column,) = fit_columns([feature], table, "trees")
    assert isinstance(column, DateColumn)
    assert [part.part for part in column.parts] == ["day", "weekday", "elapsed"]
    (linear,) = fit_columns([feature], table, "linear")
    matrix = encode([linear], table, "float64")
    assert np.allclose(matrix.mean(axis=0), 0, atol=1e-12)
    assert np.allclose(matrix.std(axis=0), 1)


def test_a_date_that_is_the_same_in_all_training_rows_keeps_one_part() -> None:
    feature = Feature("d", "date", "2024-01-01", orders=("YMD",))
    for cells in (["2024-01-01"] * 3, ["", "", "never"]):
        (column,) = fit_columns([feature], table_of({"d": cells}), "linear")
        assert isinstance(column, DateColumn)
        assert [part.part for part in column.parts] == ["elapsed"]
        assert np.isfinite(encode([column], table_of({"d": cells}), "float32")).all()


def test_json_of_every_kind_is_the_contracts() -> None:
    columns: list[EncodedColumn] = [
        NumberColumn("n", 0.0, False, notation=Notation(",", ".", "€")),
        NumberColumn("m", 0.0, False),
        BooleanColumn("b", ("y",), ("n",), 0.0, False),
        DateColumn("d", ("YMD", "DMY"), (DatePart("year", 1.0),), False),
    ]
    told = json.loads(json.dumps(to_json(columns)))
    assert from_json(told) == columns
    assert told[0]["notation"] == {"decimal": ",", "thousands": ".", "unit": "€"}
    assert "notation" not in told[1]
    assert told[2]["yes"] == ["y"]
    assert told[3]["orders"] == ["YMD", "DMY"]
    assert told[3]["parts"] == [{"part": "year", "impute": 1.0, "center": 0.0, "scale": 1.0}]


def test_rare_categories_share_none_of_them_with_unknown_ones() -> None:
    cells = ["a"] * 50 + ["b"] * 49 + ["once"]
    table = table_of({"c": cells})
    (column,) = fit_columns([Feature("c", "category", "a")], table, "trees")
    assert isinstance(column, OneHotColumn)
    assert column.categories == ("a", "b")
    assert encode([column], table_of({"c": ["once", "never", "b"]}), "float64").tolist() == [[0, 0], [0, 0], [0, 1]]


def test_categories_that_are_all_rare_are_kept() -> None:
    (column,) = fit_columns([Feature("c", "category", "a")], table_of({"c": ["a", "b", "c"]}), "linear")
    assert isinstance(column, OneHotColumn)
    assert column.categories == ("a", "b", "c")


def test_texts_more_than_rows_are_looked_up_by_the_row() -> None:
    table = table_of({"c": [f"w{i}" for i in range(200)]}).take(np.array([7, 3]))
    ordinal = encode([OrdinalColumn("c", ("w3", "w7"))], table, "float32")
    assert ordinal[:, 0].tolist() == [1, 0]
    number = table_of({"n": [str(i) for i in range(200)]}).take(np.array([7, 3]))
    assert encode([NumberColumn("n", 0.0, False)], number, "float32")[:, 0].tolist() == [7, 3]


def test_the_median_of_enormous_numbers_is_finite() -> None:
    table = table_of({"n": ["1.7e308", "1.7e308", "1.6e308", "1.7e308"]})
    (column,) = fit_columns([Feature("n", "number", "1")], table, "trees")
    assert isinstance(column, NumberColumn)
    assert column.impute == 1.7e308


def test_statistics_are_of_the_cells_as_they_are_read() -> None:
    table = table_of(
        {
            "n": ["1,5", "2,5", "3,5", ""],
            "d": ["1970-01-02", "1970-01-03 12:00", "", "1970-01-01"],
            "c": ["a", "b", "a", ""],
        }
    )
    number = Feature("n", "number", "1,5", notation=Notation(",", "", ""))
    told = statistics(number, table.columns["n"])
    assert told["missing"] == 0.25
    assert told["quantiles"] == [1.5] * 4 + [2.5] * 3 + [3.5] * 4
    assert told["atMost"] == [1 / 3] * 4 + [2 / 3] * 3 + [1] * 4
    dates = statistics(Feature("d", "date", "", orders=("YMD",)), table.columns["d"])
    assert dates["quantiles"][0] == 0
    assert dates["quantiles"][-1] == 2.5
    assert statistics(Feature("c", "category", "a"), table.columns["c"]) == {
        "missing": 0.25,
        "shares": {"a": 0.5, "b": 0.25},
    }
    assert statistics(number, table_of({"n": ["", ""]}).columns["n"]) == {"missing": 1.0}
    kept = Column("c", [], None, np.array([1.0, np.nan]), 1)
    assert statistics(Feature("c", "category", "1"), kept) == {"missing": 0.5}


def test_eight_digits_are_dates_however_many_there_are() -> None:
    days = np.datetime64("2001-01-01") + np.arange(2 * DISTINCT_BEFORE_NUMBERS)
    dates = [str(day).replace("-", "") for day in days]
    written = {"d": dates, "e": dates[::-1], "same": dates, "float": [f"{date}.0" for date in dates]}
    columns = {}
    for name, cells in written.items():
        builder = ColumnBuilder(name)
        builder.append(cells)
        columns[name] = builder.build()
    judged = profile(Table(columns, len(dates)), list(columns))
    kinds = [(feature.name, feature.type, feature.orders) for feature in judged.features]
    assert kinds == [("d", "date", ("YMD",)), ("e", "date", ("YMD",)), ("float", "number", ())]
    assert judged.dropped[0].reason == "It holds the same values as “d”."
