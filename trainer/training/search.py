"""Which model: the one that was asked for, or for `auto` the best blend of several, found by resampling inside the
training rows. Both end in a `Choice`. A search is a sequence of steps and part of a checkpoint.

    portfolio.py   what is tried          resampling.py  on which rows: few first, the better half on more
    cost.py        what a fit will cost   weights.py     which of the last ones are averaged

What is tried depends on request and data alone: the time that a search may take is spent in seconds of the cost model,
never of a clock. Only when the job itself runs short of time a search is stopped, and the choice says so.
Predictions out of fold, which a search makes anyway, also tell the threshold (`threshold.py`): so a model that was
asked for by name is searched for too, among itself alone, when its classes are unequal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from trainer.errors import JobError
from trainer.families import AUTO, FAMILIES, family_for
from trainer.families.hyperparameters import choose
from trainer.features.encoding import width
from trainer.features.fitting import Scheme, fit_columns
from trainer.table.cells import Floats
from trainer.table.columns import Indices
from trainer.ticket import Request
from trainer.training.cost import fit_seconds
from trainer.training.fitting import BLEND, Ingredient, begin
from trainer.training.leaderboard import Candidate, Choice, Skipped, nothing_fits, score, score_name, why_not
from trainer.training.portfolio import portfolio
from trainer.training.problem import Problem
from trainer.training.resampling import FEW_ROWS, FIRST_ROWS, Rung, alone, deal, ladder
from trainer.training.threshold import best_threshold, wants_threshold
from trainer.training.weights import MEMBERS_MAX, blend, level

STEP_SECONDS = 5.0
"""A step judges a candidate on as many folds as take so long by the cost model, on one at least."""
FOLD_SECONDS = 60.0
"""A candidate of which one fold takes longer is left out: an interrupted step is lost."""


@dataclass
class Contender:
    """A candidate in the making. `number`: in the portfolio, simple ones first; `rung`: the last one that it was judged
    on, -1: none."""

    number: int
    name: str
    ingredient: Ingredient
    rung: int = -1
    told: list[Floats] = field(default_factory=list)
    score: float = -np.inf


@dataclass
class Search:
    """In the making; pickled between steps. `seconds`: what it may spend; `widths`: encoded columns by scheme."""

    rows: Indices
    seed: int
    auto: bool
    rungs: tuple[Rung, ...]
    contenders: list[Contender]
    seconds: float
    widths: dict[Scheme, int]
    classes: int
    rung: int = 0
    place: int = 0
    fold: int = 0
    spent: float = 0.0
    done: bool = False
    stopped: bool = False
    left_behind: list[Contender] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    @property
    def judged(self) -> bool:
        """Whether there is anything to choose from, but for the candidate in progress."""
        others = [one for place, one in enumerate(self.contenders) if not self.fold or place != self.place]
        return any(one.rung >= 0 for one in (*others, *self.left_behind))

    @property
    def remaining(self) -> int:
        """Steps to come: an estimate from above that every step lowers."""
        if self.done:
            return 0
        here = [self._steps(one, self.rungs[self.rung]) for one in self.contenders[self.place :]]
        total = sum(here) - self.fold // self._folds_at_once(self.contenders[self.place], self.rungs[self.rung])
        count = len(self.contenders)
        for rung in self.rungs[self.rung + 1 :]:
            count = _better_half(count)
            total += sum(sorted((self._steps(one, rung) for one in self.contenders), reverse=True)[:count])
        return total

    def advance(self, problem: Problem) -> str:
        """One step: judges a candidate on the next folds. What was done, in words."""
        contender, rung = self.contenders[self.place], self.rungs[self.rung]
        pairs = deal(problem, self.rows, rung, self.seed)
        if self.fold == 0 and self.rung and rung.rows != self.rungs[self.rung - 1].rows:
            contender.told.clear()
        try:
            for train, test in pairs[self.fold : self.fold + self._folds_at_once(contender, rung)]:
                contender.told.append(_predicted(problem, contender.ingredient, train, test, self.seed))
                self.spent += self._fold_seconds(contender, rung)
                self.fold += 1
            if self.fold == len(pairs):
                truth, _ = self._truth(problem, self.rung)
                contender.score = score(problem, truth, np.concatenate(contender.told))
                contender.rung = self.rung
                self.place, self.fold = self.place + 1, 0
        except Exception as error:  # whatever it is, other candidates may do
            if not self.auto:
                raise
            self._skip(contender, why_not(error))
        self.settle(problem)
        return f"comparing {contender.name}" if self.auto else f"validating {contender.ingredient.family.title}"

    def settle(self, problem: Problem) -> None:
        """Goes to the next candidate that may be judged, on the next rung where there is none left on this one."""
        while not self.done and self.fold == 0:
            if self.place < len(self.contenders):
                contender = self.contenders[self.place]
                refusal = self._refusal(problem, contender) if self.auto else ""
                if not refusal:
                    return
                if contender.rung < 0:
                    self._skip(contender, refusal)
                else:
                    self.left_behind.append(self.contenders.pop(self.place))
                continue
            if not self.judged:
                raise nothing_fits(self.skipped)
            if self.rung + 1 == len(self.rungs) or not self.contenders:
                self.done = True
                return
            ranked = sorted(self.contenders, key=lambda one: -one.score)
            count = _better_half(len(ranked))
            self.contenders, left = ranked[:count], ranked[count:]
            self.left_behind += left
            self.rung, self.place = self.rung + 1, 0

    def stop(self) -> None:
        """Ends with what there is, because time runs short. Only when something was judged."""
        assert self.judged
        if self.fold:
            self.contenders.pop(self.place)
        self.fold, self.done, self.stopped = 0, True, True

    def choice(self, problem: Problem) -> Choice:
        """Only when done."""
        assert self.done
        known = [one for one in (*self.contenders, *self.left_behind) if one.rung >= 0]
        last = max(one.rung for one in known)
        finalists = sorted((one for one in known if one.rung == last), key=lambda one: -one.score)
        truth, rows = self._truth(problem, last)
        told = [np.concatenate(one.told) for one in finalists]
        weights = self._weights(finalists, truth, told, rows)
        order = sorted((at for at, weight in enumerate(weights) if weight), key=lambda at: -weights[at])
        ingredients = tuple(_weighted(finalists[at].ingredient, weights[at]) for at in order)
        together = np.asarray(sum(weights[at] * told[at] for at in order))
        threshold = default_threshold(ingredients, len(problem.classes or ()))
        if wants_threshold(problem):
            threshold = best_threshold(truth, together, threshold, self.seed)
        if not self.auto:
            return Choice(ingredients, threshold)
        board = sorted(known, key=lambda one: (-one.rung, -one.score))
        candidates = [Candidate(one.name, (one.ingredient,), one.score, sum(map(len, one.told))) for one in board]
        if len(ingredients) > 1:
            candidates.insert(0, Candidate(BLEND, ingredients, score(problem, truth, together), len(truth)))
        return Choice(
            ingredients, threshold, tuple(candidates), tuple(self.skipped), score_name(problem), self._notes()
        )

    def _weights(self, finalists: list[Contender], truth: Floats, told: list[Floats], rows: Indices) -> list[float]:
        """Of the finalists, who are sorted by score."""
        if not self.auto or len(self.rows) >= FEW_ROWS:
            return blend(truth, told, rows, 0, self.seed)
        order = sorted(range(len(finalists)), key=lambda at: finalists[at].number)
        shares = dict(zip(order, level(truth, [told[at] for at in order], rows), strict=True))
        return [shares[at] for at in range(len(finalists))]

    def fit_seconds(self, count: int) -> float:
        """By the cost model: fitting the `count` best of those judged last on all training rows."""
        best = sorted((*self.contenders, *self.left_behind), key=lambda one: (-one.rung, -one.score))[:count]
        return sum(self._seconds(one, len(self.rows)) for one in best)

    def _notes(self) -> tuple[str, ...]:
        if not self.stopped:
            return ()
        return ("The search for a model was ended early, because the time of the job runs out.",)

    def _truth(self, problem: Problem, last: int) -> tuple[Floats, Indices]:
        """What predictions are compared with, and of which rows they are: of this rung and those it adds to."""
        first = last
        while first and self.rungs[first - 1].rows == self.rungs[last].rows:
            first -= 1
        rungs = self.rungs[first : last + 1]
        rows = np.concatenate([test for rung in rungs for _, test in deal(problem, self.rows, rung, self.seed)])
        return problem.y[rows], rows

    def _refusal(self, problem: Problem, contender: Contender) -> str:
        """Why a candidate is not judged on this rung; empty: it is."""
        rung, all_rows = self.rungs[self.rung], len(problem.y)
        fold = self._fold_seconds(contender, rung)
        folds = len(rung.tested)
        allowed = self.seconds * (self.rung + 1) / len(self.rungs)
        if self.judged and (fold > FOLD_SECONDS or self.spent + fold * folds > allowed):
            return "Comparing it would take too long."
        if self.judged and self._seconds(contender, all_rows) > self.seconds:
            return "Fitting it on all rows would take too long."
        ingredient = contender.ingredient
        try:
            ingredient.family.check(all_rows, self.widths[ingredient.family.scheme], problem.task, ingredient.chosen)
        except JobError as error:
            return error.message
        return ""

    def _skip(self, contender: Contender, reason: str) -> None:
        self.contenders.remove(contender)
        self.skipped.append(Skipped(contender.name, contender.ingredient, reason))
        self.fold = 0

    def _seconds(self, contender: Contender, rows: int) -> float:
        ingredient = contender.ingredient
        return fit_seconds(ingredient, rows, self.widths[ingredient.family.scheme], self.classes)

    def _fold_seconds(self, contender: Contender, rung: Rung) -> float:
        return self._seconds(contender, rung.rows * (rung.folds - 1) // rung.folds)

    def _folds_at_once(self, contender: Contender, rung: Rung) -> int:
        return max(1, int(STEP_SECONDS / self._fold_seconds(contender, rung)))

    def _steps(self, contender: Contender, rung: Rung) -> int:
        return -(-len(rung.tested) // self._folds_at_once(contender, rung))


def search_for(problem: Problem, request: Request, rows: Indices, seconds: float) -> Search | Choice:
    """The search for a model on the training rows `rows`; a choice at once where there is nothing to search."""
    classes = len(problem.classes or ())
    if request.model == AUTO:
        contenders = [
            Contender(number, one.name, ingredient(one.family_name, one.asked))
            for number, one in enumerate(portfolio(problem.task, len(rows)))
        ]
        rungs = ladder(len(rows), classes)
    else:
        family = family_for(request.model, problem.task)
        wanted = ingredient(family.name, request.hyperparameters)
        if not wants_threshold(problem):
            return Choice((wanted,), default_threshold((wanted,), classes))
        contenders, rungs = [Contender(0, family.name, wanted)], alone(len(rows))
    widths = _widths(problem, rows, contenders)
    search = Search(rows, request.seed, request.model == AUTO, rungs, contenders, seconds, widths, classes)
    search.settle(problem)
    return search


def ingredient(name: str, asked: Mapping[str, object]) -> Ingredient:
    """Raises UserError where a hyperparameter is not allowed."""
    return Ingredient(name, choose(name, FAMILIES[name].hyperparameters, asked))


def default_threshold(ingredients: Sequence[Ingredient], classes: int) -> float | None:
    """Where no better one is known: as the estimator itself decides at even odds."""
    alone = len(ingredients) == 1
    return 0.5 if classes == 2 and alone and ingredients[0].family.even_odds_second else None


def _widths(problem: Problem, rows: Indices, contenders: Sequence[Contender]) -> dict[Scheme, int]:
    """How many numbers a row becomes, by the scheme of each family: on a sample, for planning."""
    table = problem.table.take(rows[:FIRST_ROWS])
    schemes = dict.fromkeys(one.ingredient.family.scheme for one in contenders)
    return {scheme: width(fit_columns(problem.features, table, scheme)) for scheme in schemes}


def _predicted(problem: Problem, wanted: Ingredient, train: Indices, test: Indices, seed: int) -> Floats:
    """What a fit on `train` says about `test`. Raises where it says nothing."""
    fit = begin(problem, (wanted,), train, seed)
    while not fit.done:
        fit.advance(problem, train)
    told = fit.predict(problem, problem.table.take(test))
    if not np.isfinite(told).all():
        raise FloatingPointError
    return told


def _better_half(count: int) -> int:
    return max(min(count, MEMBERS_MAX), -(-count // 2))


def _weighted(wanted: Ingredient, weight: float) -> Ingredient:
    return Ingredient(wanted.family_name, wanted.chosen, float(weight))
