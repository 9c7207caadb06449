"""Which column is to be predicted, when nobody said: by its name, its place and what it holds; with the reason."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from trainer.errors import JobError
from trainer.features.profile import read_column
from trainer.features.usefulness import named_like_id
from trainer.table.columns import Column, Table
from trainer.training.target import read_target

_SURE_NAMES = frozenset(
    {"target", "label", "labels", "class", "y", "outcome", "response", "dependent", "ground_truth", "groundtruth"}
)
_EVENT_NAME = re.compile(
    r"churn|default|fraud|spam|surviv|attrition|exited|convert|conversion|clicked|purchased|bought|approved|diagnosis|"
    r"target|label|outcome"
)
_FIGURE_NAME = re.compile(
    r"disease|species|quality|grade|rating|price|sales|revenue|salary|income|cost|demand|class|result|risk|status|score"
)
_INPUT_NAME = re.compile(
    r"^(?:predict|forecast|date|time|day|month|year|name|address|email|phone|zip|city|country)|(?:date|time)$"
)
CANDIDATES_MAX = 50
ROWS_MAX = 10_000
OTHERS = 2
FEW_DISTINCT = 20


@dataclass(frozen=True)
class Guess:
    """`reason` in words; `others`: what else it could be, most likely first."""

    name: str
    reason: str
    others: list[str]


def guess_target(table: Table) -> Guess | None:
    """None where no column can be predicted. Looks at some rows of a long table."""
    if table.rows > ROWS_MAX:
        table = table.take(np.arange(ROWS_MAX) * (table.rows // ROWS_MAX))
    names = list(table.columns)
    places = {name: place for place, name in enumerate(names)}
    likely = sorted(names, key=lambda name: (-_of_name(name)[0] - _of_place(places[name], len(names))[0], places[name]))
    scored: list[tuple[float, str, str]] = []
    for name in likely[:CANDIDATES_MAX]:
        column = table.columns[name]
        held = _of_cells(column)
        if held is None:
            continue
        parts = [_of_name(name), _of_place(places[name], len(names)), held]
        reasons = [words for points, words in parts if points > 0 and words]
        scored.append((sum(points for points, _ in parts), name, _joined(reasons) or "nothing speaks against it"))
    scored.sort(key=lambda one: (-one[0], -places[one[1]]))
    if not scored:
        return None
    return Guess(scored[0][1], scored[0][2], [name for _, name, _ in scored[1 : 1 + OTHERS]])


def _joined(reasons: list[str]) -> str:
    return " and ".join([", ".join(reasons[:-1]), reasons[-1]] if len(reasons) > 2 else reasons)


def _of_name(name: str) -> tuple[float, str]:
    lower = name.strip().lower()
    if lower in _SURE_NAMES:
        return 3, "its name says so"
    if named_like_id(name) or _INPUT_NAME.search(lower):
        return -2, ""
    if _EVENT_NAME.search(lower):
        return 2, "its name is one that targets have"
    return (1.5, "its name is one that targets have") if _FIGURE_NAME.search(lower) else (0, "")


def _of_place(place: int, count: int) -> tuple[float, str]:
    return (1.5, "it is the last column") if place == count - 1 else (0.25 if place == 0 else 0, "")


def _of_cells(column: Column) -> tuple[float, str] | None:
    """None where it cannot be a target."""
    try:
        target = read_target(column, "auto")
    except JobError:
        return None
    if len(target.rows) < 2:
        return None
    missing = 1 - len(target.rows) / column.rows
    if read_column(column).feature.type == "boolean" or (target.classes and len(target.classes) == 2):
        return 0.75 - 2 * missing, "it has two values"
    if target.classes and len(target.classes) <= FEW_DISTINCT:
        return 0.25 - 2 * missing, "it has few different values"
    return (-0.5 if target.classes else 0) - 2 * missing, ""
