"""Time as a value that tests can hold: nobody else in the worker calls `time` or `datetime.now`."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timezone
from typing import Protocol


class Clock(Protocol):
    """Wall time, monotonic seconds, and waiting."""

    def now(self) -> datetime:
        """Wall time in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Waits until `event` is set or `seconds` have passed; says whether it is set."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(timezone.utc)

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return event.wait(seconds)


def iso(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds, e.g. 2026-01-31T12:00:00.000Z."""
    return moment.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_iso(text: str) -> datetime:
    """RFC 3339 as the operator writes it; Python 3.10 reads neither `Z` nor nanoseconds by itself."""
    body, _, fraction = text.strip().upper().removesuffix("Z").partition(".")
    digits = fraction[: len(fraction) - len(fraction.lstrip("0123456789"))]
    moment = datetime.fromisoformat(body + ("." + digits[:6].ljust(6, "0") if digits else "") + fraction[len(digits) :])
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
