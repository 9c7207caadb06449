"""A worker's surroundings in memory: a clock that does not wait, a store, a metadata service, a log."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from trainer.instance.logs import Event, JobLog, LogSink
from trainer.instance.signals import Signals
from trainer.instance.store import Found
from trainer.instance.tickets import StoredTicket
from trainer.tests.shop import NOW
from trainer.worker import Surroundings

PREFIX = "instances/role:i-1/"


class HeldClock:
    """Waiting moves the time on; threads yield for a moment so that they do not spin. `then` happens at its second."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.waits: list[float] = []
        self.then: dict[float, Callable[[], object]] = {}

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def wait(self, event: threading.Event, seconds: float) -> bool:
        if threading.current_thread() is threading.main_thread():
            self.waits.append(seconds)
            self.seconds += seconds
            for moment in [moment for moment in self.then if moment <= self.seconds]:
                self.then.pop(moment)()
            return event.is_set()
        return event.wait(0.01)


class MemoryStore:
    """Objects in a dict, and the order they were written in."""

    prefix = PREFIX

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.order: list[str] = []
        self.refuse: set[str] = set()
        self.heartbeats: list[dict[str, Any]] = []

    def get(self, key: str, unless: str = "") -> Found | None:
        body = self.objects.get(key)
        if body is None:
            return None
        version = hashlib.sha256(body).hexdigest()
        return None if version == unless else Found(body, version)

    def put(self, key: str, body: bytes) -> None:
        if key in self.refuse:
            raise ConnectionError("secret-url")
        self.objects[key] = body
        self.order.append(key)
        if key == "heartbeat.json":
            self.heartbeats.append(json.loads(body))

    def json(self, key: str) -> Any:
        return json.loads(self.objects[key])


class HeldMetadata:
    """Answers what the test sets; raises when told to."""

    def __init__(self) -> None:
        self.action: str | None = None
        self.rebalance = False
        self.silent = False

    def instance_id(self) -> str:
        return "i-1"

    def spot_action(self) -> str | None:
        if self.silent:
            raise TimeoutError
        return self.action

    def rebalance_recommended(self) -> bool:
        return self.rebalance


class KeptSink(LogSink):
    """Keeps lines; fails as often as told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.failures = 0

    def send(self, events: list[Event]) -> None:
        if self.failures:
            self.failures -= 1
            raise ConnectionError
        self.lines += [line for _, line in events]


class Held(Surroundings):
    """Surroundings with the parts at hand."""

    def __init__(self) -> None:
        self.clock: HeldClock = HeldClock()
        self.memory = MemoryStore()
        self.notices = HeldMetadata()
        self.sink = KeptSink()
        self.exits: list[int] = []
        super().__init__(
            store=self.memory,
            tickets=StoredTicket(self.memory),
            metadata=self.notices,
            clock=self.clock,
            sink_for=lambda _group, _stream: self.sink,
            log=JobLog(self.clock, len),
            signals=Signals(self.clock),
            exit_now=self.exits.append,
        )


def eventually(condition: Any, seconds: float = 5.0) -> None:
    """Waits for another thread, for as short as possible."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.005)
