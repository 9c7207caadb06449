"""The three lines of a job's log that are read for their figures, by cloud/log-lines.ts: change neither alone.

Epoch 10/100, Loss: 0.234
Training progress: 45%
Model R2 Score: 0.85
"""

from __future__ import annotations

import math
from decimal import Decimal

SMALLEST = 1e-12
"""What is nearer to 0 is written as 0."""
SCORES = ("r2", "accuracy")
"""The first of these that was measured is the model's score."""


def epoch(step: int, steps: int, loss: float) -> str | None:
    """None when the loss is no number: the line would say nothing."""
    return f"Epoch {step}/{steps}, Loss: {_plain(loss)}" if math.isfinite(loss) else None


def progress(percent: float) -> str:
    """`percent` from 0 to 100."""
    return f"Training progress: {percent:.0f}%"


def score(metrics: dict[str, float]) -> tuple[str, float] | None:
    """Name and value of the model's score, None where neither makes sense (r2 of a target that never differs)."""
    return next(((name, metrics[name]) for name in SCORES if name in metrics), None)


def model_score(name: str, value: float) -> str:
    """E.g. of r2."""
    return f"Model {name.capitalize()} Score: {_plain(round(value, 4))}"


def _plain(value: float) -> str:
    """Six digits that count, never with an exponent."""
    return format(Decimal(f"{value if abs(value) >= SMALLEST else 0.0:.6g}"), "f")
