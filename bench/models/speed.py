"""`python -m bench.models.speed [--rows N] [--rounds N] [--family NAME …] [--part overhead|memory|reading …]`: what the
worker costs beside the bare libraries.

overhead: our fit, step by step with the loss after each, against the estimator's own `fit` with the same settings on
the same matrix, alternating, medians. memory: peak of a process that reads a file and trains, less what the imported
libraries take, against the bytes of the table's arrays (4 bytes a cell where few differ) and against 8 bytes a cell,
as a matrix of numbers would have. reading: MB/s of the reader beside Python's csv and pyarrow.csv.
The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from bench.models.datasets import DATASETS, FOLDER
from trainer.families import FAMILIES
from trainer.features.encoding import encode
from trainer.table.columns import Column, Table
from trainer.table.reading import Reading, read_table
from trainer.table.source import inspect
from trainer.ticket import Request
from trainer.training.course import Course
from trainer.training.fitting import begin
from trainer.training.metrics import loss
from trainer.training.problem import Problem, pose
from trainer.training.search import ingredient

COLUMNS = 20
LOSS_ROWS = 1000
OVERHEAD_TARGET = 1.1
PEAK_TARGET = 2.5
SETTINGS: dict[str, dict[str, object]] = {
    "random_forest": {"n_estimators": 96},
    "gradient_boosting": {"n_estimators": 60},
}
"""Fewer trees than the default where that takes minutes; the same for both sides."""
OVERHEAD_FAMILIES = (
    "random_forest", "gradient_boosting", "hist_gradient_boosting", "xgboost", "lightgbm", "logistic", "linear",
)  # fmt: skip
QUICK = ("hist_gradient_boosting", "lightgbm", "xgboost", "logistic", "linear")
MEMORY_FAMILIES = ("lightgbm", "xgboost", "hist_gradient_boosting", "logistic")


def posed(rows: int, regression: bool) -> Problem:
    """Numbers and a noisy target of two classes, or a number."""
    random = np.random.default_rng(0)
    columns = {f"x{i}": random.normal(size=rows) for i in range(COLUMNS)}
    signal = columns["x0"] + columns["x1"] ** 2 - columns["x2"] * columns["x3"] + random.normal(size=rows)
    table = {name: Column(name, [], None, values) for name, values in columns.items()}
    if regression:
        table["y"] = Column("y", [], None, signal)
    else:
        table["y"] = Column("y", ["no", "yes"], (signal > np.median(signal)).astype(np.int32))
    return pose(Reading(Table(table, rows), []), Request(target="y", model="auto"))


def bare(estimator: Any) -> Any:
    """A fresh estimator with the settings that ours ended with. On two cores both sides have two threads."""
    from sklearn.base import clone

    fresh = clone(estimator)
    known = fresh.get_params()
    wanted = {"warm_start": False, "n_jobs": os.cpu_count()}
    return fresh.set_params(**{name: value for name, value in wanted.items() if name in known})


def overhead(name: str, rows: int, rounds: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Seconds of both, wall and processor, medians."""
    family = FAMILIES[name]
    problem = posed(rows, "classification" not in family.tasks)
    every = np.arange(rows)
    chosen = ingredient(name, SETTINGS.get(name, {}))
    sample = problem.table.take(every[:LOSS_ROWS])
    X = encode(begin(problem, (chosen,), every, 0).columns, problem.table, family.input_type)
    times: dict[str, list[tuple[float, float]]] = {"ours": [], "bare": []}
    ended: Any = None

    def ours() -> None:
        nonlocal ended
        fit._matrices[family.scheme, family.input_type] = X
        seen, classes = fit.encoded(sample), len(problem.classes or ())
        while not fit.done:
            told = fit.predict_member(fit.advance(problem, every), seen, classes)
            loss(problem.y[:LOSS_ROWS], told, classes)
        ended = fit.members[0].estimator

    for number in range(rounds + 1):  # the first round warms up
        fit = begin(problem, (chosen,), every, 0)
        took = timed(ours)
        fresh = bare(ended)
        other = timed(partial(fresh.fit, X, problem.y))
        if number or rounds == 1:
            times["ours"].append(took)
            times["bare"].append(other)
    median = {side: [statistics.median(each) for each in zip(*seen, strict=True)] for side, seen in times.items()}
    (wall, cpu), (bare_wall, bare_cpu) = median["ours"], median["bare"]
    result = {
        "family": name, "rows": rows, "steps": chosen.steps, "ours_s": round(wall, 3), "bare_s": round(bare_wall, 3),
        "ratio": round(wall / bare_wall, 3), "cpu_ratio": round(cpu / bare_cpu, 3), "target": OVERHEAD_TARGET,
    }  # fmt: skip
    say(
        f"{name:24} {rows:>9,} rows {chosen.steps:>3} steps  {wall:8.3f} s  bare {bare_wall:8.3f} s  "
        f"ratio {result['ratio']:.3f} (processor {result['cpu_ratio']:.3f})"
    )
    return result


def timed(work: Callable[[], object]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def credit_file(folder: Path, rows: int) -> Path:
    """German credit, repeated."""
    header, *lines = (FOLDER / DATASETS["german_credit"].file).read_text("utf-8-sig").splitlines()
    path = folder / "credit.csv"
    with path.open("w") as file:
        file.write(header + "\n")
        for start in range(0, rows, len(lines)):
            file.write("\n".join(lines[: rows - start]) + "\n")
    return path


def numbers_file(folder: Path, rows: int) -> Path:
    """Numbers of four decimals, of which nearly all differ."""
    from pyarrow import csv, table

    problem = posed(rows, regression=False)
    columns: dict[str, Any] = {name: problem.table.columns[name].numbers().round(4) for name in problem.table.columns}
    path = folder / "numbers.csv"
    csv.write_csv(table({**columns, "y": problem.y}), path)
    return path


def peak_bytes() -> int:
    """Of this process so far."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("no VmHWM in /proc/self/status: this needs Linux")


def child(name: str, path: Path) -> None:
    """In a process of its own: reads and trains as the worker does, and tells its peaks."""
    with path.open() as file:
        target = file.readline().rpartition(",")[2].strip().strip('"')
    warm = posed(400, regression=False)
    run(Course(warm, Request(target="y", model=name), ""))
    base = peak_bytes()
    source = inspect(path, path.name)
    reading = read_table(source, path.name)
    parsed, cells, read = (
        reading.table.bytes,
        reading.table.rows * len(reading.table.columns),
        peak_bytes(),
    )
    request = Request(target=target, model=name)
    problem = pose(reading, request)
    del reading
    run(Course(problem, request, source.sha256))
    told = {
        "base": base,
        "parsed": parsed,
        "cells": 8 * cells,
        "read": read,
        "trained": peak_bytes(),
    }
    print(json.dumps(told))


def run(course: Course) -> None:
    while not course.done:
        course.advance()
    course.outcome()


def memory(name: str, path: Path, say: Callable[[str], None]) -> dict[str, Any]:
    told = json.loads(
        subprocess.run(  # noqa: S603 - this file itself
            [sys.executable, "-m", "bench.models.speed", "--child", name, "--file", str(path)],
            check=True, capture_output=True, text=True,
        ).stdout.splitlines()[-1]
    )  # fmt: skip
    mib = {key: round(value / 2**20) for key, value in told.items()}
    above = {key: told[key] - told["base"] for key in ("read", "trained")}
    ratio, by_cells = (
        above["trained"] / told["parsed"],
        above["trained"] / told["cells"],
    )
    say(
        f"{name:24} {path.stem:8} parsed {mib['parsed']:>4} MiB, libraries {mib['base']:>4} MiB, peak after reading "
        f"{mib['read']:>4} MiB, after training {mib['trained']:>4} MiB: {ratio:.2f} times parsed, {by_cells:.2f} times "
        f"8 bytes a cell"
    )
    return {
        "family": name, "file": path.stem, **{f"{key}_mib": value for key, value in mib.items()},
        "read_ratio": round(above["read"] / told["parsed"], 2), "ratio": round(ratio, 2),
        "ratio_to_cells": round(by_cells, 2), "target": PEAK_TARGET,
    }  # fmt: skip


def reading_rates(path: Path, rounds: int, say: Callable[[str], None]) -> dict[str, Any]:
    """MB/s of processor time: other work on the machine does not count."""
    import csv

    from pyarrow import csv as arrow_csv

    def plain() -> None:
        with path.open(newline="") as file:
            for _ in csv.reader(file):
                pass

    sides: dict[str, Callable[[], object]] = {
        "ours": lambda: read_table(inspect(path, path.name), path.name),
        "csv.reader alone": plain,
        "pyarrow.csv": lambda: arrow_csv.read_csv(path),
    }
    taken: dict[str, list[tuple[float, float]]] = {side: [] for side in sides}
    for _ in range(rounds):
        for side, work in sides.items():
            taken[side].append(timed(work))
    megabytes = path.stat().st_size / 1e6
    wall = {side: round(megabytes / statistics.median(t[0] for t in seen), 1) for side, seen in taken.items()}
    cpu = {side: round(megabytes / statistics.median(t[1] for t in seen), 1) for side, seen in taken.items()}
    for side in sides:
        say(f"{path.stem:8} {side:18} {wall[side]:8.1f} MB/s (by processor time {cpu[side]:.1f})")
    return {"file": path.stem, "mb_per_s": wall, "cpu_mb_per_s": cpu}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=100_000)
    options.add_argument(
        "--many-rows",
        type=int,
        default=1_000_000,
        help="for quick families and files; 0: none",
    )
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--family", action="append", default=[])
    options.add_argument("--part", action="append", default=[], choices=("overhead", "memory", "reading"))
    options.add_argument("--child", default="", help=argparse.SUPPRESS)
    options.add_argument("--file", type=Path, default=Path(), help=argparse.SUPPRESS)
    asked = options.parse_args()
    warnings.simplefilter("ignore")
    if asked.child:
        child(asked.child, asked.file)
        return
    parts = asked.part or ["overhead", "memory", "reading"]
    result: dict[str, Any] = {"benchmark": "speed", "cores": os.cpu_count()}

    def those(names: tuple[str, ...]) -> list[str]:
        return [name for name in names if name in FAMILIES and (not asked.family or name in asked.family)]

    if "overhead" in parts:
        sizes = [(name, asked.rows) for name in those(OVERHEAD_FAMILIES)]
        sizes += [(name, asked.many_rows) for name in those(QUICK) if asked.many_rows]
        result["overhead"] = [overhead(name, rows, asked.rounds, print) for name, rows in sizes]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if "memory" in parts or "reading" in parts:
            files = [
                numbers_file(folder, asked.many_rows),
                credit_file(folder, asked.many_rows),
            ]
        if "memory" in parts:
            result["memory"] = [memory(name, file, print) for file in files for name in those(MEMORY_FAMILIES)]
        if "reading" in parts:
            result["reading"] = [reading_rates(file, 1, print) for file in files]
    print(json.dumps(result))


if __name__ == "__main__":
    main()
