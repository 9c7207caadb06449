"""The job's log: kept whole for training.log, printed on the console, and shipped in batches to CloudWatch Logs.

A log service that fails never fails a training: lines are then only kept.
"""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
from collections.abc import Callable
from typing import Any, Protocol

from trainer.clock import Clock, iso

FLUSH_SECONDS = 1.0
BATCH_EVENTS = 1000
LINE_MAX_LETTERS = 8000
PENDING_MAX = 20_000
Event = tuple[int, str]


class LogSink(Protocol):
    """Where batches of (milliseconds since 1970, line) go."""

    def send(self, events: list[Event]) -> None:
        """May raise anything."""
        ...


class CloudWatchSink:
    """One log stream; makes the stream when it writes first."""

    def __init__(self, client: Any, group: str, stream: str) -> None:
        self._client = client
        self._names = {"logGroupName": group, "logStreamName": stream}
        self._created = False

    def send(self, events: list[Event]) -> None:
        if not self._created:
            with contextlib.suppress(self._client.exceptions.ResourceAlreadyExistsException):
                self._client.create_log_stream(**self._names)
            self._created = True
        lines = [{"timestamp": moment, "message": line} for moment, line in events]
        self._client.put_log_events(**self._names, logEvents=lines)


class JobLog:
    """`line` from any thread; `close` sends what is left."""

    def __init__(self, clock: Clock, write: Callable[[str], object] = sys.stdout.write) -> None:
        self._clock = clock
        self._write = write
        self._kept: list[str] = []
        self._pending: queue.Queue[Event] = queue.Queue(PENDING_MAX)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._failures = 0

    def line(self, text: str) -> None:
        """One line; line breaks in it are folded."""
        now = self._clock.now()
        folded = " ".join(text.splitlines())[:LINE_MAX_LETTERS]
        self._kept.append(f"{iso(now)} {folded}")
        self._write(folded + "\n")
        try:
            self._pending.put_nowait((int(now.timestamp() * 1000), folded))
        except queue.Full:
            self._failures += 1

    def text(self) -> bytes:
        """All lines so far, with their times."""
        return ("\n".join(self._kept) + "\n").encode()

    def ship_to(self, sink: LogSink) -> None:
        """Starts shipping; lines from before are sent too."""
        self._thread = threading.Thread(target=self._ship, args=(sink,), name="logs", daemon=True)
        self._thread.start()

    def close(self, seconds: float = 10.0) -> None:
        """Sends what is left, for `seconds` at most."""
        self._stopping.set()
        if self._thread:
            self._thread.join(seconds)

    def _ship(self, sink: LogSink) -> None:
        while True:
            stopping = self._clock.wait(self._stopping, FLUSH_SECONDS)
            while events := self._batch():
                try:
                    sink.send(events)
                except Exception as error:  # see the head of this file
                    self._failures += 1
                    if self._failures == 1:
                        self._kept.append(f"(lines could not be shipped: {type(error).__name__})")
                    break
            if stopping:
                return

    def _batch(self) -> list[Event]:
        events: list[Event] = []
        while len(events) < BATCH_EVENTS:
            try:
                events.append(self._pending.get_nowait())
            except queue.Empty:
                break
        return sorted(events, key=lambda event: event[0])
