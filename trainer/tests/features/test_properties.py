"""Random tables: whatever the cells are, they can be profiled, fitted and encoded, each row alone as in a batch."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.features.encoding import encode, to_json, width
from trainer.features.fitting import Scheme, fit_columns
from trainer.features.leakage import suspects
from trainer.features.profile import profile
from trainer.features.statistics import statistics
from trainer.table.columns import table_of

ANY = st.text(max_size=12)
MISSING = st.sampled_from(["", "NA", " ", "?", "null"])
NUMBERS = st.floats(width=64).map(repr) | st.integers(-(10**20), 10**20).map(str)
MONEY = st.builds("{}{:,.2f}".format, st.sampled_from(["$", "-$", ""]), st.floats(0, 1e7))
GERMAN = MONEY.map(lambda text: text.translate(str.maketrans(",.$", ".,€")))
DATES = st.dates().map(lambda day: f"{day.day:02d}.{day.month:02d}.{day.year:04d}")
TIMES = st.datetimes().map(lambda when: when.isoformat(sep=" "))
EIGHT = st.dates().map(lambda day: f"{day.year:04d}{day.month:02d}{day.day:02d}")
TRUTHS = st.sampled_from(["yes", "no", "Yes", "N", "ja", "1", "0"])
WORDS = st.sampled_from(["red", "green", "blue", "Red", "a b", "ÿ"])
KINDS = [ANY, NUMBERS, MONEY, GERMAN, DATES, TIMES, EIGHT, TRUTHS, WORDS, MISSING]


@st.composite
def tables(draw: st.DrawFn) -> dict[str, list[str]]:
    """Columns mostly of one kind, with cells of others among them."""
    rows = draw(st.integers(1, 30))
    columns = {}
    for number in range(draw(st.integers(1, 4))):
        usual = draw(st.sampled_from(KINDS))
        cell = draw(st.sampled_from([usual, usual | MISSING, usual | ANY]))
        columns[f"c{number}"] = draw(st.lists(cell, min_size=rows, max_size=rows))
    return columns


@given(tables(), st.sampled_from(["trees", "linear"]), st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_any_table_is_encoded_and_each_row_alone_as_in_the_batch(
    cells: dict[str, list[str]], scheme: Scheme, seed: int
) -> None:
    table = table_of(cells)
    judged = profile(table, list(cells))
    assert {column.name for column in judged.features} | {column.name for column in judged.dropped} == set(cells)
    train = np.sort(np.random.default_rng(seed).choice(table.rows, (table.rows + 1) // 2, replace=False))
    columns = fit_columns(judged.features, table.take(train), scheme)
    json.dumps(to_json(columns), allow_nan=False)
    json.dumps([statistics(one, table.columns[one.name]) for one in judged.features], allow_nan=False)
    batch = encode(columns, table, "float32")
    assert batch.shape == (table.rows, width(columns))
    assert np.isfinite(batch).all()
    for row in range(table.rows):
        alone = table_of({name: [texts[row]] for name, texts in cells.items()})
        assert np.array_equal(encode(columns, alone, "float32")[0], batch[row])


@given(tables(), st.sampled_from(["trees", "linear"]))
@settings(max_examples=25, deadline=None)
def test_a_missing_cell_is_encoded_as_the_declaration_says(cells: dict[str, list[str]], scheme: Scheme) -> None:
    table = table_of(cells)
    columns = fit_columns(profile(table, list(cells)).features, table, scheme)
    if not columns:
        return
    (row,) = encode(columns, table_of({name: ["NA"] for name in cells}), "float64")
    start = 0
    for column in columns:
        told = row[start : start + column.width].tolist()
        start += column.width
        if column.kind == "oneHot":
            assert told == [1.0 if category == column.impute else 0.0 for category in column.categories]
        elif column.kind == "ordinal":
            assert told == [column.missing]
        else:
            parts = column.parts if column.kind == "date" else (column,)
            with np.errstate(over="ignore"):
                wanted = [float((np.float64(part.impute) - part.center) / part.scale) for part in parts]
            assert told == wanted + ([1.0] if column.indicator else [])


@given(tables(), st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_leakage_can_be_looked_for_in_any_table(cells: dict[str, list[str]], seed: int) -> None:
    table = table_of({name: texts * 60 for name, texts in cells.items()})
    features = profile(table, list(cells)).features
    random = np.random.default_rng(seed)
    for classes in (0, 2, 3):
        y = random.integers(0, classes, table.rows) if classes else random.normal(size=table.rows)
        for suspect in suspects(features, table, y, classes):
            assert 0.98 <= suspect.figure <= 1
