"""Small tables and shortcuts that many tests share."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from trainer.table.cells import Floats
from trainer.table.columns import Indices
from trainer.table.reading import Reading, read_table
from trainer.table.source import Source, inspect
from trainer.ticket import Request
from trainer.training import search
from trainer.training.course import Course
from trainer.training.fitting import Ingredient
from trainer.training.problem import Problem, pose

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
LATER = NOW + timedelta(days=1)


def write(folder: Path, content: str | bytes, name: str = "data.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(folder: Path, content: str | bytes, name: str = "data.csv") -> Reading:
    path = write(folder, content, name)
    return read_table(inspect(path, name), name)


def shop_csv(rows: int = 120, seed: int = 0) -> str:
    """Numbers, words, missing cells; targets price (number), bought (yes, no) and grade (three classes)."""
    random = np.random.default_rng(seed)
    size, colour = random.normal(100, 20, rows), random.integers(0, 3, rows)
    signal = (size - 100) / 20 + colour + random.normal(0, 0.3, rows)
    grades = np.digitize(signal, np.quantile(signal, [0.3, 0.7]))
    lines = ["size,colour,price,bought,grade"]
    for i in range(rows):
        cell = "" if i % 17 == 5 else f"{size[i]:.3f}"
        word = ("red", "green", "blue")[colour[i]]
        bought = "yes" if signal[i] > 1 else "no"
        lines.append(f"{cell},{word},{50 + 10 * signal[i]:.2f},{bought},{'abc'[grades[i]]}")
    return "\n".join(lines) + "\n"


def shop(folder: Path, target: str, model: str, rows: int = 120, **more: object) -> tuple[Problem, Request, Source]:
    """The shop as a problem with one of its targets; the other targets are no features."""
    path = write(folder, shop_csv(rows))
    source = inspect(path, "data.csv")
    request = Request(target=target, model=model, features=("size", "colour"), **more)  # type: ignore[arg-type]
    return pose(read_table(source, "data.csv"), request), request, source


def run(course: Course) -> Course:
    while not course.done:
        course.advance()
    return course


def predict_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search makes the same fit on the same rows only once: that it comes out the same is other tests' matter."""
    predict, known = search._predicted, dict[tuple[str, bytes], Floats]()

    def remembered(problem: Problem, wanted: Ingredient, train: Indices, test: Indices, seed: int) -> Floats:
        key = (repr(wanted), train.tobytes() + test.tobytes())
        if key not in known:
            known[key] = predict(problem, wanted, train, test, seed)
        return known[key]

    monkeypatch.setattr(search, "_predicted", remembered)
