"""Writes checkpoints: the state under a name of its own, then the pointer, so that a reader never finds half a one.

How often is Young's rule, the root of twice what a checkpoint costs times the mean time between interruptions: then as
much time goes into checkpoints as interruptions waste (J. W. Young, Communications of the ACM 17 (1974), page 530).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from typing import Any

from trainer.clock import Clock, iso
from trainer.instance.store import Store

SHORTEST_SECONDS = 5.0
"""A cheap checkpoint every moment is still a request to pay for, and a heartbeat of another stage."""


class Checkpoints:
    """Under `checkpoints/` of the instance's prefix. `due`, asked between steps, says when it is time for the next: as
    soon as another step like the last could make more than the interval of work unsaved.

    `saved_step`: what need not be saved again, 0 before the first."""

    def __init__(self, store: Store, clock: Clock, at_most_seconds: float, interruptions_per_hour: float) -> None:
        self._store = store
        self._clock = clock
        self._at_most = at_most_seconds
        self._rate = interruptions_per_hour / 3600
        self._cost: float | None = None
        self._last = self._looked = clock.monotonic()
        self.saved_step = 0

    @property
    def every_seconds(self) -> float:
        """The most before the first checkpoint, whose cost nobody knows yet, and where nothing is interrupted."""
        if self._cost is None or self._rate <= 0:
            return self._at_most
        return min(max(math.sqrt(2 * self._cost / self._rate), SHORTEST_SECONDS), self._at_most)

    def due(self) -> bool:
        now = self._clock.monotonic()
        step, self._looked = now - self._looked, now
        return now - self._last + step > self.every_seconds

    def write(self, step: int, dump: Callable[[], bytes]) -> dict[str, Any]:
        """The checkpoint as heartbeat.json tells of it. Its cost: making the state's bytes and writing them."""
        began = self._clock.monotonic()
        body = dump()
        name = f"checkpoints/{step}.joblib"
        self._store.put(name, body)
        pointer = {"key": self._store.prefix + name, "step": step, "at": iso(self._clock.now()), "bytes": len(body)}
        digest = hashlib.sha256(body).hexdigest()
        self._store.put("checkpoints/latest.json", json.dumps({**pointer, "sha256": digest}).encode())
        self._last = self._looked = self._clock.monotonic()
        self._cost = self._last - began
        self.saved_step = step
        return pointer
