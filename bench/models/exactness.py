"""`python -m bench.models.exactness [--rows N] [--family NAME …]`: does every graph say what its estimator says?

Hard rows: millisecond timestamps, 31-bit ids, money with cents, numbers about 1e-9 and 1e-36, words and missing cells,
through the product's own encoding. Each classifier sees them for two and for three classes, with one and with two
threads of ONNX Runtime. Wanted: no wrong label. Prints a table, then one line of JSON. `--keep FOLDER` leaves graphs,
rows and predictions there for other evaluators (`npm run bench -- evaluators`).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from trainer.errors import JobError
from trainer.export.graph import INPUT, Graph
from trainer.families import FAMILIES
from trainer.families.family import Family, Task
from trainer.families.hyperparameters import choose
from trainer.features.encoding import encode, width
from trainer.features.fitting import fit_columns
from trainer.features.profile import Feature
from trainer.table.columns import Table, table_of
from trainer.training.fitting import Ingredient
from trainer.training.metrics import labels
from trainer.training.search import default_threshold

ROWS = 60_000
"""A number of classes; with two and with three, a classifier meets twice as many."""
TRAIN_ROWS = 1200
CHUNK = 4096
SEED = 1
WORDS = ("red", "green", "blue", "grey", "white")


@dataclass(frozen=True)
class Measured:
    """A family and a target. `largest`: difference of a probability, or of a value relative to it."""

    family: str
    target: str
    rows: int
    wrong: int
    wrong_two_threads: int
    largest: float
    tolerance: float
    onnx_bytes: int
    fit_seconds: float


class Hard:
    """A table of hard rows and its targets."""

    def __init__(self, rows: int, seed: int) -> None:
        random = np.random.default_rng(seed)
        moments = 1_700_000_000_000 + random.integers(0, 10**10, rows)
        ids = random.integers(0, 2**31, rows)
        money = np.round(random.lognormal(5, 2, rows), 2)
        small, faint = random.normal(0, 1e-9, rows), random.normal(0, 1e-36, rows)
        words = random.integers(0, len(WORDS), rows)
        hidden = (
            (moments - moments.mean()) / moments.std()
            + np.log(money) / 2
            + small * 1e9
            + (ids % 2)
            + (words == 1) * 2
            + random.normal(0, 0.5, rows)
        )
        absent = random.random((2, rows)) < 0.05
        self.table: Table = table_of(
            {
                "moment": [str(value) for value in moments.tolist()],
                "id": [str(value) for value in ids.tolist()],
                "money": [
                    "" if gone else f"{value:.2f}" for value, gone in zip(money.tolist(), absent[0], strict=True)
                ],
                "small": [repr(value) for value in small.tolist()],
                "faint": [repr(value) for value in faint.tolist()],
                "word": ["" if gone else WORDS[value] for value, gone in zip(words, absent[1], strict=True)],
            }
        )
        self.value = hidden * 1000
        self.classes = {
            count: np.digitize(hidden, np.quantile(hidden, np.linspace(0, 1, count + 1)[1:-1])) for count in (2, 3)
        }
        self.features = [Feature(name, "category" if name == "word" else "number", "") for name in self.table.columns]


def compared(
    family: Family,
    task: Task,
    classes: int,
    train: Hard,
    test: Hard,
    asked: Mapping[str, object] | None = None,
    folder: Path | None = None,
) -> Measured:
    """Fits on `train`, compares on `test`; `classes`: 0 for regression. `folder`: to keep what was compared."""
    chosen = choose(family.name, family.hyperparameters, asked or {})
    columns = fit_columns(train.features, train.table, family.scheme)
    X = encode(columns, train.table, family.input_type)
    y = train.classes[classes] if classes else train.value
    estimator = family.build(task, chosen, SEED)  # imports its library
    began = time.perf_counter()
    for step in range(family.steps(chosen)):
        family.advance(estimator, X, y, step, chosen)
    seconds = time.perf_counter() - began
    graph = family.graph(estimator, task, width(columns))
    X = encode(columns, test.table, family.input_type)
    theirs = family.predict(estimator, X, classes)
    line = default_threshold((Ingredient(family.name, chosen),), classes)
    if folder:
        keep(folder / f"{family.name}_{classes or 'value'}", graph, X, theirs, line)
    wrong, largest = [], 0.0
    for threads in (1, 2):
        ours = run(graph, X, threads)
        apart = np.abs(ours - theirs)
        largest = max(
            largest,
            float((apart if classes else apart / np.maximum(1.0, np.abs(theirs))).max()),
        )
        wrong.append(int(np.count_nonzero(labels(ours, line) != labels(theirs, line))) if classes else 0)
    target = f"{classes} classes" if classes else "value"
    return Measured(
        family.name,
        target,
        len(X),
        wrong[0],
        wrong[1],
        largest,
        family.tolerance,
        len(graph.model),
        seconds,
    )


def keep(
    folder: Path, graph: Graph, X: NDArray[np.floating], theirs: NDArray[np.float64], threshold: float | None
) -> None:
    """model.onnx, rows.bin (row-major, in the graph's input type), predictions.bin (float64), graph.json."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(graph.model)
    (folder / "rows.bin").write_bytes(np.ascontiguousarray(X).tobytes())
    (folder / "predictions.bin").write_bytes(np.ascontiguousarray(theirs, dtype=np.float64).tobytes())
    about: dict[str, object] = {"type": graph.input_type, "width": graph.width, "kind": graph.kind}
    about |= {"divisor": graph.divisor, "outputs": 1 if theirs.ndim == 1 else theirs.shape[1], "threshold": threshold}
    (folder / "graph.json").write_text(json.dumps(about))


def run(graph: Graph, X: NDArray[np.floating], threads: int) -> NDArray[np.float64]:
    """Values, or probabilities, by ONNX Runtime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(graph.model, options, providers=["CPUExecutionProvider"])
    parts = [session.run(None, {INPUT: X[at : at + CHUNK]})[0] for at in range(0, len(X), CHUNK)]
    out = np.concatenate(parts)
    return np.asarray(out[:, 0] if graph.kind == "value" else out / graph.divisor)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--family", nargs="*", default=list(FAMILIES))
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    train, test = Hard(TRAIN_ROWS, 10), Hard(options.rows, 11)
    print(
        f"{'family':24}{'target':>11}{'rows':>8}{'wrong':>7}{'2 thr.':>7}"
        f"{'largest':>10}{'allowed':>9}{'KB':>8}{'fit s':>7}"
    )
    everything = []
    for name in options.family:
        family = FAMILIES[name]
        targets: list[tuple[Task, int]] = [
            ("classification", 2),
            ("classification", 3),
            ("regression", 0),
        ]
        for task, classes in targets:
            if task not in family.tasks:
                continue
            try:
                one = compared(family, task, classes, train, test, folder=options.keep)
            except JobError as error:
                print(f"{name:24}{error.message}")
                continue
            everything.append(one)
            print(
                f"{one.family:24}{one.target:>11}{one.rows:>8}{one.wrong:>7}{one.wrong_two_threads:>7}"
                f"{one.largest:>10.1e}{one.tolerance:>9.0e}{one.onnx_bytes / 1000:>8.0f}{one.fit_seconds:>7.2f}",
                flush=True,
            )
    print(json.dumps({"exactness": [asdict(one) for one in everything]}))
    return int(any(one.wrong or one.wrong_two_threads or one.largest > one.tolerance for one in everything))


if __name__ == "__main__":
    sys.exit(main())
