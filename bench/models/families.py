"""What every family can do: `python -m bench.models.families` trains each on a shop's table for a number, for two and
for three classes, and prints a row each: does it convert, how far is the graph from the estimator on held-out and
dirtied rows, is a training that is cut after every step the same to the byte, how large are the files, how long does a
fit take.

The fit overhead is speed.py's, wrong labels over many hard rows are exactness.py's.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

from trainer.errors import JobError
from trainer.export.artefact import export
from trainer.families import AUTO, FAMILIES
from trainer.golden.shop import TARGETS, training_rows, write_csv
from trainer.table.reading import read_table
from trainer.table.source import Source, inspect
from trainer.ticket import Request
from trainer.training.course import Course
from trainer.training.problem import Problem, pose

WHEN = datetime(2026, 1, 1, tzinfo=timezone.utc)
COLUMNS = (
    "family",
    "task",
    "converts",
    "largest difference",
    "tolerance",
    "wrong labels",
    "cut = uncut",
    "KB onnx",
    "KB joblib",
    "steps",
    "fit s",
)


@dataclass(frozen=True)
class Row:
    """A family and a kind of target."""

    family: str
    task: str
    converts: bool
    largest: float
    tolerance: float
    wrong_labels: int
    resumes: bool
    onnx_bytes: int
    joblib_bytes: int
    steps: int
    seconds: float

    def cells(self) -> list[str]:
        return [
            self.family,
            self.task,
            "yes" if self.converts else "NO",
            f"{self.largest:.1e}",
            f"{self.tolerance:.0e}",
            str(self.wrong_labels),
            "yes" if self.resumes else "NO",
            f"{self.onnx_bytes / 1000:.0f}",
            f"{self.joblib_bytes / 1000:.0f}",
            str(self.steps),
            f"{self.seconds:.2f}",
        ]


def measured(name: str, target: str, folder: Path) -> Row:
    """Trains once as it is, once cut and resumed after every step."""
    request, problem, source = _posed(name, target, folder)
    began = time.perf_counter()
    whole = Course(problem, request, source.sha256)
    while not whole.done:
        whole.advance()
    seconds = time.perf_counter() - began
    try:
        artefact = export(problem, whole.outcome(), request, source, "shop.csv", WHEN)
    except JobError:
        return Row(
            name,
            TARGETS[target],
            False,
            float("inf"),
            0,
            -1,
            False,
            0,
            0,
            whole.state.step,
            seconds,
        )
    cut = Course(problem, request, source.sha256)
    while not cut.done:
        cut.advance()
        resumed = Course(problem, request, source.sha256)
        assert resumed.restore(cut.dump())
        cut = resumed
    again = export(problem, cut.outcome(), request, source, "shop.csv", WHEN)
    told = json.loads(artefact.files["manifest.json"])
    same = all(artefact.files[file] == again.files[file] for file in ("model.onnx", "metrics.json"))
    return Row(
        name,
        TARGETS[target],
        True,
        told["parity"]["maxDifference"],
        told["parity"]["tolerance"],
        told["parity"]["labelMismatches"],
        same,
        len(artefact.files["model.onnx"]),
        len(artefact.files["model.joblib"]),
        whole.state.step,
        seconds,
    )


def _posed(name: str, target: str, folder: Path) -> tuple[Request, Problem, Source]:
    rows = training_rows()
    features = {column: cells for column, cells in rows.items() if column not in TARGETS}
    path = folder / f"{target}.csv"
    write_csv(path, {**features, target: rows[target]})
    source = inspect(path, path.name)
    request = Request(target=target, model=name, seed=1)
    return request, pose(read_table(source, path.name), request), source


def rows(names: list[str], folder: Path) -> Iterator[Row]:
    for name in names:
        for target, kind in TARGETS.items():
            task = "regression" if kind == "regression" else "classification"
            if name == AUTO or task in FAMILIES[name].tasks:
                yield measured(name, target, folder)


def main(arguments: list[str]) -> int:
    """Names of families, or none for all and auto. The last line is JSON."""
    names = arguments or [*FAMILIES, AUTO]
    found = []
    print(" | ".join(COLUMNS))
    with tempfile.TemporaryDirectory() as folder:
        for row in rows(names, Path(folder)):
            print(" | ".join(row.cells()), flush=True)
            found.append(row)
    print(json.dumps([asdict(row) for row in found]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
