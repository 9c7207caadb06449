"""One look for all pictures: readable on a phone, colours that colour-blind people can tell apart, no text of a user's
ever taken for markup.

Colours: Okabe and Ito, "Color universal design" (2008).
"""

from __future__ import annotations

import contextlib
import io
import logging
import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, YELLOW = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
    "#F0E442",
)
INK, FAINT, GRID = "#222222", "#767676", "#DDDDDD"
LINES = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, INK, "#8A6D00", "#7F3C8D", FAINT)
DASHES = ("-", "--", "-.", ":")
DOTS_PER_INCH = 150
WIDTH = 7.2
"""Inches, of every picture: 1080 dots, what a phone shows across."""

_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 13,
    "axes.titlesize": 16,
    "axes.labelsize": 13,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.formatter.useoffset": False,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 12,
    "lines.linewidth": 2.4,
    "text.parse_math": False,
    "text.usetex": False,
    "savefig.facecolor": "white",
}


@contextlib.contextmanager
def canvas(height: float) -> Iterator[Figure]:
    """An empty picture `height` inches high, in our style."""
    import matplotlib
    from matplotlib.figure import Figure

    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # a font without a letter is no news
    with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield Figure(figsize=(WIDTH, height), dpi=DOTS_PER_INCH, layout="constrained")


def png(figure: Figure) -> bytes:
    """The same bytes for the same figure and library."""
    body = io.BytesIO()
    figure.savefig(body, format="png", metadata={"Software": None})
    return body.getvalue()


def title(axes: Axes, text: str, beneath: str = "") -> None:
    """What the picture shows, and in smaller letters what to make of it."""
    axes.set_title(text, loc="left", fontweight="bold", color=INK, pad=24 if beneath else None)
    if beneath:
        small = axes.annotate(
            beneath, (0, 1), (0, 7), "axes fraction", "offset points", fontsize=11.5, color=FAINT, va="bottom"
        )
        small.set_in_layout(False)  # a long line must not narrow the picture


def shown(text: str, letters: int) -> str:
    """A user's text as a label of at most `letters` letters: one line, no control characters, the middle left out."""
    line = " ".join("".join(" " if unicodedata.category(letter) in {"Cc", "Cf"} else letter for letter in text).split())
    if len(line) <= letters:
        return line or "(blank)"
    tail = max(1, letters // 3)
    return f"{line[: letters - tail - 1].rstrip()}…{line[-tail:].lstrip()}"


def distinct(names: Sequence[str], letters: int) -> list[str]:
    """Labels of at most `letters` letters that can be told apart: what all names begin or end with goes if it must."""
    labels = [shown(name, letters) for name in names]
    if len(set(labels)) == len(labels):
        return labels
    front = _alike(names)
    back = _alike([name[front:][::-1] for name in names])
    labels = [shown("…" + name[front : len(name) - back], letters) for name in names]
    if len(set(labels)) == len(labels):
        return labels
    return [f"{place}. {shown(name, max(1, letters - 4))}" for place, name in enumerate(names, 1)]


def _alike(names: Sequence[str]) -> int:
    """How many letters all names begin with: the first and the last in order differ soonest."""
    first, last = min(names), max(names)
    return next((place for place, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))


def line_style(place: int) -> dict[str, Any]:
    """Of the n-th line: a colour of its own and, from the fourth on, dashes too."""
    return {"color": LINES[place % len(LINES)], "linestyle": DASHES[place // 3 % len(DASHES)]}


def figure_of(value: float) -> str:
    """A number as people read it: three digits that count, thousands apart, no exponent where none is needed."""
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{value:.2e}"
