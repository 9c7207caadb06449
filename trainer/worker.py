"""The life of one job on one instance.

    find the ticket → download → read and pose the problem → train in steps → evaluate → export → upload → result.json

Between two steps the worker saves itself when it is time or when it was told to, and ends when it has to. Next:
`ending.py`, whatever happens.
"""

from __future__ import annotations

import gc
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from trainer import __version__
from trainer.clock import Clock
from trainer.ending import Close, Ending
from trainer.errors import DataError, ExitCode, translate
from trainer.export.artefact import Artefact, export
from trainer.families import FAMILIES
from trainer.instance.checkpoints import Checkpoints
from trainer.instance.download import download, fetch_checkpoint
from trainer.instance.heart import Heart
from trainer.instance.logs import JobLog, LogSink
from trainer.instance.metadata import Metadata
from trainer.instance.packs import EXPORT, Packs
from trainer.instance.signals import TOO_LATE, HaltError, Signals
from trainer.instance.store import Store
from trainer.instance.tickets import Tickets, TicketSource
from trainer.instance.watch import Watch
from trainer.table.formats import format_of
from trainer.table.memory import require_memory
from trainer.table.reading import read_table
from trainer.table.source import Source, inspect
from trainer.ticket import Ticket
from trainer.training import lines
from trainer.training.course import Course, Outcome, Progress
from trainer.training.problem import Problem, pose


@dataclass
class Surroundings:
    """Everything a worker touches, so that tests can hold all of it.

    `metadata`: None in a pod, which nobody gives notice to. `alive_file`: see `heart.py`.
    """

    store: Store
    tickets: TicketSource
    metadata: Metadata | None
    clock: Clock
    sink_for: Callable[[str, str], LogSink]
    log: JobLog
    signals: Signals
    exit_now: Callable[[int], object] = os._exit
    alive_file: Path | None = None
    packs: Packs = field(default_factory=Packs)


def work(around: Surroundings) -> ExitCode:
    """Does the job of this instance. Raises PlatformError only when there is none (no ticket in time)."""
    tickets = Tickets(around.tickets, around.clock, around.signals)
    try:
        ticket = tickets.first()
    except HaltError as stop:
        around.log.line(f"Ending without a job: {stop.halt.message}")
        return stop.halt.exit_code
    return Job(around, ticket, tickets).run()


class Job:
    """One attempt at one ticket."""

    def __init__(self, around: Surroundings, ticket: Ticket, tickets: Tickets) -> None:
        self._around = around
        self._ticket = ticket
        self._tickets = tickets
        self._clock = around.clock
        self._log = around.log
        self._started = around.clock.monotonic()
        self._close = Close(around.store, around.clock, around.signals, around.log, around.exit_now)
        self._checkpoints = Checkpoints(
            around.store, around.clock, ticket.checkpoint_seconds, ticket.interruptions_per_hour
        )
        self._heart = Heart(
            around.store,
            around.clock,
            around.signals,
            ticket.heartbeat_seconds,
            ticket.not_after,
            self._close.abandon,
            self._log.line,
            around.alive_file,
        )
        watched = around.metadata
        self._watch = Watch(watched, around.signals, around.clock, self._log.line) if watched else None

    def run(self) -> ExitCode:
        """Never raises: every end becomes a result."""
        ticket = self._ticket
        self._log.ship_to(self._around.sink_for(ticket.log_group, ticket.log_stream))
        self._log.line(f"Spotlearn worker {__version__}: job {ticket.namespace}/{ticket.job}, attempt {ticket.attempt}")
        if self._clock.now() >= ticket.not_after:
            self._around.signals.halt(TOO_LATE)
        self._heart.start()
        if self._watch:
            self._watch.start()
        try:
            ending = self._learn()
        except HaltError as stop:
            ending = self._close.halted(stop.halt)
        except BaseException as error:  # whatever it is, the operator is told in our words
            ending = self._close.failed(error)
        if self._watch:
            self._watch.stop()
        code = self._close.end(ending, self._heart)
        self._log.close()
        return code

    def _learn(self) -> Ending:
        self._around.signals.obey()
        with tempfile.TemporaryDirectory(prefix="spotlearn-") as folder:
            source, problem = self._prepare(Path(folder) / "data")
            course = self._course(problem, source)
            outcome = self._train(course)
            artefact = self._export(problem, outcome, source)
        return Ending("Succeeded", ExitCode.SUCCEEDED, None, artefact.metrics, artefact.intervals, artefact.files)

    def _prepare(self, path: Path) -> tuple[Source, Problem]:
        dataset = self._ticket.dataset
        self._heart.show(stage="Downloading", message=f"downloading {dataset.name}")
        self._log.line(f"Downloading {dataset.name}, {dataset.bytes:,} bytes")
        self._tickets.use(
            lambda newest: download(replace(dataset, url=newest.dataset.url), path, self._clock, self._downloaded),
            self._waiting,
        )
        self._around.signals.obey()
        self._heart.show(stage="Preparing", message=f"reading {dataset.name}")
        if format_of(path, dataset.name) == "parquet":
            self._around.packs.need("pyarrow")
        source = inspect(path, dataset.name)
        require_memory(source, dataset.name, self._ticket.training.model)
        reading = read_table(source, dataset.name)
        self._log.line(f"Read {reading.table.rows:,} rows and {len(reading.table.columns)} columns ({source.encoding})")
        problem = pose(reading, self._ticket.training)
        for note in problem.notes:
            self._log.line(note)
        for column in problem.dropped:
            self._log.line(f"Column {column.name[:100]!r} is not used: {column.reason}")
        return source, problem

    def _waiting(self, message: str) -> None:
        self._log.line(message)
        self._heart.show(message=message)

    def _downloaded(self, received: int) -> None:
        self._around.signals.obey()
        self._heart.show(message=f"downloading, {received:,} of {self._ticket.dataset.bytes:,} bytes")

    def _course(self, problem: Problem, source: Source) -> Course:
        family = FAMILIES.get(self._ticket.training.model)  # auto chooses among scikit-learn's
        if family:
            self._around.packs.need(family.library)
        course = Course(problem, self._ticket.training, source.sha256, self._seconds_left)
        if self._ticket.resume:
            restored = self._restore(course)
            self._log.line(f"Resuming from step {course.state.step}" if restored else "Training from the beginning")
        return course

    def _seconds_left(self) -> float:
        return (self._ticket.not_after - self._clock.now()).total_seconds()

    def _restore(self, course: Course) -> bool:
        """A lost or damaged checkpoint costs time, not the job. One that cannot be reached now is another attempt's."""

        def fetch(newest: Ticket) -> bytes | None:
            return fetch_checkpoint(newest.resume, self._clock) if newest.resume else None

        try:
            checkpoint = self._tickets.use(fetch, self._waiting)
        except DataError as error:
            self._log.line(f"{error.code}: {error.message}")
            return False
        return checkpoint is not None and course.restore(checkpoint)

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
            progress = course.advance()
            if progress.step == first + 1:
                self._log.line(f"First step done {self._clock.monotonic() - self._started:.1f} s after the ticket")
                self._around.packs.prepare(*EXPORT)
            self._tell(progress, self._clock.monotonic() - began, first)
        self._save_or_halt(course)
        self._heart.show(stage="Evaluating", message="measuring on rows held out", percent=100.0, eta_seconds=None)
        outcome = course.outcome()
        for name, value in outcome.metrics.items():
            self._log.line(f"Metric {name}: {value:.6g}")
        score = lines.score(outcome.metrics)
        if score:
            self._log.line(lines.model_score(*score))
            self._heart.show(metric=score)
        return outcome

    def _tell(self, progress: Progress, seconds: float, first: int) -> None:
        """After a step: the log's and the heartbeat's figures."""
        done = progress.step - first
        eta = seconds / done * (progress.steps - progress.step) if done else None
        changes: dict[str, Any] = {}
        if progress.loss is not None:
            epoch = lines.epoch(progress.step, progress.steps, progress.loss)
            if epoch:
                self._log.line(epoch)
            changes.update(loss=progress.loss, metric=(progress.loss_name, progress.loss))
        self._log.line(lines.progress(progress.percent))
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
        asked, due = self._around.signals.take_save(), self._checkpoints.due()
        wanted = halt.checkpoint if halt else asked or due
        if wanted and course.state.step > self._checkpoints.saved_step:
            self._checkpoint(course)
        self._around.signals.obey()

    def _checkpoint(self, course: Course) -> None:
        stage = self._heart.pulse.stage
        self._heart.show(stage="Checkpointing")
        try:
            pointer = self._checkpoints.write(course.state.step, course.dump)
        except Exception as error:  # the one before stands, and the next step's end tries again
            self._log.line(f"No checkpoint at step {course.state.step}: {translate(error).message}")
            self._heart.show(stage=stage)
            return
        self._log.line(f"Checkpoint at step {pointer['step']}, {pointer['bytes']:,} bytes")
        self._heart.show(stage=stage, checkpoint=pointer)

    def _export(self, problem: Problem, outcome: Outcome, source: Source) -> Artefact:
        self._heart.show(stage="Exporting", message="exporting the model")
        name = self._ticket.dataset.name
        gc.collect()
        for module in EXPORT:
            self._around.packs.need(module)
        artefact = export(
            problem, outcome, self._ticket.training, source, name, self._clock.now(), {"training.log": self._log.text()}
        )
        self._log.line(f"Model exported, {len(artefact.files['model.onnx']):,} bytes; equal to scikit-learn's")
        return artefact
