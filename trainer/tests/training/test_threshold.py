"""The threshold of two classes: steady on few rows, and better than even odds where classes are unequal."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trainer.table.cells import Floats
from trainer.tests.shop import shop
from trainer.training.metrics import labels
from trainer.training.threshold import best_threshold, wants_threshold


def told_of(rows: int, share: float, seed: int) -> tuple[np.ndarray, Floats]:
    """Classes, and the true probabilities of what a normal variable says about them."""
    random = np.random.default_rng(seed)
    truth = (random.random(rows) < share).astype(np.int64)
    seen = random.normal(truth * 1.2 - 0.6, 1)
    second = 1 / (1 + np.exp(-(1.2 * seen + np.log(share / (1 - share)))))
    return truth, np.column_stack([1 - second, second])


def balanced(truth: np.ndarray, told: Floats, threshold: float | None) -> float:
    right = labels(told, threshold) == truth
    return float(right[truth == 1].mean() + right[truth == 0].mean()) / 2


@pytest.mark.parametrize(("rows", "share"), [(100, 0.3), (400, 0.3), (400, 0.1), (2000, 0.1)])
def test_on_new_rows_it_is_better_than_even_odds_and_near_the_share(rows: int, share: float) -> None:
    new_truth, new_told = told_of(20_000, share, 99)
    found = [best_threshold(*told_of(rows, share, seed), None, seed) for seed in range(15)]
    reached = np.mean([balanced(new_truth, new_told, threshold) for threshold in found])
    assert reached > balanced(new_truth, new_told, None) + 0.02
    assert reached > balanced(new_truth, new_told, share) - 0.015
    assert np.std([0.5 if one is None else one for one in found]) < 0.09


def test_equal_classes_keep_even_odds_nearly() -> None:
    threshold = best_threshold(*told_of(2000, 0.5, 3), None, 0)
    assert threshold is None or abs(threshold - 0.5) < 0.05


def test_the_same_rows_and_seed_give_the_same() -> None:
    truth, told = told_of(300, 0.2, 1)
    assert best_threshold(truth, told, None, 5) == best_threshold(truth, told, None, 5)


def test_where_nothing_can_be_told_the_usual_one_stays() -> None:
    truth, told = told_of(50, 0.3, 1)
    assert best_threshold(np.zeros(50, dtype=np.int64), told, 0.5, 0) == pytest.approx(0.5)
    assert best_threshold(np.ones(50, dtype=np.int64), told, None, 0) is None
    assert best_threshold(truth, np.full((50, 2), 0.5), None, 0) is None


def test_only_two_unequal_classes_want_one(tmp_path: Path) -> None:
    wanted = {target: wants_threshold(shop(tmp_path, target, "auto")[0]) for target in ("price", "bought", "grade")}
    assert not wanted["price"]
    assert not wanted["grade"]
    share = float(np.mean(shop(tmp_path, "bought", "auto")[0].y))
    assert wanted["bought"] == (min(share, 1 - share) < 0.4)
