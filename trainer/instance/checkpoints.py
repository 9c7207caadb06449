"""Writes checkpoints: the state under a name of its own, then the pointer, so that a reader never finds half a one."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from trainer.clock import Clock, iso
from trainer.instance.store import Store


class Checkpoints:
    """Under `checkpoints/` of the instance's prefix. `due`, asked between steps, says when it is time for the next: as
    soon as another step like the last could make more than `every_seconds` of work unsaved.

    `saved_step`: what need not be saved again, 0 before the first."""

    def __init__(self, store: Store, clock: Clock, every_seconds: float) -> None:
        self._store = store
        self._clock = clock
        self._every = every_seconds
        self._last = self._looked = clock.monotonic()
        self.saved_step = 0

    def due(self) -> bool:
        now = self._clock.monotonic()
        step, self._looked = now - self._looked, now
        return now - self._last + step > self._every

    def write(self, step: int, body: bytes) -> dict[str, Any]:
        """The checkpoint as heartbeat.json tells of it."""
        name = f"checkpoints/{step}.joblib"
        self._store.put(name, body)
        pointer = {"key": self._store.prefix + name, "step": step, "at": iso(self._clock.now()), "bytes": len(body)}
        digest = hashlib.sha256(body).hexdigest()
        self._store.put("checkpoints/latest.json", json.dumps({**pointer, "sha256": digest}).encode())
        self._last = self._looked = self._clock.monotonic()
        self.saved_step = step
        return pointer
