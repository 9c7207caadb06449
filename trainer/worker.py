"""The life of one job on one instance.

    find the ticket → download → read and pose the problem → train in steps → evaluate → export → upload → result.json

Between two steps the worker saves itself when it is time or when it was told to, and ends when it has to. Whatever
happens, `result.json` is the last object written, and the exit code says the same. Who is next: the operator copies
`result/*` to the user's models.
"""

from __future__ import annotations

import gc
import os
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainer import __version__
from trainer.clock import Clock
from trainer.errors import TRY_AGAIN, ExitCode, PlatformError, translate
from trainer.export.artefact import Artefact, as_json, describe_file, export
from trainer.instance.checkpoints import Checkpoints
from trainer.instance.download import download, fetch_bytes
from trainer.instance.heart import Heart
from trainer.instance.logs import JobLog, LogSink
from trainer.instance.metadata import Metadata
from trainer.instance.signals import Halt, Signals
from trainer.instance.store import Store
from trainer.instance.watch import Watch
from trainer.table.reading import read_table
from trainer.table.source import Source, inspect
from trainer.ticket import Ticket, parse_ticket
from trainer.training.course import Course, Outcome, Progress
from trainer.training.problem import Problem, pose

TICKET_WAIT_SECONDS = 300.0
TICKET_FIRST_PAUSE_SECONDS = 0.2
TICKET_LAST_PAUSE_SECONDS = 2.0


@dataclass
class Surroundings:
    """Everything a worker touches, so that tests can hold all of it."""

    store: Store
    metadata: Metadata
    clock: Clock
    sink_for: Callable[[str, str], LogSink]
    log: JobLog
    signals: Signals
    exit_now: Callable[[int], object] = os._exit


class HaltError(Exception):
    """Leaves the training; carries why."""

    def __init__(self, halt: Halt) -> None:
        super().__init__(halt.code)
        self.halt = halt


@dataclass
class Ending:
    """What result.json will say."""

    outcome: str
    exit_code: ExitCode
    error: dict[str, str] | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)


def work(around: Surroundings) -> ExitCode:
    """Does the job of this instance. Raises PlatformError only when there is none (no ticket in time)."""
    ticket = wait_for_ticket(around.store, around.clock)
    job = Job(around, ticket)
    return job.run()


def wait_for_ticket(store: Store, clock: Clock) -> Ticket:
    """Polls with growing pauses; gives up after TICKET_WAIT_SECONDS."""
    until = clock.monotonic() + TICKET_WAIT_SECONDS
    pause = TICKET_FIRST_PAUSE_SECONDS
    never = threading.Event()
    while True:
        found = store.get("ticket.json")
        if found:
            return parse_ticket(found.body)
        if clock.monotonic() + pause > until:
            raise PlatformError("NoTicket", "No job that it may read was given to this instance in time.", TRY_AGAIN)
        clock.wait(never, pause)
        pause = min(pause * 1.5, TICKET_LAST_PAUSE_SECONDS)


class Job:
    """One attempt at one ticket."""

    def __init__(self, around: Surroundings, ticket: Ticket) -> None:
        self._around = around
        self._ticket = ticket
        self._clock = around.clock
        self._log = around.log
        self._started = around.clock.monotonic()
        self._ending_lock = threading.Lock()
        self._ended = False
        self._checkpoints = Checkpoints(around.store, around.clock, ticket.checkpoint_seconds)
        self._heart = Heart(
            around.store,
            around.clock,
            around.signals,
            ticket.heartbeat_seconds,
            ticket.not_after,
            self._abandon,
            self._log.line,
        )
        self._watch = Watch(around.metadata, around.signals, around.clock, self._log.line)

    def run(self) -> ExitCode:
        """Never raises: every end becomes a result."""
        ticket = self._ticket
        self._log.ship_to(self._around.sink_for(ticket.log_group, ticket.log_stream))
        self._log.line(f"Spotlearn worker {__version__}: job {ticket.namespace}/{ticket.job}, attempt {ticket.attempt}")
        self._heart.start()
        self._watch.start()
        try:
            ending = self._learn()
        except HaltError as stop:
            ending = self._halted(stop.halt)
        except BaseException as error:  # whatever it is, the operator is told in our words
            ending = self._failed(error)
        self._watch.stop()
        code = self._end(ending)
        self._log.close()
        return code

    def _learn(self) -> Ending:
        with tempfile.TemporaryDirectory(prefix="spotlearn-") as folder:
            source, problem = self._prepare(Path(folder) / "data")
            course = self._course(problem, source)
            outcome = self._train(course)
            artefact = self._export(problem, outcome, source)
        return Ending("Succeeded", ExitCode.SUCCEEDED, None, artefact.metrics, artefact.files)

    def _prepare(self, path: Path) -> tuple[Source, Problem]:
        dataset = self._ticket.dataset
        self._heart.show(stage="Downloading", message=f"downloading {dataset.name}")
        self._log.line(f"Downloading {dataset.name}, {dataset.bytes:,} bytes")
        download(dataset, path, self._clock, self._downloaded)
        self._obey()
        self._heart.show(stage="Preparing", message=f"reading {dataset.name}")
        source = inspect(path, dataset.name)
        reading = read_table(source, dataset.name)
        self._log.line(f"Read {reading.table.rows:,} rows and {len(reading.table.columns)} columns ({source.encoding})")
        problem = pose(reading, self._ticket.training)
        for note in problem.notes:
            self._log.line(note)
        for column in problem.dropped:
            self._log.line(f"Column {column.name[:100]!r} is not used: {column.reason}")
        return source, problem

    def _downloaded(self, received: int) -> None:
        self._obey()
        self._heart.show(message=f"downloading, {received:,} of {self._ticket.dataset.bytes:,} bytes")

    def _course(self, problem: Problem, source: Source) -> Course:
        course = Course(problem, self._ticket.training, source.sha256)
        resume = self._ticket.resume
        if resume:
            try:
                checkpoint = fetch_bytes(resume.url, self._clock, "the checkpoint")
                restored = course.restore(checkpoint)
            except Exception as error:  # a lost checkpoint costs time, not the job
                self._log.line(f"The checkpoint could not be read ({translate(error).code})")
                restored = False
            self._log.line(f"Resuming from step {course.state.step}" if restored else "Training from the beginning")
        return course

    def _train(self, course: Course) -> Outcome:
        began, first = self._clock.monotonic(), course.state.step
        self._heart.show(
            stage="Training", message="training", step=first, steps=course.steps, percent=100 * first / course.steps
        )
        self._log.line(
            f"Training {self._ticket.training.model}: {len(course.plan.folds)} fold(s), {course.steps} steps"
        )
        while not course.done:
            self._save_or_halt(course)
            self._tell(course.advance(), self._clock.monotonic() - began, first)
        self._save_or_halt(course)
        self._heart.show(stage="Evaluating", message="measuring on rows held out", percent=100.0, eta_seconds=None)
        outcome = course.outcome()
        for name, value in outcome.metrics.items():
            self._log.line(f"Metric {name}: {value:.6g}")
        shown = "r2" if "r2" in outcome.metrics else "accuracy" if "accuracy" in outcome.metrics else None
        if shown:
            self._log.line(f"Model {shown.capitalize()} Score: {outcome.metrics[shown]:.4f}")
        return outcome

    def _tell(self, progress: Progress, seconds: float, first: int) -> None:
        """After a step: the log's and the heartbeat's figures."""
        done = progress.step - first
        eta = seconds / done * (progress.steps - progress.step) if done else None
        changes: dict[str, Any] = {}
        if progress.loss is not None:
            self._log.line(f"Epoch {progress.step}/{progress.steps}, Loss: {progress.loss:.6g}")
            changes["metric"] = (progress.loss_name, progress.loss)
        self._log.line(f"Training progress: {progress.percent:.0f}%")
        self._heart.show(
            step=progress.step,
            steps=progress.steps,
            percent=progress.percent,
            eta_seconds=eta,
            message=progress.message,
            **changes,
        )

    def _save_or_halt(self, course: Course) -> None:
        halt = self._around.signals.halted()
        asked = self._around.signals.take_save()
        wanted = halt.checkpoint if halt else asked or self._checkpoints.due()
        if wanted and course.state.step > self._checkpoints.saved_step:
            self._checkpoint(course)
        self._obey()

    def _checkpoint(self, course: Course) -> None:
        stage = self._heart.pulse.stage
        self._heart.show(stage="Checkpointing")
        pointer = self._checkpoints.write(course.state.step, course.dump())
        self._log.line(f"Checkpoint at step {pointer['step']}, {pointer['bytes']:,} bytes")
        self._heart.show(stage=stage, checkpoint=pointer)

    def _obey(self) -> None:
        """Leaves when a halt was asked for."""
        halt = self._around.signals.halted()
        if halt:
            raise HaltError(halt)

    def _export(self, problem: Problem, outcome: Outcome, source: Source) -> Artefact:
        self._heart.show(stage="Exporting", message="exporting the model")
        name = self._ticket.dataset.name
        gc.collect()
        artefact = export(
            problem, outcome, self._ticket.training, source, name, self._clock.now(), {"training.log": self._log.text()}
        )
        self._log.line(f"Model exported, {len(artefact.files['model.onnx']):,} bytes; equal to scikit-learn's")
        return artefact

    def _halted(self, halt: Halt) -> Ending:
        self._log.line(f"Ending: {halt.message}")
        outcome = "Interrupted" if halt.exit_code is ExitCode.INTERRUPTED else "Stopped"
        error = {"code": halt.code, "message": halt.message, "hint": halt.hint}
        return Ending(outcome, halt.exit_code, error)

    def _failed(self, error: BaseException) -> Ending:
        known = translate(error)
        gc.collect()
        self._log.line(f"Failed: {known.code}: {known.message} {known.hint}")
        if known.code == "Internal":
            self._log.line("Raised " + _place(error))
        return Ending("Failed", known.exit_code, known.to_json())

    def _end(self, ending: Ending) -> ExitCode:
        """Uploads files and, last, the result. A failure to upload is a platform error with a result of its own."""
        with self._ending_lock:
            if self._ended:
                return ending.exit_code
            self._ended = True
            if ending.files:
                self._heart.show(stage="Uploading", message="uploading the model")
            ending.files.setdefault("training.log", self._log.text())
            try:
                listed = self._upload(ending.files)
            except Exception as error:  # told in the result, which may yet be written
                ending, listed = self._failed(error), []
            self._heart.stop()
            return self._write_result(ending, listed)

    def _upload(self, files: dict[str, bytes]) -> list[dict[str, Any]]:
        for name, body in files.items():
            self._around.store.put(f"result/{name}", body)
        return [describe_file(name, body) for name, body in files.items()]

    def _write_result(self, ending: Ending, listed: list[dict[str, Any]]) -> ExitCode:
        result = {
            "version": 1,
            "outcome": ending.outcome,
            "exitCode": int(ending.exit_code),
            "error": ending.error,
            "files": listed,
            "metrics": ending.metrics,
            "seconds": round(self._clock.monotonic() - self._started, 3),
        }
        try:
            self._around.store.put("result.json", as_json(result))
        except Exception as error:  # nothing is left to tell it to but the exit code
            self._log.line(f"The result could not be written: {translate(error).message}")
            return ExitCode.PLATFORM
        self._log.line(f"{ending.outcome} after {result['seconds']} s, exit code {int(ending.exit_code)}")
        return ending.exit_code

    def _abandon(self) -> None:
        """On the heart's thread: the training did not reach the end of a step in time. The last checkpoint stands."""
        halt = self._around.signals.halted()
        if halt is None or not self._ending_lock.acquire(blocking=False):
            return
        try:
            if self._ended:
                return
            self._ended = True
            self._log.line("The step in progress takes too long: ending without it")
            ending = self._halted(halt)
            code = self._write_result(ending, self._upload({"training.log": self._log.text()}))
        finally:
            self._ending_lock.release()
        self._around.exit_now(int(code))


def _place(error: BaseException) -> str:
    """File and line where an unexpected exception was raised, without its text (it could hold data)."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    where = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "nowhere"
    return f"{type(error).__name__} at {where}"
