"""Numbers as people write them: what a notation reads, and which one a column is found to have."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.features.notation import SEPARATORS, UNITS, Decimal, Notation, Thousands, guess_notation

PAIRS: list[tuple[Decimal, Thousands]] = [
    (".", ""), (",", ""), (".", ","), (",", "."), (".", " "), (",", " "), (".", "'"), (",", "'"),
]  # fmt: skip


@given(
    st.sampled_from(PAIRS),
    st.sampled_from(["", *sorted(UNITS)]),
    st.sampled_from(["before", "after", "after, apart"]),
    st.integers(0, 10**12),
    st.text("0123456789", max_size=4),
    st.sampled_from(["", "-", "+"]),
    st.data(),
)
@settings(max_examples=200, deadline=None)
def test_what_is_written_in_a_notation_is_read_back(
    pair: tuple[Decimal, Thousands], unit: str, where: str, whole: int, fraction: str, sign: str, data: st.DataObject
) -> None:
    decimal, thousands = pair
    digits = f"{whole:,}" if thousands else str(whole)
    if thousands:
        digits = digits.replace(",", data.draw(st.sampled_from(SEPARATORS[thousands])))
    number = digits + (decimal + fraction if fraction else "")
    text = (
        f"{sign}{unit}{number}"
        if where == "before"
        else f"{sign}{number}{' ' if unit and 'apart' in where else ''}{unit}"
    )
    assert Notation(decimal, thousands, unit).number_of(text) == float(f"{sign}{whole}.{fraction or 0}")


@pytest.mark.parametrize(
    ("notation", "text", "value"),
    [
        (Notation(".", ",", "$"), "-$5", -5),
        (Notation(".", ",", "$"), "-$ 1,234.50", -1234.5),
        (Notation(".", ",", "$"), "$-5", -5),
        (Notation(".", ",", "$"), "5", 5),
        (Notation(".", ",", "$"), "5 $", 5),
        (Notation(".", ",", ""), "1,234e2", 123400),
        (Notation(",", ".", "€"), "1.234,5\u202f€", 1234.5),
        (Notation(",", " ", ""), "1\u00a0234\u2009567,5", 1234567.5),
        (Notation(".", "'", ""), "1'234\u2019567", 1234567),
        (Notation(",", "", ""), ",5", 0.5),
        (Notation(".", "", "%"), "12.5 %", 12.5),
    ],
)
def test_what_a_notation_reads(notation: Notation, text: str, value: float) -> None:
    assert notation.number_of(text) == value


@pytest.mark.parametrize(
    ("notation", "text"),
    [
        (Notation(".", ",", "$"), "--$5"),
        (Notation(".", ",", "$"), "-$-5"),
        (Notation(".", ",", "$"), "$$5"),
        (Notation(".", ",", "$"), "$"),
        (Notation(".", ",", ""), "12,34"),
        (Notation(".", ",", ""), "1,2345"),
        (Notation(".", ",", ""), "1234,567"),
        (Notation(".", ",", ""), "1,234."),
        (Notation(".", ",", ""), ",234"),
        (Notation(",", "", ""), "1.5"),
        (Notation(",", ".", ""), "1.5"),
        (Notation(".", "", "kg"), "5 KG"),
        (Notation(".", "", ""), "1e999"),
        (Notation(".", "", ""), "１２"),
        (Notation(".", "", ""), ""),
    ],
)
def test_what_a_notation_does_not_read(notation: Notation, text: str) -> None:
    assert math.isnan(notation.number_of(text))


@pytest.mark.parametrize(
    ("texts", "notation", "told"),
    [
        (["1,5", "2,25", "1000,1"], Notation(",", "", ""), ""),
        (["1,234.50", "999.00"], Notation(".", ",", ""), ""),
        (["1.234,50", "999,00"], Notation(",", ".", ""), ""),
        (["1,234", "12,345", "7"], Notation(".", ",", ""), "the comma separates thousands"),
        (["0,234", "0,345", "0,5"], Notation(",", "", ""), ""),
        (["1,234", "12,345,678"], Notation(".", ",", ""), ""),
        (["1.234.567", "12.345", "1.234"], Notation(",", ".", ""), ""),
        (["1 234,5", "1\u00a0234 567"], Notation(",", " ", ""), ""),
        (["1'234.5", "12\u2019345.25"], Notation(".", "'", ""), ""),
        (["$1,200", "$ 35.50", "-$7"], Notation(".", ",", "$"), ""),
        (["12 %", "7.5 %", "100 %"], Notation(".", "", "%"), ""),
        (["1.234 €", "2.500 €", "10 €"], Notation(",", ".", "€"), "the point separates thousands"),
        (["1.234 kg", "2.500 kg"], Notation(".", "", "kg"), "decimal point"),
        (["80 kg", "75,5 kg"], Notation(",", "", "kg"), ""),
    ],
)
def test_the_whole_column_tells_the_notation(texts: list[str], notation: Notation, told: str) -> None:
    found = guess_notation(dict.fromkeys(texts, 3))
    assert found is not None
    assert found.notation == notation
    assert (told in found.doubt) if told else not found.doubt


@pytest.mark.parametrize(
    "texts",
    [
        ["A11", "A12", "A13"],
        ["5b", "6c", "7d"],
        ["2024-05-31", "2024-06-01"],
        ["01.02.2024", "03.04.2024"],
        ["10.0.0.1", "192.168.0.1"],
        ["$5", "7 €", "12 £"],
        ["red", "green"],
    ],
)
def test_codes_dates_and_mixed_units_are_no_numbers(texts: list[str]) -> None:
    assert guess_notation(dict.fromkeys(texts, 3)) is None


def test_json_is_the_manifests() -> None:
    assert Notation(",", ".", "€").to_json() == {"decimal": ",", "thousands": ".", "unit": "€"}
