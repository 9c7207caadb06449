"""The whole training as a sequence of steps that can be cut anywhere: fits on folds, choice of a family, the final fit.

    for each fold:  [auto: compare candidates]  fit step by step  predict the fold's test rows
    then:           [auto: compare candidates]  fit step by step on all rows (when the plan says refit)

`State` is everything a checkpoint holds: with the same data and request, going on from it gives the same model as never
having stopped. Next: `export/` turns the outcome into files.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainer import __version__
from trainer.errors import UserError
from trainer.families import AUTO, FAMILIES, family_for
from trainer.families.hyperparameters import Value, choose
from trainer.table.columns import Floats, Indices
from trainer.ticket import Request
from trainer.training import metrics, selection
from trainer.training.fitting import Fit, begin
from trainer.training.problem import Problem
from trainer.training.split import Plan, plan

LOSS_ROWS = 1000
DIGEST_BYTES = 32
AUTO_STEPS = 20
"""How many steps the fit that `auto` has yet to choose is taken for."""


@dataclass
class State:
    """What a checkpoint holds; `fingerprint` says of which training."""

    fingerprint: str
    step: int = 0
    number: int = 0
    """Of the fit in progress; the folds come first."""
    scores: dict[str, float] = field(default_factory=dict)
    choices: list[str] = field(default_factory=list)
    leaderboards: list[dict[str, float]] = field(default_factory=list)
    fit: Fit | None = None
    predicted: list[Floats] = field(default_factory=list)


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
    """A finished training. `told`: out-of-sample predictions for `truth`; `test_rows` their rows."""

    fit: Fit
    plan: Plan
    truth: NDArray[Any]
    told: Floats
    test_rows: Indices
    metrics: dict[str, float]
    leaderboard: dict[str, float]
    threshold: float | None


class Course:
    """Steps through a training."""

    def __init__(self, problem: Problem, request: Request, data_sha256: str) -> None:
        self._problem = problem
        self._request = request
        self._classes = len(problem.classes or ())
        self.plan = plan(request.split, problem.y, self._classes, problem.split_column, request.seed)
        self._auto = request.model == AUTO
        self._chosen: Mapping[str, Value] = self._hyperparameters()
        self.state = State(_fingerprint(request, data_sha256))

    def _hyperparameters(self) -> Mapping[str, Value]:
        if not self._auto:
            family = family_for(self._request.model, self._problem.task)
            return choose(family.name, family.hyperparameters, self._request.hyperparameters)
        if self._request.hyperparameters:
            raise UserError(
                "AutoHasNoHyperparameters",
                "auto chooses model and hyperparameters by itself.",
                "Leave the hyperparameters out, or name a model.",
            )
        return {}

    @property
    def done(self) -> bool:
        return self.state.number == self._fits

    @property
    def _fits(self) -> int:
        return len(self.plan.folds) + (1 if self.plan.refit else 0)

    @property
    def _candidates(self) -> tuple[str, ...]:
        return selection.CANDIDATES[self._problem.task]

    @property
    def steps(self) -> int:
        """All steps; an estimate from above while `auto` has choices to make."""
        total = 0
        for number in range(self._fits):
            if self._selects(number):
                total += len(self._candidates)
            total += self._fit_steps(number)
        return total

    def _selects(self, number: int) -> bool:
        """Each fold chooses for itself; the final fit once more after folds, but takes the choice of a hold-out."""
        return self._auto and (number < len(self.plan.folds) or len(self.plan.folds) > 1)

    def _fit_steps(self, number: int) -> int:
        name = self._name(number)
        if name is None:
            return AUTO_STEPS
        family = FAMILIES[name]
        return family.steps(self._chosen or choose(name, family.hyperparameters, {}))

    def _name(self, number: int) -> str | None:
        """The family of a fit, None while it is not chosen."""
        if not self._auto:
            return self._request.model
        choices = self.state.choices
        if number < len(choices):
            return choices[number]
        return choices[-1] if choices and not self._selects(number) else None

    def _rows(self, number: int) -> Indices:
        if number < len(self.plan.folds):
            return self.plan.folds[number][0]
        return np.arange(len(self._problem.y))

    def advance(self) -> Progress:
        """One step, at most a twentieth of a fit."""
        state = self.state
        rows = self._rows(state.number)
        where = self._where()
        name = self._name(state.number)
        if name is None:
            return self._compare(rows, where)
        if state.fit is None:
            family = FAMILIES[name]
            chosen = self._chosen or choose(name, family.hyperparameters, {})
            state.fit = begin(self._problem, family, chosen, rows, self._request.seed)
        fit = state.fit
        fit.advance(self._problem, rows)
        state.step += 1
        message = f"{FAMILIES[name].title}, {where}"
        loss = self._loss(fit, rows)
        if fit.done:
            self._finish(fit)
        return self._progress(message, loss)

    def _compare(self, rows: Indices, where: str) -> Progress:
        """Scores the next candidate; after the last one the choice is made."""
        state = self.state
        candidate = next(name for name in self._candidates if name not in state.scores)
        state.scores[candidate] = selection.score(self._problem, candidate, rows, self._request.seed)
        state.step += 1
        if len(state.scores) == len(self._candidates):
            state.choices.append(selection.best(state.scores))
            state.leaderboards.append(state.scores)
            state.scores = {}
        return self._progress(f"comparing {FAMILIES[candidate].title}, {where}", None)

    def _finish(self, fit: Fit) -> None:
        state = self.state
        if state.number < len(self.plan.folds):
            test = self.plan.folds[state.number][1]
            state.predicted.append(fit.predict(self._problem, self._problem.table.take(test)))
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

    def _loss(self, fit: Fit, rows: Indices) -> float:
        """On a sample of the rows held out of the fit, or of its own when there are none."""
        number = self.state.number
        sample = (self.plan.folds[number][1] if number < len(self.plan.folds) else rows)[:LOSS_ROWS]
        told = fit.predict(self._problem, self._problem.table.take(sample))
        return metrics.loss(self._problem.y[sample], told, self._classes)

    def dump(self) -> bytes:
        """The state as a checkpoint: its SHA-256, then the state. Of 400 flipped bits, unpickling alone missed 2."""
        import joblib

        buffer = io.BytesIO()
        joblib.dump(self.state, buffer, compress=3)
        return hashlib.sha256(buffer.getvalue()).digest() + buffer.getvalue()

    def restore(self, checkpoint: bytes) -> bool:
        """Goes on from a checkpoint. False, and nothing changes: damaged, or of other data, request or versions."""
        import joblib

        digest, body = checkpoint[:DIGEST_BYTES], checkpoint[DIGEST_BYTES:]
        if hashlib.sha256(body).digest() != digest:
            return False
        try:
            state = joblib.load(io.BytesIO(body))
        except Exception:  # a pickle of other versions raises anything; training anew is always right
            return False
        if not isinstance(state, State) or state.fingerprint != self.state.fingerprint:
            return False
        self.state = state
        return True

    def outcome(self) -> Outcome:
        """Only when done."""
        state, problem = self.state, self._problem
        assert self.done and state.fit is not None
        test_rows = np.concatenate([test for _, test in self.plan.folds])
        told, truth = np.concatenate(state.predicted), problem.y[test_rows]
        threshold = threshold_of(state.fit.family_name, self._classes)
        return Outcome(
            state.fit,
            self.plan,
            truth,
            told,
            test_rows,
            self._measure(truth, told, threshold),
            state.leaderboards[-1] if state.leaderboards else {},
            threshold,
        )

    def _measure(self, truth: NDArray[Any], told: Floats, threshold: float | None) -> dict[str, float]:
        """The model's metrics, then those of the trivial model with the prefix baseline_."""
        trivial = np.concatenate(
            [metrics.trivial(self._problem.y[train], len(test), self._classes) for train, test in self.plan.folds]
        )
        if self._classes:
            measured = metrics.classification(truth, told, threshold)
            baseline = metrics.classification(truth, trivial, None)
        else:
            measured, baseline = metrics.regression(truth, told), metrics.regression(truth, trivial)
        return measured | {f"baseline_{name}": value for name, value in baseline.items()}


def threshold_of(family: str, classes: int) -> float | None:
    """scikit-learn's boosting says class 1 at exactly even odds; every other family says the first class."""
    return 0.5 if family == "gradient_boosting" and classes == 2 else None


def _fingerprint(request: Request, data_sha256: str) -> str:
    """Of everything that makes a checkpoint's steps what they are."""
    import numpy
    import sklearn

    parts = (__version__, numpy.__version__, sklearn.__version__, data_sha256, repr(request))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
