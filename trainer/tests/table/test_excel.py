"""Workbooks as people send them: titles, several sheets, gaps, dates; bombs, passwords and damage are named."""

from __future__ import annotations

import datetime as dt
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl.chart import BarChart

from trainer.errors import DataError
from trainer.table.excel import text_of
from trainer.table.reading import Reading, read_table
from trainer.table.source import inspect
from trainer.tests.shop import read

ROWS: list[list[Any]] = [["name", "n"], ["a", 1], ["b", 2.5]]


def write(folder: Path, sheets: dict[str, list[list[Any]]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    path = folder / "data.xlsx"
    book.save(path)
    return path


def read_file(path: Path) -> Reading:
    return read_table(inspect(path, path.name), path.name)


def cells(reading: Reading, name: str) -> list[str]:
    column = reading.table.columns[name]
    return [column.text_at(row) for row in range(column.rows)]


def rewrite(path: Path, part: str, content: bytes) -> None:
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    parts[part] = content
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, body in parts.items():
            new.writestr(name, body)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (3, "3"),
        (3.0, "3"),
        (0.1, "0.1"),
        (1e300, "1e+300"),
        (float("nan"), ""),
        ("#DIV/0!", ""),
        (dt.datetime(2024, 1, 31), "2024-01-31"),
        (dt.datetime(2024, 1, 31, 12, 30, 0, 500000), "2024-01-31T12:30:00.5"),
        (dt.date(2024, 1, 31), "2024-01-31"),
        (dt.time(1, 2, 3), "01:02:03"),
        (dt.timedelta(hours=30), "108000"),
        ("text", "text"),
    ],
)
def test_values_become_the_texts_of_a_csv(value: object, text: str) -> None:
    assert text_of(value) == text


def test_a_workbook_and_a_csv_of_the_same_table_are_the_same(tmp_path: Path) -> None:
    rows: list[list[Any]] = [["class", "x", "day"], [1, 0.1, dt.date(2024, 1, 2)], [2, 7, None], [None, -1e-9, None]]
    book = read_file(write(tmp_path, {"s": rows}))
    text = read(tmp_path, "class,x,day\n1,0.1,2024-01-02\n2,7,\n,-0.000000001,\n")
    for name in text.table.columns:
        assert cells(book, name) == cells(text, name) or name == "x"
    assert book.table.columns["x"].numbers().tolist() == text.table.columns["x"].numbers().tolist()
    assert book.notes == []


def test_the_first_sheet_with_a_table_is_read_and_named(tmp_path: Path) -> None:
    reading = read_file(write(tmp_path, {"Empty": [], "Cover": [["Report"]], "Data": ROWS, "More": ROWS}))
    assert cells(reading, "n") == ["1", "2.5"]
    assert reading.notes == ["The table was read from the sheet “Data”, one of 4."]


def test_a_hidden_sheet_is_read_last(tmp_path: Path) -> None:
    path = write(tmp_path, {"Lists": [["x", "y"], [1, 2]], "Data": ROWS})
    book = openpyxl.load_workbook(path)
    book["Lists"].sheet_state = "hidden"
    book.active = 1
    book.save(path)
    assert list(read_file(path).table.columns) == ["name", "n"]


def test_titles_gaps_and_merged_cells_are_no_rows(tmp_path: Path) -> None:
    path = write(tmp_path, {"s": [["Sales 2024"], [], [None, "name", "n"], [None, "a", 1], [], [None, None, 2]]})
    book = openpyxl.load_workbook(path)
    book["s"].merge_cells("B4:B6")
    book.save(path)
    reading = read_file(path)
    assert cells(reading, "name") == ["a", ""]
    assert cells(reading, "n") == ["1", "2"]
    assert "titles" in " ".join(reading.notes)


def test_formulas_are_read_as_their_last_results(tmp_path: Path) -> None:
    path = write(tmp_path, {"s": [["a", "b"], [1, 2]]})
    with zipfile.ZipFile(path) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml")
    formula = sheet.replace(b'<c r="B2" t="n"><v>2</v></c>', b'<c r="B2"><f>A2*2</f><v>2</v></c>')
    assert formula != sheet
    rewrite(path, "xl/worksheets/sheet1.xml", formula)
    assert cells(read_file(path), "b") == ["2"]


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([], "EmptyFile"),
        ([["only one"]], "EmptyFile"),
        ([["a", "b"]], "NoRows"),
        ([["a", "a"], [1, 2]], "DuplicateColumns"),
        ([["a", "b"], [1, 2, 3]], "RaggedRows"),
    ],
)
def test_sheets_that_are_no_table_are_refused(tmp_path: Path, rows: list[list[Any]], code: str) -> None:
    with pytest.raises(DataError, match=code) as caught:
        read_file(write(tmp_path, {"s": rows}))
    assert caught.value.hint


def test_a_workbook_of_charts_only_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "data.xlsx"
    book = openpyxl.Workbook()
    book.create_chartsheet("chart").add_chart(BarChart())
    book.remove(book["Sheet"])
    book.save(path)
    with pytest.raises(DataError, match="EmptyFile"):
        read_file(path)


def test_a_bomb_is_refused_before_it_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.table.excel.INFLATED_FREE_BYTES", 1_000_000)
    path = write(tmp_path, {"s": ROWS})
    rewrite(path, "xl/worksheets/sheet1.xml", b" " * 20_000_000)
    with pytest.raises(DataError, match="SuspiciousArchive"):
        read_file(path)


def test_entities_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, {"s": ROWS})
    rewrite(path, "xl/worksheets/sheet1.xml", b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>')
    with pytest.raises(DataError, match="BadWorkbook"):
        read_file(path)


def test_a_row_beyond_all_rows_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.table.excel.ROWS_MAX", 1000)
    path = write(tmp_path, {"s": ROWS})
    with zipfile.ZipFile(path) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml")
    rewrite(path, "xl/worksheets/sheet1.xml", sheet.replace(b'<row r="3"', b'<row r="99999999"'))
    with pytest.raises(DataError, match="TooManyRows"):
        read_file(path)


def test_a_password_is_named(tmp_path: Path) -> None:
    path = tmp_path / "data.xlsx"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le"))
    with pytest.raises(DataError, match="PasswordProtected") as caught:
        read_file(path)
    assert "without a password" in caught.value.hint


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (["xl/workbook.bin"], "xlsb"),
        (["word/document.xml"], "Word"),
        (["content.xml"], "OpenDocument"),
        (["data.csv"], "a ZIP archive"),
    ],
)
def test_other_archives_are_named(tmp_path: Path, parts: list[str], words: str) -> None:
    path = tmp_path / "data.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for part in parts:
            archive.writestr(part, "x")
    with pytest.raises(DataError, match="NotATable") as caught:
        read_file(path)
    assert words in caught.value.message


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(st.data())
def test_whatever_bytes_are_damaged_the_answer_is_a_table_or_a_reason(tmp_path: Path, data: st.DataObject) -> None:
    path = write(tmp_path, {"s": ROWS})
    body = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        body[4 + data.draw(st.integers(0, 2**16)) % (len(body) - 4)] = data.draw(st.integers(0, 255))
    path.write_bytes(body)
    try:
        read_file(path)
    except DataError as error:
        assert error.hint


def test_a_download_has_no_ending(tmp_path: Path) -> None:
    path = write(tmp_path, {"s": [["a", "b"], [1, "x"]]}).rename(tmp_path / "data")
    assert cells(read_table(inspect(path, "sales.xlsx"), "sales.xlsx"), "a") == ["1"]
