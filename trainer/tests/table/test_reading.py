"""Files as people upload them: every encoding and delimiter is read, every kind of rubbish is named."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainer.errors import DataError
from trainer.table.cells import strip
from trainer.table.reading import read_table
from trainer.table.source import inspect
from trainer.table.text import sniff_delimiter
from trainer.tests.shop import read, write

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"


def refused(folder: Path, content: str | bytes, name: str = "data.csv") -> DataError:
    with pytest.raises(DataError) as caught:
        read(folder, content, name)
    assert caught.value.message
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    "content",
    [
        "name,n\nMünchen,1\nKöln,2\n".encode(),
        "name,n\nMünchen,1\nKöln,2\n".encode("utf-8-sig"),
        "name,n\nMünchen,1\nKöln,2\n".encode("utf-16"),
        b"\xfe\xff" + "name,n\nMünchen,1\nKöln,2\n".encode("utf-16-be"),
        "name,n\nMünchen,1\nKöln,2\n".encode("latin-1"),
        "name,n\r\nMünchen,1\r\nKöln,2\r\n".encode(),
        "name;n\nMünchen;1\nKöln;2\n".encode(),
        "name\tn\nMünchen\t1\nKöln\t2\n".encode(),
        "name|n\nMünchen|1\nKöln|2\n".encode(),
        "\n\nname,n\nMünchen,1\n\nKöln,2".encode(),
        gzip.compress("name,n\nMünchen,1\nKöln,2\n".encode()),
        'name,n,,\n"München",1,,\nKöln,2,,\n'.encode(),
        " name , n \nMünchen,1\nKöln,2\n".encode(),
    ],
)
def test_all_usual_ways_to_write_a_table_mean_the_same(tmp_path: Path, content: bytes) -> None:
    table = read(tmp_path, content).table
    assert list(table.columns) == ["name", "n"]
    assert [table.columns["name"].text_at(row) for row in range(2)] == ["München", "Köln"]
    assert table.columns["n"].numbers().tolist() == [1, 2]


def test_windows_1252_is_read_as_browsers_do(tmp_path: Path) -> None:
    table = read(tmp_path, b"name,n\n\x80 \x81,1\n").table
    assert table.columns["name"].text_at(0) == "€ \x81"


def test_quoted_newlines_quotes_and_delimiters_belong_to_the_cell(tmp_path: Path) -> None:
    table = read(tmp_path, 'a,b\n"two\nlines","say ""hi"", you"\n1,2\n').table
    assert table.rows == 2
    assert table.columns["a"].text_at(0) == "two\nlines"
    assert table.columns["b"].text_at(0) == 'say "hi", you'


def test_rows_that_are_too_short_are_filled_and_told(tmp_path: Path) -> None:
    reading = read(tmp_path, "a,b,c\n1,2,3\n4,5\n")
    assert reading.table.columns["c"].missing() == 1
    assert "line 3" in reading.notes[0]


def test_empty_columns_without_a_name_are_left_out_and_told(tmp_path: Path) -> None:
    reading = read(tmp_path, "a,b,,\n1,2,,\n")
    assert list(reading.table.columns) == ["a", "b"]
    assert reading.notes == ["2 columns without a name were left out."]


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (b"", "EmptyFile", "empty"),
        (b"\xef\xbb\xbf \n\n", "EmptyFile", "empty"),
        (b"a,b,c\n", "NoRows", "no rows"),
        (b"a\n1\n2\n", "OneColumn", "one column"),
        (b"x,\n1,2\n", "OneColumn", "one column"),
        (PNG, "NotATable", "PNG"),
        (b"PK\x03\x04rest", "BadArchive", "Excel"),
        (b"PAR1....", "BadParquet", "Parquet"),
        (b"a,b\n1,\0\n", "NotText", "NUL"),
        (b"\xff\xfea\0,\0b\0\n\0\x00\xd8", "BadEncoding", "UTF-16"),
        (b"a,b,a\n1,2,3\n", "DuplicateColumns", "“a”"),
        (b"a,b\n1,2\n1,2,3\n", "RaggedRows", "line 3 has 3 cells, the header has 2"),
        (gzip.compress(b"a,b\n1,2\n" * 500)[:-20], "BadArchive", "damaged"),
    ],
)
def test_what_is_no_table_is_named(tmp_path: Path, content: bytes, code: str, words: str) -> None:
    error = refused(tmp_path, content)
    assert error.code == code
    assert words in error.message


def test_a_line_of_two_megabytes_is_named(tmp_path: Path) -> None:
    error = refused(tmp_path, "a,b\n1,2\n3," + "x" * 2_000_000 + "\n")
    assert error.code == "CellTooLong"
    assert "line 3" in error.message
    assert "quotation mark" in error.hint


def test_a_line_of_two_megabytes_of_cells_is_read(tmp_path: Path) -> None:
    names = ",".join(f"c{i}" for i in range(20_000))
    cells = ",".join("1" * 99 for _ in range(20_000))
    table = read(tmp_path, f"{names}\n{cells}\n{cells}\n").table
    assert len(table.columns) == 20_000


def test_too_many_columns_are_refused(tmp_path: Path) -> None:
    names = ",".join(f"c{i}" for i in range(20_001))
    assert refused(tmp_path, f"{names}\n{names}\n").code == "TooManyColumns"


def test_long_and_strange_column_names_are_kept_whole_and_shown_short(tmp_path: Path) -> None:
    long, strange = "x" * 300, '<b>{"a": 1}</b>{{X}}'
    table = read(tmp_path, f'{long},"{strange.replace(chr(34), chr(34) * 2)}"\n1,2\n').table
    assert list(table.columns) == [long, strange]
    error = refused(tmp_path, f"{long},{long}\n1,2\n")
    assert "(300 letters)" in error.message
    assert len(error.message) < 200


def test_an_archive_that_grows_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.table.text.INFLATED_FREE_BYTES", 1_000_000)
    assert refused(tmp_path, gzip.compress(b"0" * 5_000_000), "bomb.csv.gz").code == "SuspiciousArchive"


@pytest.mark.parametrize(
    ("sample", "delimiter"),
    [
        ("a;b\n1,5;2,5\n", ";"),
        ("a,b\n1;2,3\n", ","),
        ("a\tb c\n1\t2,3\n", "\t"),
        ('"a,b";c\n1;2\n', ";"),
        ("a\n1\n", ","),
        ("   \na;b\n1;2\n", ";"),
        (";;\n\na;b;c\n1;2;3\n", ";"),
    ],
)
def test_the_delimiter_is_found(sample: str, delimiter: str) -> None:
    assert sniff_delimiter(sample) == delimiter


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.lists(st.lists(st.text(max_size=8).filter(lambda t: "\0" not in t), min_size=3, max_size=3), min_size=1))
def test_what_was_written_is_read(tmp_path: Path, rows: list[list[str]]) -> None:
    out = io.StringIO(newline="")
    out.write("a,b,c\n")
    for row in rows:
        out.write(",".join('"' + cell.replace('"', '""') + '"' for cell in row) + "\n")
    content = out.getvalue().encode(errors="replace").decode()
    path = write(tmp_path, content)
    table = read_table(inspect(path, "data.csv"), "data.csv", keep_text=True).table
    assert table.rows == len(rows)
    for place, name in enumerate("abc"):
        wanted = [strip(row[place].encode(errors="replace").decode()) for row in rows]
        got = [table.columns[name].text_at(row) for row in range(len(rows))]
        assert all(g in {w, ""} for g, w in zip(got, wanted, strict=True))
