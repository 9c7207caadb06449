"""The grammar of dates, against Python's own calendar, and how a column's order is found."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.features.dates import (
    DAY_MS,
    Order,
    all_plausible,
    days_of,
    guess_orders,
    part_of,
    read_dates,
)

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def moment(text: str, *orders: Order) -> float:
    return float(read_dates([text], orders or ("YMD",))[0])


def expected(when: datetime) -> float:
    return (when - EPOCH) // timedelta(milliseconds=1)


@given(
    st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)),
    st.sampled_from(["%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d"]),
    st.sampled_from(["T", " "]),
    st.integers(0, 9),
    st.integers(-23 * 60 - 59, 23 * 60 + 59),
    st.sampled_from(["", "Z", "+hh:mm", "+hhmm", " +hh:mm"]),
)
@settings(max_examples=150, deadline=None)
def test_every_date_of_the_calendar_is_read_as_python_means_it(
    when: datetime, form: str, separator: str, digits: int, offset: int, zone: str
) -> None:
    year = f"{when.year:04d}"  # strftime does not pad years everywhere
    text = when.strftime(form.replace("%Y", year)) + separator + when.strftime("%H:%M:%S")
    fraction = f"{when.microsecond:06d}000"[:digits]
    text += f".{fraction}" if digits else ""
    sign, minutes = "-" if offset < 0 else "+", abs(offset)
    text += zone.replace("+", sign).replace("hh", f"{minutes // 60:02d}").replace("mm", f"{minutes % 60:02d}")
    exact = when.replace(microsecond=int(fraction.ljust(6, "0")[:6] or 0), tzinfo=timezone.utc)
    shift = timedelta(minutes=offset if "hh" in zone else 0)
    assert moment(text) == expected(exact) - shift // timedelta(milliseconds=1)


@given(st.dates(), st.sampled_from("-/."), st.booleans())
@settings(max_examples=100, deadline=None)
def test_national_orders_are_read_with_and_without_zeros(date: datetime, mark: str, padded: bool) -> None:
    day, month = (f"{date.day:02d}", f"{date.month:02d}") if padded else (str(date.day), str(date.month))
    days = (datetime(date.year, date.month, date.day, tzinfo=timezone.utc) - EPOCH).days
    assert moment(f"{day}{mark}{month}{mark}{date.year:04d}", "DMY") == days * DAY_MS
    assert moment(f"{month}{mark}{day}{mark}{date.year:04d}", "MDY") == days * DAY_MS


@pytest.mark.parametrize(
    "text",
    [
        "2023-02-29", "1900-02-29", "2024-13-01", "2024-00-10", "2024-01-00", "0000-01-01", "2024-1-1-", "24-01-01",
        "2024-01/01", "2024-01-01T", "2024-01-01T24:00", "2024-01-01T10:60", "2024-01-01T10:00:60", "2024-01-01T10",
        "2024-01-01T10:00:00.", "2024-01-01T10:00:00.1234567890", "2024-01-01  10:00", "2024-01-01T10:00  Z",
        "2024-01-01T10:00+24:00", "2024-01-01T10:00+05:60", "2024-01-01Z", "2024-01-01T10:00z", "2024-01-01t10:00",
        "２024-01-01", "2024-01-01T10:00+5", "20240132", "2024011", "", "now", "2024-01-01T10:00:00.1+01:00x",
    ],
)  # fmt: skip
def test_what_is_no_date(text: str) -> None:
    assert np.isnan(moment(text))


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("1970-01-01", 0),
        ("1970-1-1 9:05", 9 * 3_600_000 + 5 * 60_000),
        ("1969-12-31T23:59:59.9999", -1),
        ("20240229T00:00+01", 19782 * DAY_MS - 3_600_000),
        ("2024-02-29 12:00:00 Z", 19782 * DAY_MS + 43_200_000),
    ],
)
def test_what_is_a_date(text: str, milliseconds: int) -> None:
    assert moment(text) == milliseconds


def test_the_first_order_in_which_the_day_exists_counts() -> None:
    texts = ["31/12/2020", "12/31/2020", "05/06/2020", "2020-01-02"]
    read = read_dates(texts, ("DMY", "MDY")) / DAY_MS
    assert read[:3].tolist() == [18627, 18627, 18418]
    assert np.isnan(read[3])


@given(st.integers(1, 9999), st.integers(0, 13), st.integers(0, 32))
@settings(max_examples=100, deadline=None)
def test_days_exist_as_in_the_calendar(year: int, month: int, day: int) -> None:
    days, exists = days_of(np.array([year]), np.array([month]), np.array([day]))
    try:
        there = datetime(year, month, day, tzinfo=timezone.utc)
    except ValueError:
        assert not exists[0]
    else:
        assert exists[0]
        assert days[0] == (there - EPOCH).days


@given(st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31)))
@settings(max_examples=100, deadline=None)
def test_parts_are_those_of_the_calendar(when: datetime) -> None:
    exact = when.replace(tzinfo=timezone.utc)
    at = np.array([expected(exact), np.nan])
    for part, value in (
        ("year", when.year),
        ("month", when.month),
        ("day", when.day),
        ("weekday", when.weekday()),
        ("hour", when.hour),
    ):
        told = part_of(at, part)  # type: ignore[arg-type]  # of a tuple
        assert told[0] == value
        assert np.isnan(told[1])
    since = exact - EPOCH
    milliseconds = since.seconds * 1000 + since.microseconds // 1000
    assert part_of(at, "elapsed")[0] == since.days + milliseconds / DAY_MS


@pytest.mark.parametrize(
    ("texts", "orders", "told"),
    [
        (["2024-05-31", "2023-01-02"], ("YMD",), ""),
        (["31.05.2024", "01.02.2023"], ("DMY",), ""),
        (["05/31/2024", "01/02/2023"], ("MDY",), ""),
        (["31/05/2024", "01/02/2023"], ("DMY",), ""),
        (["01.02.2024", "03.04.2024"], ("DMY",), ""),
        (["01/02/2024", "03/04/2024"], ("MDY",), "month before day"),
        (["01-02-2024", "03-04-2024"], ("DMY",), "day before month"),
        (["01/01/2024", "01/02/2024", "01/03/2024"], ("DMY",), ""),
        (["01/01/2024", "02/01/2024", "03/01/2024"], ("MDY",), ""),
        (["31/05/2024", "30/05/2024", "05/31/2024"], ("DMY", "MDY"), "where either is possible"),
        (["2024-05-31", "2024-05-30", "31.05.2024"], ("YMD", "DMY"), ""),
        (["31.05.2024", "30.05.2024", "2024-05-31"], ("DMY", "YMD"), ""),
    ],
)
def test_the_whole_column_tells_the_order(texts: list[str], orders: tuple[Order, ...], told: str) -> None:
    found = guess_orders(dict.fromkeys(texts, 1))
    assert found is not None
    assert found.orders == orders
    assert (told in found.doubt) if told else not found.doubt


def test_other_texts_are_no_dates() -> None:
    assert guess_orders({"A11": 5, "10-20-30-40": 2, "1.2.3": 1}) is None


def test_eight_digits_are_dates_only_where_all_are_plausible() -> None:
    dates = ["20240101", "20240229", "19991231", "20230630", "20240815"]
    for texts, plausible in (
        (dates, True),
        ([*dates, "20240230"], False),
        ([*dates, "30240101"], False),
        (dates[:4], False),
        ([], False),
    ):
        assert all_plausible(read_dates(texts, ["YMD"])) == plausible
