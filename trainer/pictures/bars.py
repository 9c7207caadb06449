"""Rankings as bars, each name above its bar, so that long ones have room; and the learning curve."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from trainer.pictures.theme import BLUE, FAINT, INK, ORANGE, line_style, shown, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BARS = 12
LETTERS = 54
BEHIND = " (left early, fewer rows)"


def importance(axes: Axes, report: dict[str, Any]) -> None:
    """How much worse the model gets without a column."""
    told = report["importance"]["columns"][:BARS]
    _bars(
        axes,
        [column["name"] for column in told],
        [column["mean"] for column in told],
        [column["std"] for column in told],
        BLUE,
    )
    score = {"neg_brier_score": "Brier score", "r2": "R²"}[report["importance"]["scoring"]]
    more = len(report["importance"]["columns"]) - len(told)
    title(
        axes,
        "What matters",
        f"{score} lost when a column is shuffled" + (f"; {more} more columns matter less" if more > 0 else ""),
    )


def leaderboard(axes: Axes, report: dict[str, Any]) -> None:
    """What `auto` compared."""
    told = [one for one in report["leaderboard"]["candidates"] if one["score"] is not None][:BARS]
    negative = report["leaderboard"]["scoring"].startswith("neg_")
    scores = [-one["score"] if negative else one["score"] for one in told]
    most = max((one["rows"] for one in told), default=0)
    names = [shown(one["name"], LETTERS - len(BEHIND)) + (BEHIND if one["rows"] < most else "") for one in told]
    _bars(axes, names, scores, None, ORANGE)
    if scores and not negative:
        low = min(scores)
        axes.set_xlim(max(0.0, low - 0.6 * (max(scores) - low) - 0.01) if low > 0 else None, None)
    scoring = report["leaderboard"]["scoring"].removeprefix("neg_").replace("_", " ")
    title(axes, "What was compared", f"{scoring} by cross-validation; {'shorter' if negative else 'longer'} is better")


def _bars(axes: Axes, names: list[str], sizes: list[float], spreads: list[float] | None, colour: str) -> None:
    places = list(range(len(names)))
    digits = max(0, 2 - math.floor(math.log10(largest))) if (largest := max(map(abs, sizes), default=0.0)) > 0 else 0
    axes.barh(places, sizes, height=0.34, color=colour)
    if spreads:
        axes.errorbar(sizes, places, xerr=spreads, fmt="none", ecolor=INK, elinewidth=1.2, capsize=3)
    axes.set_yticks([])
    axes.set_ylim(len(names) - 0.4, -0.75)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    for place, (name, size) in enumerate(zip(names, sizes, strict=True)):
        axes.text(0, place - 0.42, shown(name, LETTERS), transform=axes.get_yaxis_transform(), va="center", color=INK)
        figure = f"{size:,.{digits}f}"
        axes.text(1, place - 0.42, figure, transform=axes.get_yaxis_transform(), va="center", ha="right", color=FAINT)


def learning_curve(axes: Axes, report: dict[str, Any]) -> None:
    """Loss on held-out rows, step by step; flat at the end: more steps would not help."""
    told = report["learningCurve"]
    members = [member for member in told["members"] if len(member["steps"]) > 1]
    for place, member in enumerate(members):
        axes.plot(
            member["steps"], member["loss"], **line_style(place), label=shown(member["type"].replace("_", " "), 26)
        )
    axes.set_xlabel("step")
    axes.set_ylabel({"log_loss": "log loss", "root_mean_squared_error": "RMSE"}[told["metric"]])
    if len(members) > 1:
        axes.legend(loc="best")
    title(axes, "Learning curve", "loss on held-out rows after each step; lower is better")
