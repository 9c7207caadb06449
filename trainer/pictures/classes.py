"""How well classes are told apart: confusion matrix, ROC, precision and recall, calibration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainer.pictures.theme import BLUE, FAINT, INK, distinct, line_style, shown, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CLASSES_SHOWN = 12
"""A matrix of more classes than this shows the largest, and all others as one."""


def confusion_matrix(axes: Axes, report: dict[str, Any]) -> None:
    """A row for each true class, a column for each predicted one."""
    import numpy as np
    from matplotlib.colors import LinearSegmentedColormap

    names, rows = _largest(report["confusionMatrix"]["classes"], report["confusionMatrix"]["rows"])
    shares = rows / np.maximum(rows.sum(axis=1, keepdims=True), 1)
    axes.imshow(
        shares, cmap=LinearSegmentedColormap.from_list("shares", ["#FFFFFF", BLUE]), vmin=0, vmax=1, aspect="auto"
    )
    size = len(names)
    labels = distinct(names, max(9, 34 // size))
    axes.set_xticks(range(size), labels, rotation=40 if size > 3 else 0, ha="right" if size > 3 else "center")
    axes.set_yticks(range(size), labels)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.grid(visible=False)
    axes.tick_params(length=0)
    few = size <= 5
    points = 17 if few else 11
    for i in range(size):
        for j in range(size):
            share = f"\n{shares[i, j]:.0%}" if few else ""
            colour = "white" if shares[i, j] > 0.55 else INK
            axes.text(
                j,
                i,
                _count(rows[i, j], few) + share,
                ha="center",
                va="center",
                color=colour,
                fontsize=points,
            )
    right = float(np.trace(rows)) / max(float(rows.sum()), 1)
    title(
        axes, "Which class was taken for which", f"{right:.0%} of {rows.sum():,} rows right; shares of each true class"
    )


def _count(rows: int, roomy: bool) -> str:
    if roomy or rows < 1000:
        return f"{rows:,}"
    return f"{rows / 1000:.0f}k" if rows < 999_500 else f"{rows / 1e6:.0f}M"


def _largest(names: list[str], rows: list[list[int]]) -> tuple[list[str], Any]:
    import numpy as np

    counts = np.array(rows)
    if len(names) <= CLASSES_SHOWN:
        return names, counts
    kept = sorted(np.argsort(-counts.sum(axis=1), kind="stable")[: CLASSES_SHOWN - 1].tolist())
    rest = [place for place in range(len(names)) if place not in set(kept)]
    groups = [[place] for place in kept] + [rest]
    merged = np.array([[counts[np.ix_(one, other)].sum() for other in groups] for one in groups])
    return [names[place] for place in kept] + [f"{len(rest)} others"], merged


def roc_curves(axes: Axes, report: dict[str, Any]) -> None:
    """True against false positives."""
    curves = report["rocCurves"]
    labels = distinct([curve["class"] for curve in curves], 24)
    for place, curve in enumerate(curves):
        axes.plot(curve["falsePositiveRate"], curve["truePositiveRate"], **line_style(place), label=labels[place])
    axes.plot([0, 1], [0, 1], color=FAINT, linestyle=":", linewidth=1.6, label="guessing")
    axes.set_xlabel("false positive rate")
    axes.set_ylabel("true positive rate")
    _unit_square(axes)
    _legend(axes, len(curves) + 1)
    title(axes, "ROC curve", _with_interval(report, ("roc_auc", "roc_auc_ovr"), "area under the curve"))


def precision_recall_curves(axes: Axes, report: dict[str, Any]) -> None:
    """Precision against recall; the thin line is what guessing gives."""
    curves = report["precisionRecallCurves"]
    labels = distinct([curve["class"] for curve in curves], 24)
    for place, curve in enumerate(curves):
        style = line_style(place)
        axes.plot(curve["recall"], curve["precision"], **style, label=labels[place])
        if len(curves) == 1:
            axes.axhline(curve["share"], color=FAINT, linestyle=":", linewidth=1.6, label="guessing")
    axes.set_xlabel("recall")
    axes.set_ylabel("precision")
    _unit_square(axes)
    _legend(axes, len(curves) + 1)
    title(axes, "Precision and recall", _with_interval(report, ("average_precision",), "average precision"))


def calibration(axes: Axes, report: dict[str, Any]) -> None:
    """Does 70 % mean 70 %?"""
    told = report["calibration"]
    most = max(told["rows"], default=1)
    axes.plot([0, 1], [0, 1], color=FAINT, linestyle=":", linewidth=1.6, label="perfect")
    axes.plot(told["predicted"], told["observed"], color=BLUE, linewidth=1.6)
    axes.scatter(
        told["predicted"],
        told["observed"],
        s=[40 + 160 * rows / most for rows in told["rows"]],
        color=BLUE,
        zorder=3,
        label="this model",
    )
    of = "of the likeliest class" if told["class"] is None else f"of “{shown(told['class'], 24)}”"
    axes.set_xlabel(f"probability told {of}")
    axes.set_ylabel("share that came true")
    _unit_square(axes)
    _legend(axes, 2)
    error = told["expectedCalibrationError"]
    title(axes, "Can the probabilities be taken at their word?", f"off by {error:.1%} on average")


def _unit_square(axes: Axes) -> None:
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)


def _legend(axes: Axes, lines: int) -> None:
    if lines <= 4:
        axes.legend(loc="best")
    else:
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2)


def _with_interval(report: dict[str, Any], names: tuple[str, ...], words: str) -> str:
    for name in names:
        if name in report["metrics"]:
            interval = report["intervals"].get(name)
            between = f" (95%: {interval[0]:.3f} to {interval[1]:.3f})" if interval else ""
            return f"{words} {report['metrics'][name]:.3f}{between}"
    return ""
