"""What matters is found, what does not is near zero, for every family and blend, within bounds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trainer.evaluation import importance as module
from trainer.evaluation.importance import importance, shuffled
from trainer.table.columns import table_of
from trainer.tests.shop import read
from trainer.ticket import Request
from trainer.training.fitting import Fit, Ingredient, begin
from trainer.training.problem import Problem, pose
from trainer.training.search import ingredient


def posed(folder: Path, target: str, columns: int = 3, rows: int = 240) -> Problem:
    """c0 says much of the target, c1 little, the others nothing; c1 is words."""
    random = np.random.default_rng(4)
    numbers = random.normal(size=(rows, columns))
    words = np.array(["low", "middle", "high"])[np.digitize(numbers[:, 1], [-0.5, 0.5])]
    value = 4 * numbers[:, 0] + (words == "high") + random.normal(0, 0.2, rows)
    lines = [",".join([*(f"c{i}" for i in range(columns)), "target"])]
    for row in range(rows):
        cells = [f"{number:.4f}" for number in numbers[row]]
        cells[1] = str(words[row])
        said = f"{value[row]:.3f}" if target == "number" else ("yes" if value[row] > 0.3 else "no")
        lines.append(",".join([*cells, said]))
    return pose(read(folder, "\n".join(lines) + "\n"), Request("target", "auto"))


def fitted(problem: Problem, names: list[str]) -> Fit:
    parts = tuple(Ingredient(name, ingredient(name, {}).chosen, 1 / len(names)) for name in names)
    rows = np.arange(160)
    fit = begin(problem, parts, rows, 1)
    while not fit.done:
        fit.advance(problem, rows)
    return fit


TEST = np.arange(160, 240)


@pytest.mark.parametrize("names", [["ridge"], ["ridge", "gradient_boosting"]])
def test_columns_of_numbers_by_the_fall_of_r2(tmp_path: Path, names: list[str]) -> None:
    problem = posed(tmp_path, "number")
    fit = fitted(problem, names)
    parts = [shuffled(fit, problem, TEST, 1, 7)]
    found = importance(parts, problem, problem.y[TEST])
    assert [one.column for one in found[:2]] == ["c0", "c1"]
    assert found[0].mean > 1.5
    assert abs(found[2].mean) < 0.02
    assert found[0].std > 0
    assert module.scoring(problem) == "r2"
    assert found == importance([shuffled(fit, problem, TEST, 1, 7)], problem, problem.y[TEST])


def test_shuffling_by_hand_gives_the_same(tmp_path: Path) -> None:
    problem = posed(tmp_path, "number")
    fit = fitted(problem, ["ridge"])
    (first, *_) = importance([shuffled(fit, problem, TEST, 1, 7)], problem, problem.y[TEST])
    table, y = problem.table.take(TEST), problem.y[TEST]
    before = np.mean((fit.predict_rows(table, 0) - y) ** 2)
    rises = []
    for seed in range(30):
        cells = {name: [column.text_at(row) for row in range(80)] for name, column in table.columns.items()}
        cells["c0"] = [cells["c0"][at] for at in np.random.default_rng(seed).permutation(80)]
        rises.append(np.mean((fit.predict_rows(table_of(cells), 0) - y) ** 2) - before)
    assert first.mean == pytest.approx(np.mean(rises) / np.var(y), rel=0.15)


@pytest.mark.parametrize("names", [["logistic"], ["random_forest", "logistic"]])
def test_columns_of_classes_by_the_rise_of_the_brier_score(tmp_path: Path, names: list[str]) -> None:
    problem = posed(tmp_path, "class")
    fit = fitted(problem, names)
    found = importance(
        [shuffled(fit, problem, half, 2, 7) for half in (TEST[:40], TEST[40:])], problem, problem.y[TEST]
    )
    assert found[0].column == "c0"
    assert found[0].mean > 0.2
    assert module.scoring(problem) == "neg_brier_score"


def test_of_very_many_columns_the_telling_ones_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "COLUMNS_MAX", 4)
    problem = posed(tmp_path, "number", columns=12)
    fit = fitted(problem, ["ridge"])
    part = shuffled(fit, problem, TEST, 1, 7)
    assert len(part.columns) == 4
    assert part.columns[0] == "c0"
    assert importance([part], problem, problem.y[TEST])[0].column == "c0"


@pytest.mark.parametrize(
    ("rows", "columns", "folds"),
    [(200, 20, 1), (40_000, 20, 1), (200_000, 100, 1), (4, 100, 5), (180, 100, 5), (9, 3, 5)],
)
def test_the_work_is_bounded(rows: int, columns: int, folds: int) -> None:
    sampled, repeats = module._size(rows, columns, folds)
    assert 1 <= repeats <= 5
    assert 1 <= sampled <= min(rows, 2000)
    assert sampled * repeats * columns * folds <= 40_000
    if rows == 200:
        assert (sampled, repeats) == (200, 5)


def test_columns_are_predicted_in_batches_without_changing_a_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = posed(tmp_path, "number")
    fit = fitted(problem, ["ridge"])
    whole = shuffled(fit, problem, TEST, 1, 7)
    monkeypatch.setattr(module, "BATCH_ROWS", 10)
    np.testing.assert_allclose(shuffled(fit, problem, TEST, 1, 7).rise, whole.rise, rtol=1e-9)
