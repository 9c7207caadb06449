"""Ten thousand columns are read, judged, learned and encoded: what each costs must not grow with the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from trainer.features.encoding import encode, width
from trainer.features.fitting import fit_columns
from trainer.tests.shop import read
from trainer.ticket import Request
from trainer.training.problem import pose

COLUMNS, ROWS = 10_000, 40


def test_ten_thousand_columns(tmp_path: Path) -> None:
    cells = np.random.default_rng(0).integers(0, 1000, (ROWS, COLUMNS + 1))
    names = ",".join([*(f"c{place}" for place in range(COLUMNS)), "y"])
    body = "\n".join([names, *(",".join(map(str, row)) for row in cells.tolist())])
    problem = pose(read(tmp_path, body), Request(target="y", model="ridge", task="regression"))
    columns = fit_columns(problem.features, problem.table, "linear")
    matrix = encode(columns, problem.table, "float64")
    assert matrix.shape == (ROWS, width(columns))
    assert width(columns) > COLUMNS - 100
    assert any("more columns" in note for note in problem.notes)
