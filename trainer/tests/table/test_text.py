"""Text in every encoding, with every delimiter and line end, quoted or not, is the same table; rubbish has a name."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from trainer.errors import DataError
from trainer.table.cells import MISSING_TEXTS, strip
from trainer.table.columns import Table
from trainer.table.reading import read_table
from trainer.table.source import inspect
from trainer.tests.shop import read, write

HYPOTHESIS = {"suppress_health_check": [HealthCheck.function_scoped_fixture], "deadline": None}
PLAIN = "name,n\nMünchen,1\nKöln,2\n"


def refused(folder: Path, content: str | bytes, name: str = "data.csv") -> DataError:
    with pytest.raises(DataError) as caught:
        read(folder, content, name)
    assert caught.value.message
    assert caught.value.hint
    return caught.value


def texts(table: Table) -> dict[str, list[str]]:
    return {name: [column.text_at(row) for row in range(table.rows)] for name, column in table.columns.items()}


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (PLAIN.encode("utf-16-le"), "utf-16-le"),
        (PLAIN.encode("utf-16-be"), "utf-16-be"),
        (PLAIN.encode("utf-16"), "utf-16"),
        (PLAIN.encode("latin-1"), "windows-1252"),
        (PLAIN.encode("utf-8-sig"), "utf-8"),
        (PLAIN.replace("\n", "\r").encode(), "utf-8"),
        ("name,n\rMünchen,1\r\nKöln,2\n".encode(), "utf-8"),
        ("name,n\nMünchen,1\r\nKöln,2".encode(), "utf-8"),
        (gzip.compress(PLAIN.encode("utf-16-le")), "utf-16-le"),
    ],
)
def test_encodings_and_line_ends(tmp_path: Path, content: bytes, encoding: str) -> None:
    source = inspect(write(tmp_path, content), "data.csv")
    assert source.encoding == encoding
    assert texts(read_table(source, "data.csv").table) == {"name": ["München", "Köln"], "n": ["1", "2"]}


@settings(max_examples=150, **HYPOTHESIS)  # type: ignore[arg-type]
@given(
    st.lists(
        st.lists(st.text(alphabet="ab1.,;\t|\"'\r\n é€\U0001f600", max_size=6), min_size=2, max_size=4), min_size=1
    ),
    st.sampled_from(",;\t|"),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le"]),
    st.integers(1, 40),
)
def test_any_table_written_is_read(
    tmp_path: Path, rows: list[list[str]], delimiter: str, end: str, quoting: int, encoding: str, block: int
) -> None:
    width = len(rows[0])
    rows = [(row + ["x"] * width)[:width] for row in rows]
    if quoting == csv.QUOTE_MINIMAL:  # csv writes line ends other than its own without quotation marks
        rows = [[cell.replace("\r", "").replace("\n", "") for cell in row] for row in rows]
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=quoting)  # type: ignore[arg-type]
    writer.writerow([f"column {place}" for place in range(width)])
    writer.writerows(rows)
    path = write(tmp_path, out.getvalue().encode(encoding))
    source = inspect(path, "data.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trainer.table.delimited.BLOCK_LETTERS", block)
        patch.setattr("trainer.table.delimited.BLOCK_HEADERS", 0)
        if source.delimiter != delimiter:  # few and odd rows can be cut better by another
            return
        table = read_table(source, "data.csv", keep_text=True).table
    wanted = [[strip(cell) for cell in row] for row in rows]
    for place in range(width):
        column = texts(table)[f"column {place}"]
        assert column == ["" if row[place] in MISSING_TEXTS else row[place] for row in wanted]


@settings(max_examples=200, **HYPOTHESIS)  # type: ignore[arg-type]
@given(st.text(alphabet='a1,"\r\n ', max_size=40), st.integers(1, 9))
@example('\n1,2\n"', 3)
def test_cutting_blocks_gives_the_cells_that_csv_gives(tmp_path: Path, body: str, block: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trainer.table.delimited.BLOCK_HEADERS", 0)
        outcomes = []
        for letters in (block, 10_000):
            patch.setattr("trainer.table.delimited.BLOCK_LETTERS", letters)
            try:
                outcomes.append(str(texts(read(tmp_path, "x,y\n" + body).table)))
            except DataError as error:
                outcomes.append(error.code + error.message)
    assert outcomes[0] == outcomes[1]
    records = [record for record in csv.reader(io.StringIO("x,y\n" + body, newline="")) if "".join(record).strip()]
    if '"' not in body and len(records) > 1 and all(len(record) == 2 for record in records):
        wanted = [[strip(cell) for cell in record] for record in records[1:]]
        got = texts(read(tmp_path, "x,y\n" + body).table)
        assert [row for row in zip(got["x"], got["y"], strict=True) if any(row)] == [
            tuple(row) for row in wanted if any(row)
        ]


@settings(max_examples=200, **HYPOTHESIS)  # type: ignore[arg-type]
@given(
    st.one_of(
        st.binary(max_size=300),
        st.binary(max_size=100).map(lambda body: b"a,b\n1,2\n" + body),
        st.sampled_from([b"\x1f\x8b", b"PK\x03\x04", b"PAR1", b"\xff\xfe", b"\xd0\xcf\x11\xe0"]).flatmap(
            lambda magic: st.binary(max_size=100).map(lambda body: magic + body)
        ),
        st.binary(max_size=100).map(gzip.compress),
    )
)
def test_any_bytes_are_a_table_or_a_reason(tmp_path: Path, content: bytes) -> None:
    path = write(tmp_path, content)
    try:
        read_table(inspect(path, "data.csv"), "data.csv")
    except DataError as error:
        assert error.message
        assert error.hint


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        ('a,b\n1,2\n3,"4\n5,6\n', "UnclosedQuote", "line 3"),
        ('a,b\n"1,2\n3,4\n', "UnclosedQuote", "line 2"),
        ('a,"b\n1,2\n', "UnclosedQuote", "line 1"),
        ("a, a\n1,2\n", "DuplicateColumns", "“a”"),
        (b"a,b\n" + b"1,2\n" * 9 + b"\0\0\0\0", "NotText", "NUL"),
        ("a,b\n1,\0\n".encode("utf-16"), "NotText", "NUL"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "NotATable", "old Excel"),
        (gzip.compress(gzip.compress(b"a,b\n1,2\n")), "GzippedTwice", "gzip inside gzip"),
        (gzip.compress(b""), "EmptyFile", "empty"),
        (b"\x1f\x8b\x08\x00junk and more junk", "BadArchive", "damaged"),
        ("\n \n,,\n", "EmptyFile", "empty"),
    ],
)
def test_rubbish_is_named(tmp_path: Path, content: str | bytes, code: str, words: str) -> None:
    error = refused(tmp_path, content)
    assert error.code == code
    assert words in error.message


def test_a_quotation_mark_inside_a_cell_is_a_letter(tmp_path: Path) -> None:
    assert texts(read(tmp_path, 'size,n\n5" pipe,1\n6" pipe,2\n').table)["size"] == ['5" pipe', '6" pipe']


def test_a_line_without_end_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.table.text.LINE_MAX_BYTES", 3_000_000)
    assert refused(tmp_path, b"a,b\n1,2\n" + b"1" * 6_000_000).code == "LineTooLong"


def test_one_row_is_a_table(tmp_path: Path) -> None:
    assert texts(read(tmp_path, "a,b\n1,x").table) == {"a": ["1"], "b": ["x"]}


def test_ten_thousand_columns_are_read_in_little_memory(tmp_path: Path) -> None:
    names = ",".join(f"c{i}" for i in range(10_000))
    line = ",".join(str(i % 7) for i in range(10_000))
    table = read(tmp_path, names + ("\n" + line) * 60).table
    assert (table.rows, len(table.columns)) == (60, 10_000)
    assert table.bytes == 4 * 60 * 10_000
    assert table.columns["c8"].numbers().tolist() == [1.0] * 60


def test_infinities_and_mixed_cells_are_no_numbers(tmp_path: Path) -> None:
    numbers = read(tmp_path, "a,b\ninf,1\n-Infinity,2\n1e999,x\n3,4\n").table.columns
    assert [str(value) for value in numbers["a"].numbers()] == ["nan", "nan", "nan", "3.0"]
    assert [str(value) for value in numbers["b"].numbers()] == ["1.0", "2.0", "nan", "4.0"]


@pytest.mark.parametrize("name", ["prediction", "x" * 300, "عمر", "🏠 price", "a b\tc", "__proto__"])
def test_any_name_is_kept_as_it_is(tmp_path: Path, name: str) -> None:
    assert list(read(tmp_path, f'"{name}",b\n1,2\n').table.columns) == [name, "b"]


def test_copies_of_rows_are_kept_and_counted(tmp_path: Path) -> None:
    reading = read(tmp_path, "a,b\n1,x\n2,\n1,x\n2,NA\n1,y\n 1 ,x\n")
    assert reading.table.rows == 6
    assert reading.notes[0].startswith("3 of 6 rows are exact copies of an earlier row. They are kept")


def test_copies_are_not_counted_where_texts_were_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.table.duplicates.ROWS_MAX", 1)
    assert read(tmp_path, "a,b\n1,x\n1,x\n").notes == []
