"""Does the graph say what scikit-learn says? Checked on held-out rows and on dirtied ones before a model leaves.

Before: `graph.py` and its makers. A difference above the family's tolerance refuses the export: a model that predicts
differently where it serves is worse than none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainer.errors import PlatformError
from trainer.export.graph import INPUT, Graph
from trainer.features.encoding import encode
from trainer.table.cells import Floats
from trainer.table.columns import Table, table_of
from trainer.training.fitting import Fit
from trainer.training.metrics import labels

ROWS_MAX = 2000
DIRTY_SHARE = 0.3
TIE = 1e-9
"""Two classes whose probabilities differ by less are a tie, which rounding decides in either library."""


@dataclass(frozen=True)
class Parity:
    """`parity` of the manifest. `largest`: of a probability, or of a value relative to it."""

    rows: int
    dirtied_rows: int
    label_mismatches: int
    largest: float
    tolerance: float

    def to_json(self) -> dict[str, float]:
        return {
            "rows": self.rows,
            "dirtiedRows": self.dirtied_rows,
            "labelMismatches": self.label_mismatches,
            "maxDifference": self.largest,
            "tolerance": self.tolerance,
        }


class Runner:
    """A graph in ONNX Runtime, one thread as where it serves."""

    def __init__(self, graph: Graph) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(graph.model, options, providers=["CPUExecutionProvider"])
        self._graph = graph

    def predict(self, X: NDArray[np.floating]) -> Floats:
        """Values [rows], or probabilities [rows, classes]."""
        (out,) = self._session.run(None, {INPUT: X})
        return np.asarray(out[:, 0] if self._graph.kind == "value" else out / self._graph.divisor)


def check(graph: Graph, fit: Fit, table: Table, classes: int, threshold: float | None, seed: int) -> Parity:
    """Compares on up to ROWS_MAX rows of `table` and as many dirtied ones. Raises PlatformError above the tolerance."""
    clean = table.take(np.arange(min(table.rows, ROWS_MAX)))
    dirty = dirtied(clean, "1e30" if graph.input_type == "float64" else "1e300", seed)
    tolerance = max(member.family.tolerance for member in fit.members)
    runner = Runner(graph)
    mismatches, largest = 0, 0.0
    for rows in (clean, dirty):
        X = encode(fit.columns, rows, graph.input_type)
        ours, theirs = runner.predict(X), fit.predict_rows(rows, classes)
        largest = max(largest, _difference(ours, theirs, classes))
        if classes:
            differ = labels(ours, threshold) != labels(theirs, threshold)
            mismatches += int(np.count_nonzero(differ & ~_tied(theirs)))
    parity = Parity(clean.rows, dirty.rows, mismatches, largest, tolerance)
    if mismatches or not largest <= parity.tolerance:
        raise PlatformError(
            "ExportDiffers",
            f"The exported model differs from the trained one: {mismatches} labels of {clean.rows + dirty.rows}, "
            f"by {largest:.1e} at most ({parity.tolerance:.0e} is allowed).",
            "Choose another model type, and report this.",
        )
    return parity


def _difference(ours: Floats, theirs: Floats, classes: int) -> float:
    """The largest, of a value relative to it or to the usual size of one; two NaNs or two equal infinities are none,
    one of them is an infinite one."""
    with np.errstate(invalid="ignore"):
        apart = np.abs(ours - theirs)
        if not classes:
            sizes = np.abs(theirs)
            usual = np.median(sizes[np.isfinite(sizes)]) if np.isfinite(sizes).any() else 1.0
            apart = apart / np.maximum(np.maximum(sizes, usual), np.finfo(np.float64).tiny)
    same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    apart = np.where(same, 0.0, np.where(np.isnan(apart), np.inf, apart))
    return float(apart.max()) if apart.size else 0.0


def _tied(probabilities: Floats) -> NDArray[np.bool_]:
    ranked = np.sort(probabilities, axis=1)
    return np.asarray(ranked[:, -1] - ranked[:, -2] < TIE)


def dirtied(table: Table, huge: str, seed: int) -> Table:
    """The same rows with cells made missing, empty, unknown, huge or tiny, as text, through the whole encoding."""
    bad = ["", "NA", "never seen before", huge, "-" + huge, "1e-300", "0", "-1", " 12 ", "1e999", "0.1.2", "ÿ"]
    random = np.random.default_rng(seed)
    columns = {}
    for name, column in table.columns.items():
        cells = [column.text_at(row) for row in range(table.rows)]
        for row in np.nonzero(random.random(table.rows) < DIRTY_SHARE)[0]:
            cells[row] = bad[random.integers(len(bad))]
        columns[name] = cells
    return table_of(columns)
