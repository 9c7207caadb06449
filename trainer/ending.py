"""How a job ends, whatever happened: the model's files, then `result.json`, once and last.

Either the job itself comes to an end, or the heart's thread ends it because a step takes too long. Who is next: the
operator copies `result/*` to the user's models.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainer.clock import Clock
from trainer.errors import ExitCode, translate
from trainer.export.manifest import as_json, describe_file
from trainer.instance.heart import Heart
from trainer.instance.logs import JobLog
from trainer.instance.signals import Halt, Signals
from trainer.instance.store import Store


@dataclass
class Ending:
    """What result.json will say."""

    outcome: str
    exit_code: ExitCode
    error: dict[str, str] | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    intervals: dict[str, list[float]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)


class Close:
    """Of one job."""

    def __init__(
        self, store: Store, clock: Clock, signals: Signals, log: JobLog, exit_now: Callable[[int], object]
    ) -> None:
        self._store = store
        self._clock = clock
        self._signals = signals
        self._log = log
        self._exit_now = exit_now
        self._started = clock.monotonic()
        self._lock = threading.Lock()
        self._ended = False

    def halted(self, halt: Halt) -> Ending:
        self._log.line(f"Ending: {halt.message}")
        outcome = "Interrupted" if halt.exit_code is ExitCode.INTERRUPTED else "Stopped"
        error = {"code": halt.code, "message": halt.message, "hint": halt.hint}
        return Ending(outcome, halt.exit_code, error)

    def failed(self, error: BaseException) -> Ending:
        known = translate(error)
        gc.collect()
        self._log.line(f"Failed: {known.code}: {known.message} {known.hint}")
        if known.code == "Internal":
            self._log.line("Raised " + _place(error))
        return Ending("Failed", known.exit_code, known.to_json())

    def end(self, ending: Ending, heart: Heart) -> ExitCode:
        """Uploads files and, last, the result. A failure to upload is a platform error with a result of its own."""
        with self._lock:
            if self._ended:
                return ending.exit_code
            self._ended = True
            if ending.files:
                heart.show(stage="Uploading", message="uploading the model")
            ending.files.setdefault("training.log", self._log.text())
            try:
                listed = self._upload(ending.files)
            except Exception as error:  # told in the result, which may yet be written
                ending, listed = self.failed(error), []
            heart.stop()
            return self._write_result(ending, listed)

    def _upload(self, files: dict[str, bytes]) -> list[dict[str, Any]]:
        for name, body in files.items():
            self._store.put(f"result/{name}", body)
        return [describe_file(name, body) for name, body in files.items()]

    def _write_result(self, ending: Ending, listed: list[dict[str, Any]]) -> ExitCode:
        result = {
            "version": 1,
            "outcome": ending.outcome,
            "exitCode": int(ending.exit_code),
            "error": ending.error,
            "files": listed,
            "metrics": ending.metrics,
            **({"intervals": ending.intervals} if ending.intervals else {}),
            "seconds": round(self._clock.monotonic() - self._started, 3),
        }
        try:
            self._store.put("result.json", as_json(result))
        except Exception as error:  # nothing is left to tell it to but the exit code
            self._log.line(f"The result could not be written: {translate(error).message}")
            return ExitCode.PLATFORM
        self._log.line(f"{ending.outcome} after {result['seconds']} s, exit code {int(ending.exit_code)}")
        return ending.exit_code

    def abandon(self) -> None:
        """On the heart's thread: the training did not reach the end of a step in time. The last checkpoint stands."""
        halt = self._signals.halted()
        if halt is None or not self._lock.acquire(blocking=False):
            return
        try:
            if self._ended:
                return
            self._ended = True
            self._log.line("The step in progress takes too long: ending without it")
            ending = self.halted(halt)
            code = self._write_result(ending, self._upload({"training.log": self._log.text()}))
        finally:
            self._lock.release()
        self._exit_now(int(code))


def _place(error: BaseException) -> str:
    """File and line where an unexpected exception was raised, without its text (it could hold data)."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    where = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "nowhere"
    return f"{type(error).__name__} at {where}"
