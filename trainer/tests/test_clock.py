"""Times are read as the operator writes them and written as it reads them."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone

import pytest

from trainer.clock import SystemClock, iso, parse_iso


@pytest.mark.parametrize(
    "text",
    ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000Z", "2026-01-31T12:00:00.000000000Z", "2026-01-31T14:00:00+02:00",
     "2026-01-31T12:00:00", "2026-01-31T14:00:00.000+02:00"],
)  # fmt: skip
def test_all_spellings_mean_the_same_moment(text: str) -> None:
    assert iso(parse_iso(text)) == "2026-01-31T12:00:00.000Z"


def test_the_system_clock_is_in_utc_and_waits() -> None:
    clock = SystemClock()
    assert abs(datetime.now(timezone.utc) - clock.now()) < timedelta(seconds=5)
    started = clock.monotonic()
    assert not clock.wait(threading.Event(), 0.01)
    assert clock.monotonic() > started
