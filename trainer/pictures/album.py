"""Which pictures a report gives, and their files: pictures/<name>.png. All data behind them is in report.json."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from trainer.pictures import bars, classes, values
from trainer.pictures.theme import canvas, png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Report = dict[str, Any]
"""report.json (cloud/contract/report.schema.json)."""
BAR_INCHES = 0.62


@dataclass(frozen=True)
class Picture:
    """`needs`: the part of the report without which there is nothing to draw."""

    name: str
    draw: Callable[[Axes, Report], None]
    needs: Callable[[Report], object]
    height: Callable[[Report], float] = lambda _report: 5.6


def _ranked(entries: int) -> float:
    return 1.9 + BAR_INCHES * max(2, min(entries, bars.BARS))


def _curves_height(lines: int) -> float:
    return 5.6 if lines <= 3 else 5.6 + 0.3 * ((lines + 2) // 2)


PICTURES = (
    Picture(
        "confusion_matrix",
        classes.confusion_matrix,
        lambda report: report.get("confusionMatrix"),
        lambda report: min(8.4, 4.6 + 0.35 * len(report["confusionMatrix"]["classes"])),
    ),
    Picture(
        "roc_curve",
        classes.roc_curves,
        lambda report: report.get("rocCurves"),
        lambda report: _curves_height(len(report["rocCurves"])),
    ),
    Picture(
        "precision_recall_curve",
        classes.precision_recall_curves,
        lambda report: report.get("precisionRecallCurves"),
        lambda report: _curves_height(len(report["precisionRecallCurves"])),
    ),
    Picture("calibration", classes.calibration, lambda report: report.get("calibration", {}).get("predicted")),
    Picture("predicted_vs_actual", values.predicted_vs_actual, lambda report: report.get("predictedVsActual")),
    Picture("residuals", values.residuals, lambda report: report.get("predictedVsActual")),
    Picture(
        "importance",
        bars.importance,
        lambda report: report["importance"]["columns"],
        lambda report: _ranked(len(report["importance"]["columns"])),
    ),
    Picture(
        "leaderboard",
        bars.leaderboard,
        lambda report: [one for one in report["leaderboard"]["candidates"] if one["score"] is not None],
        lambda report: _ranked(len(report["leaderboard"]["candidates"])),
    ),
    Picture(
        "learning_curve",
        bars.learning_curve,
        lambda report: any(len(member["steps"]) > 1 for member in report["learningCurve"]["members"]),
    ),
)


def draw(report: Report) -> dict[str, bytes]:
    """PNG files by name, 1080 dots wide; only those the report has data for, and that can be drawn: no picture is worth
    a trained model."""
    files = {}
    for picture in PICTURES:
        if picture.needs(report):
            with contextlib.suppress(Exception):
                files[f"pictures/{picture.name}.png"] = drawn(picture, report)
    return files


def drawn(picture: Picture, report: Report) -> bytes:
    """A PNG file."""
    with canvas(picture.height(report)) as figure:
        picture.draw(figure.subplots(), report)
        return png(figure)
