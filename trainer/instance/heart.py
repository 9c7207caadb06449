"""Tells the operator what the worker does (heartbeat.json) and hears what the operator wants (control.json).

A thread beats every `heartbeatSeconds`, and at once when the stage changes. It also keeps the deadline, and ends the
process when the training does not come to a step's end in time after it was told to halt. Every heartbeat that arrived
touches the alive file, by whose age the machine's dead-man switch (boot.sh) judges the worker.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from trainer.clock import Clock, iso
from trainer.instance.signals import CHECKPOINT_AND_STOP, DEADLINE, STOP, Signals
from trainer.instance.store import Store

HALT_GRACE_SECONDS = 60.0
"""Of the 120 s of a Spot notice and the 90 s the operator waits: from then on only leaving in order matters."""


@dataclass(frozen=True)
class Pulse:
    """What changes from beat to beat; see heartbeat.schema.json."""

    stage: str = "Starting"
    step: int = 0
    steps: int = 0
    eta_seconds: float | None = None
    loss: float | None = None
    metric: tuple[str, float] | None = None
    message: str = ""
    checkpoint: dict[str, Any] | None = None
    percent: float = 0.0


class Heart:
    """`show` from the training thread; everything else happens on the heart's own."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        signals: Signals,
        every: float,
        not_after: datetime,
        abandon: Callable[[], None],
        note: Callable[[str], None],
        alive_file: Path | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._signals = signals
        self._every = every
        self._not_after = not_after
        self._abandon = abandon
        self._note = note
        self._alive_file = alive_file
        self._pulse = Pulse()
        self._sequence = 0
        self._control_etag = ""
        self._generation = 0
        self._usage = Usage(clock)
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="heart", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Waits for a beat in progress, so that nothing is written after the result."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(10)

    def show(self, **changes: Any) -> None:
        """Changes the pulse. A new stage is told at once."""
        before = self._pulse.stage
        self._pulse = replace(self._pulse, **changes)
        if self._pulse.stage != before:
            self._wake.set()

    @property
    def pulse(self) -> Pulse:
        return self._pulse

    def beat(self) -> None:
        """One look at the operator's wishes, and one heartbeat. Failures are for the next beat to mend."""
        self._attempt("Reading control.json", self._hear)
        self._attempt("Heartbeat", self._tell)
        if self._clock.now() >= self._not_after:
            self._signals.halt(DEADLINE)
        if self._signals.overdue(HALT_GRACE_SECONDS):
            self._abandon()

    def _run(self) -> None:
        while not self._stopping:
            self.beat()
            self._clock.wait(self._wake, self._every)
            self._wake.clear()

    def _attempt(self, what: str, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception as error:  # a missed beat must not end a training
            self._note(f"{what} failed: {type(error).__name__}")

    def _tell(self) -> None:
        self._sequence += 1
        self._store.put("heartbeat.json", json.dumps(self._body(), allow_nan=False).encode())
        if self._alive_file:
            with contextlib.suppress(OSError):
                self._alive_file.touch()

    def _hear(self) -> None:
        found = self._store.get("control.json", unless=self._control_etag)
        if found is None:
            return
        self._control_etag = found.etag
        control = json.loads(found.body)
        self._generation = int(control["generation"])
        if control["desired"] == "CheckpointAndStop":
            self._signals.halt(CHECKPOINT_AND_STOP)
        elif control["desired"] == "Stop":
            self._signals.halt(STOP)

    def _body(self) -> dict[str, Any]:
        pulse = self._pulse
        memory, cpu = self._usage.measure()
        return {
            "version": 1,
            "sequence": self._sequence,
            "at": iso(self._clock.now()),
            "stage": pulse.stage,
            "step": pulse.step,
            "steps": pulse.steps,
            "percent": round(min(max(pulse.percent, 0.0), 100.0), 2),
            "etaSeconds": None if pulse.eta_seconds is None else round(pulse.eta_seconds, 1),
            "loss": pulse.loss if _finite(pulse.loss) else None,
            "metric": {"name": pulse.metric[0], "value": pulse.metric[1]}
            if pulse.metric and _finite(pulse.metric[1])
            else None,
            "message": pulse.message,
            "checkpoint": pulse.checkpoint,
            "memoryMiB": memory,
            "cpuPercent": cpu,
            "controlGeneration": self._generation,
        }


def _finite(value: float | None) -> bool:
    """JSON has no word for the others, and a heartbeat must not fail for a model that diverges."""
    return value is not None and math.isfinite(value)


class Usage:
    """Resident memory, and processor time since the last measurement (100: one processor)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._at = clock.monotonic()
        self._used = sum(os.times()[:4])

    def measure(self) -> tuple[float, float]:
        at, used = self._clock.monotonic(), sum(os.times()[:4])
        percent = 100 * (used - self._used) / (at - self._at) if at > self._at else 0.0
        self._at, self._used = at, used
        return round(resident_mib(), 1), round(max(percent, 0.0), 1)


def resident_mib() -> float:
    """0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
