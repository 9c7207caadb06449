"""How near predicted numbers come: predicted against actual, residuals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainer.pictures.theme import BLUE, FAINT, VERMILION, figure_of, shown, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def predicted_vs_actual(axes: Axes, report: dict[str, Any]) -> None:
    """On the diagonal: right."""
    told = report["predictedVsActual"]
    actual, predicted = told["actual"], told["predicted"]
    low, high = min([*actual, *predicted], default=0.0), max([*actual, *predicted], default=1.0)
    axes.plot([low, high], [low, high], color=FAINT, linestyle=":", linewidth=1.6)
    axes.scatter(actual, predicted, s=34, color=BLUE, alpha=0.55, linewidths=0)
    name = shown(report["target"]["name"], 36)
    axes.set_xlabel(f"actual {name}")
    axes.set_ylabel(f"predicted {name}")
    _plain_ticks(axes)
    title(axes, "Predicted and actual", _errors(report))


def residuals(axes: Axes, report: dict[str, Any]) -> None:
    """Actual minus predicted, over the prediction: a pattern means that something was not learned."""
    told = report["predictedVsActual"]
    rests = [actual - predicted for actual, predicted in zip(told["actual"], told["predicted"], strict=True)]
    axes.axhline(0, color=FAINT, linestyle=":", linewidth=1.6)
    axes.scatter(told["predicted"], rests, s=34, color=VERMILION, alpha=0.55, linewidths=0)
    axes.set_xlabel(f"predicted {shown(report['target']['name'], 36)}")
    axes.set_ylabel("actual − predicted")
    _plain_ticks(axes)
    deciles = report["quantiles"]["residual"]
    title(axes, "What is left over", f"8 of 10 rows between {figure_of(deciles[1])} and {figure_of(deciles[-2])}")


def _errors(report: dict[str, Any]) -> str:
    metrics = report["metrics"]
    told = []
    if "r2" in metrics:
        told.append(f"R² {metrics['r2']:.3f}")
    told.append(f"RMSE {figure_of(metrics['root_mean_squared_error'])}")
    if "baseline_root_mean_squared_error" in metrics:
        told.append(f"mean alone {figure_of(metrics['baseline_root_mean_squared_error'])}")
    return ", ".join(told)


def _plain_ticks(axes: Axes) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5))
        axis.set_major_formatter(FuncFormatter(lambda value, _place: figure_of(value)))
