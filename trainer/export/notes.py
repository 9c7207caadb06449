"""What the user should know about a model, in plain words: how it was judged, how far to trust it, what it is made of.

That a model is of no use comes first, because only the first notes are shown in chat; then notes about the data, from
`training/problem.py`, and those of a search, from its choice.
"""

from __future__ import annotations

from trainer.evaluation.evaluation import ACCURACY, Comparison, Evaluation
from trainer.export.parity import Parity
from trainer.families import AUTO
from trainer.ticket import Request
from trainer.training.course import Outcome
from trainer.training.problem import Problem

BOARD_SHOWN = 5
EVEN = 0.5


def notes(
    problem: Problem, outcome: Outcome, request: Request, evaluation: Evaluation, parity: Parity, inexact: str
) -> list[str]:
    """In the order in which they are worth reading, none twice."""
    told = [
        *_compared(problem, evaluation),
        *problem.notes,
        *outcome.choice.notes,
        *_searched(outcome, request),
        *_made_of(outcome),
        *_judged(problem, outcome),
        *_threshold(problem, outcome),
        *_exported(parity, inexact),
    ]
    return list(dict.fromkeys(told))


def _judged(problem: Problem, outcome: Outcome) -> list[str]:
    plan = outcome.plan
    folds, tested = len(plan.folds), plan.test_rows
    told = []
    by = problem.separator
    if folds > 1:
        how = f"The metrics come from {folds}-fold cross-validation: {tested:,} rows were each predicted by a model"
        told.append(f"{how} that had not seen it.")
    else:
        told.append(f"The metrics come from {tested:,} rows that the judged model, trained on others, had not seen.")
    if by and by.kind == "group":
        told.append(f"Rows with the same “{by.column[:100]}” were never on both sides, so it was judged on new ones.")
    if by and by.kind == "time":
        told.append(
            f"It was trained on the past and judged on what came later by “{by.column[:100]}”. Rows near in time are "
            "alike: the true intervals may be wider."
        )
    if plan.refit:
        told.append("The model handed over has then learned from all rows, so it should be as good or a little better.")
    else:
        told.append("The model handed over is the judged one.")
    return told


def _compared(problem: Problem, evaluation: Evaluation) -> list[str]:
    """Honest when the model is no better than one that looks at nothing."""
    if not evaluation.comparisons:
        return []
    first = evaluation.comparisons[0]
    trivial = "always predicting the mean" if not problem.classes else "always predicting the most frequent class"
    told = []
    if not first.better:
        told.append(
            f"By {first.metric} ({_figure(first.model)}, {_figure(first.baseline)} without looking at the data) this "
            f"model is not better than {trivial} beyond chance: do not rely on it."
        )
    told.extend(_no_more_accurate(one) for one in evaluation.comparisons[1:] if first.better and not one.better)
    return told


def _no_more_accurate(comparison: Comparison) -> str:
    assert comparison.metric == ACCURACY
    return (
        f"Its accuracy ({comparison.model:.1%}) is not above that of always predicting the most frequent class "
        f"({comparison.baseline:.1%}) beyond chance; it is better at telling the classes apart, which "
        "balanced_accuracy and roc_auc measure."
    )


def _threshold(problem: Problem, outcome: Outcome) -> list[str]:
    threshold = outcome.threshold
    if not problem.classes or threshold is None or threshold == EVEN:
        return []
    second = problem.classes[1][:60]
    return [
        f"The classes are unequal, so “{second}” is predicted from a probability of {threshold:.3g} on instead of 0.5: "
        "on rows held out of the training that gave the best balanced accuracy."
    ]


def _made_of(outcome: Outcome) -> list[str]:
    members = outcome.fit.members
    if len(members) == 1:
        return []
    parts = ", ".join(f"{member.family.title} ({member.ingredient.weight:.0%})" for member in members)
    return [f"The prediction is the weighted mean of {len(members)} models: {parts}."]


def _searched(outcome: Outcome, request: Request) -> list[str]:
    """The leaderboard in a sentence."""
    board = outcome.choice.leaderboard
    if request.model != AUTO or not board:
        return []
    scoring = outcome.choice.score_name
    error = scoring.startswith("neg_")
    best = ", ".join(f"{one.name} {_figure(-one.score if error else one.score)}" for one in board[:BOARD_SHOWN])
    more = f" and {len(board) - BOARD_SHOWN} more" if len(board) > BOARD_SHOWN else ""
    by = f" by {scoring.removeprefix('neg_')}" if scoring else ""
    told = [f"auto compared {len(board)} candidates{by}, {'lower' if error else 'higher'} is better: {best}{more}."]
    if outcome.choice.skipped:
        names = ", ".join(one.name for one in outcome.choice.skipped[:BOARD_SHOWN])
        told.append(f"Not tried: {names}{'…' if len(outcome.choice.skipped) > BOARD_SHOWN else ''}.")
    return told


def _exported(parity: Parity, inexact: str) -> list[str]:
    told = [
        f"The exported model equals the trained one on {parity.rows + parity.dirtied_rows:,} rows, half of them "
        f"dirtied, within {parity.largest:.1e}."
    ]
    return [*told, f"Where it serves it may differ on some rows: {inexact}"] if inexact else told


def _figure(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
