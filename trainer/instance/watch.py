"""Asks the metadata service every few seconds whether this Spot instance is about to be taken back."""

from __future__ import annotations

import threading
from collections.abc import Callable

from trainer.clock import Clock
from trainer.instance.metadata import Metadata
from trainer.instance.signals import INTERRUPTION, Signals

POLL_SECONDS = 5.0


class Watch:
    """A thread. A notice means checkpoint and end; a rebalance recommendation means checkpoint now and go on."""

    def __init__(self, metadata: Metadata, signals: Signals, clock: Clock, note: Callable[[str], None]) -> None:
        self._metadata = metadata
        self._signals = signals
        self._clock = clock
        self._note = note
        self._rebalance_seen = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()

    def look(self) -> None:
        """One look. A service that does not answer says nothing about the instance."""
        try:
            if self._metadata.spot_action() is not None:
                if self._signals.halted() is None:
                    self._note("Spot interruption notice received")
                self._signals.halt(INTERRUPTION)
            elif not self._rebalance_seen and self._metadata.rebalance_recommended():
                self._rebalance_seen = True
                self._note("Rebalance recommendation received: writing a checkpoint")
                self._signals.save()
        except OSError:
            return

    def _run(self) -> None:
        while True:
            self.look()
            if self._clock.wait(self._stopping, POLL_SECONDS):
                return
