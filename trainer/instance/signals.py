"""Why a training should stop or save itself: notices of the cloud, wishes of the operator, the deadline.

Set from watching threads (`heart.py`, `watch.py`) and from SIGTERM; read by `worker.py` between two steps.

A halt is final. `desired: Run` after a `CheckpointAndStop` does not withdraw it, even when the training has not reached
the step's end at which it would act: the worker then still saves itself and ends (31), and its heartbeats say by
`controlGeneration` that it has read the newer wish. The operator launches another attempt, which resumes.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from trainer.clock import Clock
from trainer.errors import ExitCode


@dataclass(frozen=True)
class Halt:
    """The end of an attempt that is no failure. `checkpoint`: save first."""

    code: str
    message: str
    hint: str
    exit_code: ExitCode
    checkpoint: bool = True


INTERRUPTION = Halt(
    "SpotInterruption",
    "Amazon takes this Spot instance back.",
    "The job goes on from its checkpoint on another.",
    ExitCode.INTERRUPTED,
)
TERMINATED = Halt(
    "Terminated",
    "The worker was told to end (SIGTERM).",
    "The job goes on from its checkpoint on another instance.",
    ExitCode.INTERRUPTED,
)
CHECKPOINT_AND_STOP = Halt(
    "StopRequested", "The job was stopped on request; a checkpoint is kept.", "Resume it to go on.", ExitCode.STOPPED
)
STOP = Halt("StopRequested", "The job was stopped on request.", "Nothing to do.", ExitCode.STOPPED, checkpoint=False)
DEADLINE = Halt(
    "NotAfter",
    "The time the job was given is over; a checkpoint is kept.",
    "Give the job a later deadline or a smaller model.",
    ExitCode.STOPPED,
)

TOO_LATE = Halt(
    "NotAfter",
    "The time the job was given was over before its training could begin.",
    "Give the job a later deadline.",
    ExitCode.STOPPED,
    checkpoint=False,
)


class HaltError(Exception):
    """Leaves what is being done; carries why."""

    def __init__(self, halt: Halt) -> None:
        super().__init__(halt.code)
        self.halt = halt


class Signals:
    """The first halt wins, but a halt without a checkpoint beats one with."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._halt: Halt | None = None
        self._since = 0.0
        self._save = threading.Event()

    def halt(self, halt: Halt) -> None:
        """Asks for an end at the next step."""
        if self._halt is None:
            self._since = self._clock.monotonic()
            self._halt = halt
        elif self._halt.checkpoint and not halt.checkpoint:
            self._halt = halt

    def save(self) -> None:
        """Asks for a checkpoint at the next step, and to go on."""
        self._save.set()

    def halted(self) -> Halt | None:
        """Why to end, None while there is no reason to."""
        return self._halt

    def obey(self) -> None:
        """Raises HaltError when a halt was asked for."""
        if self._halt:
            raise HaltError(self._halt)

    def overdue(self, seconds: float) -> bool:
        """Whether a halt was asked for longer than `seconds` ago."""
        return self._halt is not None and self._clock.monotonic() - self._since > seconds

    def take_save(self) -> bool:
        """Whether a checkpoint was asked for since last time."""
        asked = self._save.is_set()
        self._save.clear()
        return asked
