"""Makes the generated_ files of this folder.

generated_bakery.csv and .xlsx: three years of an invented bakery, the same table twice. The CSV is written as a German
spreadsheet writes one: semicolons, 31.12.2023, 1.234,50 €, ja and nein.
generated_applicants.csv: invented applicants for a loan, to be predicted: their columns are drawn from german_credit.csv
each by itself, and stand in another order, beside a name that no model knows. One row has lost a cell.

Run with the worker's Python: .venv/bin/python3 examples/generate.py
"""

from __future__ import annotations

import csv
import datetime as dt
import math
import random
from pathlib import Path

import openpyxl

FOLDER = Path(__file__).parent
FIRST = dt.date(2021, 1, 1)
DAYS = 3 * 365
SEED = 2021
COLUMNS = ("date", "weather", "temperature", "holiday", "advertised", "revenue")
WEATHER = {"sunny": 1.12, "cloudy": 1.0, "rain": 0.86, "snow": 0.75}
BY_WEEKDAY = (0.8, 0.82, 0.9, 0.95, 1.1, 1.45, 1.25)
WORDS = {True: "ja", False: "nein"}
APPLICANTS = 200
TORN = 120
NAMES = ("Ada", "Blaise", "Carl", "Dorothy", "Emmy", "Frank", "Grace")

Row = tuple[dt.date, str | None, float | None, bool, bool, float]


def row(number: int, drawn: random.Random) -> Row:
    day = FIRST + dt.timedelta(days=number)
    season = math.cos(2 * math.pi * (day.timetuple().tm_yday - 200) / 365)
    temperature = round(10 + 10 * season + drawn.gauss(0, 4), 1)
    weights = (4 + 3 * season, 5, 4, 2 if temperature < 2 else 0)
    weather = drawn.choices(list(WEATHER), weights)[0]
    holiday, advertised = drawn.random() < 0.03, drawn.random() < 0.15
    growth = 1 + 0.12 * number / 365
    revenue = 1600 * growth * BY_WEEKDAY[day.weekday()] * WEATHER[weather] * (1.2 if advertised else 1)
    revenue = round(revenue * (0.5 if holiday else 1) * drawn.gauss(1, 0.06), 2)
    return (
        day,
        None if drawn.random() < 0.02 else weather,
        None if drawn.random() < 0.04 else temperature,
        holiday,
        advertised,
        revenue,
    )


def german(value: float) -> str:
    return f"{value:,.2f}".translate(str.maketrans(",.", ".,"))


def applicants() -> None:
    drawn = random.Random(SEED)
    with (FOLDER / "german_credit.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    columns = {name: [row[at] for row in rows] for at, name in enumerate(header) if name != "class"}
    names = sorted(columns)
    with (FOLDER / "generated_applicants.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["applicant", *names])
        for number in range(1, APPLICANTS + 1):
            cells = [f"No. {number}, {drawn.choice(NAMES)}", *(drawn.choice(columns[name]) for name in names)]
            writer.writerow(cells[:-1] if number == TORN else cells)


def bakery() -> None:
    drawn = random.Random(SEED)
    rows = [row(number, drawn) for number in range(DAYS)]
    with (FOLDER / "generated_bakery.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";", lineterminator="\n")
        writer.writerow(COLUMNS)
        for day, weather, temperature, holiday, advertised, revenue in rows:
            degrees = "" if temperature is None else f"{temperature:.1f}".replace(".", ",")
            words = (WORDS[holiday], WORDS[advertised])
            writer.writerow([f"{day:%d.%m.%Y}", weather or "", degrees, *words, f"{german(revenue)} €"])
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Days"
    sheet.append(COLUMNS)
    for each in rows:
        sheet.append(each)
    book.save(FOLDER / "generated_bakery.xlsx")


if __name__ == "__main__":
    bakery()
    applicants()
