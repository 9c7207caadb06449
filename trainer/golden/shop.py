"""A made-up shop whose table has every trap: golden vectors and benchmarks are made from it."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

ROWS = 240
TARGETS = {"price": "regression", "bought": "two classes", "grade": "three classes"}
"""Columns to predict, and what kind of task each is."""
NUMBERS = [
    "",
    " ",
    "NA",
    "abc",
    "1",
    "+1.5",
    "-.5",
    "5.",
    "1e3",
    "1E-3",
    "1e400",
    "-1e400",
    "1e-400",
    "0x10",
    "1_000",
    "１２",
    " 42 ",
    "\u00a07\ufeff",
    "inf",
    "nan",
    "-0",
    "1,5",
    "9007199254740993",
    "0.1",
    "1e200",
    "3.5e38",
    "16777217",
    "\t3\t",
    "1.234,5 kg",
    "kg 7",
    "-1,25kg",
    "12.34",
]
WORDS = [
    "",
    "?",
    "red",
    " red ",
    "Red",
    "green",
    "blue, dark",
    'say "hi"',
    "two\nlines",
    "unknown",
    "ÿ",
    "<b>{x}</b>",
    "null",
    "\u00a0green",
]
DATES = [
    "31.12.1999",
    "29.02.2023",
    "1.2.2024 7:05",
    "2024-02-29T23:30:00.9999+01:00",
    "20240101",
    "00.01.2024",
    "31/12/1999",
]
BOOLEANS = ["YES", "No", "ja", "maybe", "1", "0"]


def training_rows(seed: int = 7) -> dict[str, list[str]]:
    """A made-up shop: numbers on very different scales, words with every trap, missing cells, many categories."""
    random = np.random.default_rng(seed)
    colours = ["red", "green", "blue, dark", 'say "hi"', "two\nlines"]
    size = random.normal(100, 30, ROWS)
    stamp = random.integers(1_600_000_000_000, 1_700_000_000_000, ROWS)
    tiny = random.normal(0, 1e-9, ROWS)
    colour = random.integers(0, len(colours), ROWS)
    city = random.integers(0, 40, ROWS)
    minutes = random.integers(0, 5 * 365 * 24 * 60, ROWS)
    sold = [datetime(2019, 3, 1) + timedelta(minutes=int(value)) for value in minutes]
    member, weight = random.integers(0, 2, ROWS), random.lognormal(7, 1, ROWS)
    signal = (size - 100) / 30 + 0.7 * colour + tiny * 5e8 + (city % 3) + random.normal(0, 0.5, ROWS)
    signal += np.log(weight) / 2 - member + np.array([day.month for day in sold]) / 6 - 3.5
    grade = np.digitize(signal, np.quantile(signal, [0.4, 0.8]))
    rows = {
        "size": [f"{value:.3f}" for value in size],
        "stamp": [str(value) for value in stamp],
        "tiny": [repr(float(value)) for value in tiny],
        "colour <b>{0}</b>": [colours[index] for index in colour],
        "city": [f"city {index:02d}" for index in city],
        "sold": [f"{day:%d.%m.%Y %H:%M}" for day in sold],
        "member": [("Yes", "no")[int(index)] for index in member],
        "weight": [f"{value:,.2f} kg".translate(str.maketrans(",.", ".,")) for value in weight],
        "price": [f"{50 + 12 * value:.2f}" for value in signal],
        "bought": ["yes" if value > 1.5 else "no" for value in signal],
        "grade": [("low", "middle", "high, very")[index] for index in grade],
    }
    for name, every, text in (
        ("size", 11, ""),
        ("colour <b>{0}</b>", 13, "NA"),
        ("tiny", 90, "?"),
        ("sold", 17, ""),
        ("member", 19, "-"),
    ):
        rows[name] = [text if place % every == 3 else cell for place, cell in enumerate(rows[name])]
    return rows


def serving_rows(columns: dict[str, list[str]], seed: int = 8) -> dict[str, list[str]]:
    """Thirty rows as trained on, then rows that try every trap in every column."""
    random = np.random.default_rng(seed)
    rows: dict[str, list[str]] = {}
    for name, cells in columns.items():
        traps = [*NUMBERS, *WORDS, *DATES, *BOOLEANS]
        dirty = [str(trap) for trap in random.permutation(traps)] + [cells[i] for i in random.integers(0, ROWS, 20)]
        rows[name] = cells[:30] + dirty
    return rows


def write_csv(path: Path, columns: dict[str, list[str]]) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    path.write_text(out.getvalue(), encoding="utf-8", newline="")
