"""On which rows candidates are compared: the rungs of a successive halving, from few rows or folds to many.

A search sees training rows alone and deals them anew, in the way that was asked for (`split.py`): at random, group by
group, or later rows after earlier ones. Where the rows of two rungs are the same, the later rung adds folds to the
earlier one's; where they are more, candidates are judged anew.
"""

from __future__ import annotations

from dataclasses import dataclass

from trainer.table.columns import Indices
from trainer.training.problem import Problem
from trainer.training.split import Pair, inner_folds, sample

FEW_ROWS = 100
SOME_ROWS = 1500
FIRST_ROWS = 5000
NUMBERS_MAX = 100_000
"""Rows times classes of the largest sample, as far as FIRST_ROWS allows."""
GROWTH = 4


@dataclass(frozen=True)
class Rung:
    """`rows` of the training rows in `folds` folds, dealt for the `repeat`-th time; those of `tested` are predicted."""

    rows: int
    folds: int
    repeat: int
    tested: tuple[int, ...]


def ladder(rows: int, classes: int) -> tuple[Rung, ...]:
    """The rungs for so many training rows. The better half of the candidates climbs from one to the next.

    On tiny tables, in ten folds, nobody is left behind: so few rows cannot tell who is better. Small ones are dealt
    twice in five, the first deal in two rungs; others once; large ones begin with a sample and end with a hold-out of a
    quarter.
    """
    if rows < FEW_ROWS:
        return (Rung(rows, 10, 0, tuple(range(10))),)
    if rows < SOME_ROWS:
        return Rung(rows, 5, 0, (0, 1, 2)), Rung(rows, 5, 0, (3, 4)), Rung(rows, 5, 1, (0, 1, 2, 3, 4))
    first = Rung(min(rows, FIRST_ROWS), 5, 0, (0, 1))
    largest = min(rows, max(NUMBERS_MAX // max(classes, 1), FIRST_ROWS))
    if largest == first.rows:
        return first, Rung(first.rows, 5, 0, (2, 3, 4))
    rungs = [first]
    while rungs[-1].rows < largest:
        rungs.append(Rung(min(rungs[-1].rows * GROWTH, largest), 4, 0, (0,)))
    return tuple(rungs)


def alone(rows: int) -> tuple[Rung, ...]:
    """For a single candidate, of which only predictions out of fold are wanted."""
    return (Rung(min(rows, FIRST_ROWS), 3, 0, (0, 1, 2)),)


def deal(problem: Problem, rows: Indices, rung: Rung, seed: int) -> list[Pair]:
    """Training and test rows of each fold of the rung that is predicted; at least one where any can be."""
    if rung.rows < len(rows):
        rows = rows[sample(problem.y[rows], len(problem.classes or ()), rung.rows, seed)]
    by = problem.separator.take(rows) if problem.separator else None
    count = min(rung.folds, len(rows))
    dealt = inner_folds(problem.y[rows], len(problem.classes or ()), count, seed + rung.repeat, by)
    pairs = [dealt[place] for place in rung.tested if place < len(dealt)] or dealt[:1]
    return [(rows[train], rows[test]) for train, test in pairs]
