"""The whole training as a sequence of steps that can be cut anywhere: fits on folds, choice of a family, the final fit.

    for each fold:  [search, step by step]  fit step by step  predict the fold's test rows
    then:           [search, step by step]  fit step by step on all rows (when the plan says refit)

Going on from a checkpoint (`state.py`) gives the same model as never having stopped. Next: `export/` turns the outcome
into files.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer.errors import UserError
from trainer.evaluation.importance import Shuffled, shuffled
from trainer.families import AUTO
from trainer.families.family import STEPS_MAX
from trainer.table.cells import Floats
from trainer.table.columns import Indices
from trainer.ticket import Request
from trainer.training import metrics
from trainer.training.fitting import Encoded, Fit, Member, begin
from trainer.training.leaderboard import Choice
from trainer.training.problem import Problem
from trainer.training.search import Search, search_for
from trainer.training.split import Plan, plan
from trainer.training.state import Point, State, dump, fingerprint, load
from trainer.training.weights import MEMBERS_MAX

LOSS_ROWS = 1000
EXPORT_SECONDS = 60.0
SLOWNESS = 3.0
"""So many times the seconds of the cost model a fit may take on a slow machine."""


@dataclass(frozen=True)
class Progress:
    """After a step. `loss` is null while candidates are compared."""

    step: int
    steps: int
    message: str
    loss: float | None
    loss_name: str

    @property
    def percent(self) -> float:
        return 100 * self.step / max(self.steps, 1)


@dataclass(frozen=True)
class Outcome:
    """A finished training. `told`: out-of-sample predictions for `truth`; `test_rows` their rows; `labels` the classes
    they mean by the threshold of their own fold (None for regression)."""

    fit: Fit
    choice: Choice
    plan: Plan
    truth: NDArray[Any]
    told: Floats
    labels: NDArray[np.int64] | None
    test_rows: Indices
    metrics: dict[str, float]
    curve: list[Point]
    shuffled: list[Shuffled]

    @property
    def threshold(self) -> float | None:
        return self.choice.threshold


class Course:
    """Steps through a training."""

    def __init__(
        self,
        problem: Problem,
        request: Request,
        data_sha256: str,
        seconds_left: Callable[[], float] | None = None,
    ) -> None:
        """`seconds_left`: by the clock, till the job has to be over; a search that would take longer is ended."""
        self._problem = problem
        self._request = request
        self._seconds_left = seconds_left
        self._classes = len(problem.classes or ())
        searching = request.model == AUTO
        self.plan = plan(problem.y, self._classes, problem.separator, request.seed, searching=searching)
        if request.model == AUTO and request.hyperparameters:
            raise UserError(
                "AutoHasNoHyperparameters",
                "auto chooses model and hyperparameters by itself.",
                "Leave the hyperparameters out, or name a model.",
            )
        self._first = self._search_for(0)  # refuses what cannot be, before anything starts
        self._search_steps = self._first.remaining if isinstance(self._first, Search) else 0
        self.state = State(fingerprint(request, data_sha256))
        self._sampled: tuple[Fit, Encoded] | None = None
        """The fit at work, and what its members see of the rows that its loss is told on: encoded once a fit."""

    @property
    def done(self) -> bool:
        return self.state.number == self._fits

    @property
    def _fits(self) -> int:
        return len(self.plan.folds) + (1 if self.plan.refit else 0)

    @property
    def steps(self) -> int:
        """All steps; an estimate from above while choices are to be made."""
        state = self.state
        at_work = state.fit.done_steps if state.fit and not self.done else 0
        to_come = range(state.number, self._fits)
        return state.step - at_work + sum(self._steps_to_search(number) + self._fit_steps(number) for number in to_come)

    def _searches(self, number: int) -> bool:
        """Each fold chooses for itself; the final fit once more after folds, but takes the choice of a hold-out."""
        return isinstance(self._first, Search) and (number < len(self.plan.folds) or len(self.plan.folds) > 1)

    def _search_for(self, number: int) -> Search | Choice:
        """A fair share of the time for each of the searches."""
        folds = len(self.plan.folds)
        seconds = self._request.search_seconds / (folds + 1 if folds > 1 else 1)
        return search_for(self._problem, self._request, self._rows(number), seconds)

    def _steps_to_search(self, number: int) -> int:
        if self._choice(number) or not self._searches(number):
            return 0
        search = self.state.search if number == self.state.number else None
        return search.remaining if search else self._search_steps

    def _fit_steps(self, number: int) -> int:
        choice = self._choice(number)
        if choice:
            return sum(ingredient.steps for ingredient in choice.ingredients)
        if isinstance(self._first, Search) and not self._first.auto:
            return self._first.contenders[0].ingredient.steps
        return MEMBERS_MAX * STEPS_MAX

    def _choice(self, number: int) -> Choice | None:
        """Of a fit, None while it is not made."""
        if isinstance(self._first, Choice):
            return self._first
        choices = self.state.choices
        if number < len(choices):
            return choices[number]
        return choices[-1] if choices and not self._searches(number) else None

    def _rows(self, number: int) -> Indices:
        if number < len(self.plan.folds):
            return self.plan.folds[number][0]
        return np.arange(len(self._problem.y))

    def advance(self) -> Progress:
        """One step, at most a twentieth of a fit."""
        state = self.state
        rows = self._rows(state.number)
        where = self._where()
        choice = self._choice(state.number)
        if choice is None:
            return self._search(rows, where)
        if state.fit is None:
            state.fit = begin(self._problem, choice.ingredients, rows, self._request.seed)
        fit = state.fit
        member = fit.advance(self._problem, rows)
        state.step += 1
        loss = self._loss(fit, member, rows)
        if state.number == 0:
            name = member.ingredient.family_name
            state.curve.append(Point(fit.members.index(member), name, member.step, loss))
        if fit.done:
            self._finish(fit)
        return self._progress(f"{member.family.title}, {where}", loss)

    def _search(self, rows: Indices, where: str) -> Progress:
        """Judges the next candidate; after the last one the choice is made."""
        state = self.state
        if state.search is None:
            found = self._first if state.number == 0 else self._search_for(state.number)
            assert isinstance(found, Search)
            state.search = found
        message = "ending the comparison: time is short"
        if self._short_of_time(state.search):
            state.search.stop()
        else:
            message = state.search.advance(self._problem)
        state.step += 1
        if state.search.done:
            state.choices.append(state.search.choice(self._problem))
            state.search = None
        return self._progress(f"{message}, {where}", None)

    def _short_of_time(self, search: Search) -> bool:
        """Whether what is left is needed for the fits to come, taken for slow, and for the export."""
        if self._seconds_left is None or not search.auto or not search.judged:
            return False
        fits = self._fits - self.state.number
        return self._seconds_left() < EXPORT_SECONDS + SLOWNESS * fits * search.fit_seconds(MEMBERS_MAX)

    def _finish(self, fit: Fit) -> None:
        state = self.state
        if state.number < len(self.plan.folds):
            test = self.plan.folds[state.number][1]
            state.predicted.append(fit.predict(self._problem, self._problem.table.take(test)))
            state.shuffled.append(shuffled(fit, self._problem, test, len(self.plan.folds), self._request.seed))
        state.number += 1
        if not self.done:
            state.fit = None

    def _where(self) -> str:
        number, count = self.state.number, len(self.plan.folds)
        if number >= count:
            return "final model on all rows"
        return f"fold {number + 1} of {count}" if count > 1 else "training rows"

    def _progress(self, message: str, loss: float | None) -> Progress:
        name = "log_loss" if self._classes else "root_mean_squared_error"
        return Progress(self.state.step, max(self.steps, self.state.step), message, loss, name)

    def _loss(self, fit: Fit, member: Member, rows: Indices) -> float:
        """On a sample of the rows held out of the fit, or of its own when there are none."""
        number = self.state.number
        sample = (self.plan.folds[number][1] if number < len(self.plan.folds) else rows)[:LOSS_ROWS]
        if self._sampled is None or self._sampled[0] is not fit:
            self._sampled = (fit, fit.encoded(self._problem.table.take(sample)))
        told = fit.predict_member(member, self._sampled[1], self._classes)
        return metrics.loss(self._problem.y[sample], told, self._classes)

    def dump(self) -> bytes:
        """The state as a checkpoint."""
        return dump(self.state)

    def restore(self, checkpoint: bytes) -> bool:
        """Goes on from a checkpoint. False, and nothing changes: damaged, or of other data, request or versions."""
        state = load(checkpoint, self.state.fingerprint)
        self.state = state or self.state
        return state is not None

    def outcome(self) -> Outcome:
        """Only when done."""
        state, problem, folds = self.state, self._problem, self.plan.folds
        choice = self._choice(self._fits - 1)
        assert self.done and state.fit is not None and choice is not None
        test_rows = np.concatenate([test for _, test in folds])
        told, truth = np.concatenate(state.predicted), problem.y[test_rows]
        labels = self._labels() if self._classes else None
        measured = self._measure(truth, told, labels)
        return Outcome(
            state.fit, choice, self.plan, truth, told, labels, test_rows, measured, state.curve, state.shuffled
        )

    def _labels(self) -> NDArray[np.int64]:
        """The classes predicted out of sample, fold after fold."""
        thresholds = [choice.threshold for number in range(len(self.plan.folds)) if (choice := self._choice(number))]
        return np.concatenate(
            [metrics.labels(told, line) for told, line in zip(self.state.predicted, thresholds, strict=True)]
        )

    def _measure(self, truth: NDArray[Any], told: Floats, labels: NDArray[np.int64] | None) -> dict[str, float]:
        """The model's metrics, then those of the trivial model with the prefix baseline_."""
        trivial = np.concatenate(
            [metrics.trivial(self._problem.y[train], len(test), self._classes) for train, test in self.plan.folds]
        )
        if labels is not None:
            measured = metrics.classification(truth, told, labels)
        else:
            measured = metrics.regression(truth, told)
        baseline = metrics.baseline(truth, trivial, self._classes)
        return measured | {f"baseline_{name}": value for name, value in baseline.items()}
