"""Interruptions at any step, as often as they like: the same model byte by byte (model.onnx), the same metrics.

A training is cut after a step and goes on, in another course, from what was saved then or earlier.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from trainer.export.blend import graph_of
from trainer.families.family import Task
from trainer.tests.shop import predict_once, run, shop
from trainer.training.course import Course
from trainer.training.portfolio import PORTFOLIO, Configuration

Begin = Callable[[], Course]
Told = tuple[bytes, dict[str, float]]
TRAININGS = [
    ("linear", "price", {}),
    ("ridge", "price", {}),
    ("logistic", "bought", {}),
    ("logistic", "grade", {}),
    ("random_forest", "price", {"n_estimators": 6}),
    ("random_forest", "grade", {"n_estimators": 6}),
    ("gradient_boosting", "price", {"n_estimators": 6, "subsample": 0.7}),
    ("gradient_boosting", "bought", {"n_estimators": 6, "subsample": 0.7}),
    ("gradient_boosting", "grade", {"n_estimators": 4}),
    ("auto", "price", {}),
    ("auto", "bought", {}),
]
EVERY_TRAINING = pytest.mark.parametrize(("model", "target", "hyperparameters"), TRAININGS)
SAVED, KILLED = 0.4, 0.4
"""How likely a checkpoint, and then an end without another one, are after a step."""


def begin_of(folder: Path, model: str, target: str, hyperparameters: dict[str, object], rows: int = 210) -> Begin:
    problem, request, _ = shop(folder, target, model, rows, hyperparameters=hyperparameters, seed=5)
    return lambda: Course(problem, request, "data")


def told(course: Course) -> Told:
    """What is handed over: the bytes of model.onnx, and the metrics."""
    outcome = course.outcome()
    fit = outcome.fit
    task: Task = "classification" if "log_loss" in outcome.metrics else "regression"
    return graph_of(fit, task).model, outcome.metrics


def resumed(begin: Begin, saved: bytes) -> Course:
    course = begin()
    assert course.restore(saved)
    return course


def through_a_storm(begin: Begin, seed: int) -> tuple[Course, int]:
    """A training that is killed again and again; and how often it was."""
    random = np.random.default_rng(seed)
    course, saved, killed = begin(), begin().dump(), 0
    while not course.done:
        course.advance()
        if random.random() < SAVED:
            saved = course.dump()
        if random.random() < KILLED:
            course, killed = resumed(begin, saved), killed + 1
    return course, killed


@pytest.fixture(autouse=True)
def _few_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.training.split.FOLDS_BELOW_ROWS", 100)  # a hold-out: fewer fits to cut
    rounds = Configuration("boosting", "gradient_boosting", {"n_estimators": 5})
    trees = Configuration("forest", "random_forest", {"n_estimators": 4})
    monkeypatch.setitem(PORTFOLIO, "regression", (Configuration("ridge", "ridge"), trees, rounds))
    monkeypatch.setitem(PORTFOLIO, "classification", (Configuration("logistic", "logistic"), trees, rounds))


@EVERY_TRAINING
def test_cut_after_any_step_the_model_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, target: str, hyperparameters: dict[str, object]
) -> None:
    predict_once(monkeypatch)
    begin = begin_of(tmp_path, model, target, hyperparameters)
    whole = begin()
    saved = [whole.dump()]
    while not whole.done:
        whole.advance()
        saved.append(whole.dump())
    wanted = told(whole)
    for step, checkpoint in enumerate(saved):
        course = resumed(begin, checkpoint)
        assert course.state.step == step
        assert told(run(course)) == wanted, f"cut after step {step} of {len(saved) - 1}"


@EVERY_TRAINING
def test_interrupted_again_and_again_the_model_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, target: str, hyperparameters: dict[str, object]
) -> None:
    predict_once(monkeypatch)
    begin = begin_of(tmp_path, model, target, hyperparameters)
    wanted, killed = told(run(begin())), 0
    for seed in range(3):
        course, times = through_a_storm(begin, seed)
        assert told(course) == wanted, f"storm {seed}"
        killed += times
    assert killed >= 3


@pytest.mark.parametrize("target", ["price", "grade"])
def test_few_rows_in_folds_survive_storms_too(tmp_path: Path, target: str) -> None:
    begin = begin_of(tmp_path, "gradient_boosting", target, {"n_estimators": 3, "subsample": 0.7}, rows=60)
    assert len(begin().plan.folds) == 5
    wanted = told(run(begin()))
    for seed in range(2):
        assert told(through_a_storm(begin, seed)[0]) == wanted


def test_what_auto_has_chosen_survives_a_storm_in_the_midst_of_its_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict_once(monkeypatch)
    monkeypatch.setitem(PORTFOLIO, "regression", (Configuration("only", "gradient_boosting", {"n_estimators": 20}),))
    begin = begin_of(tmp_path, "auto", "price", {})
    whole = run(begin())
    assert whole.state.step > 20
    course, killed = through_a_storm(begin, 3)
    assert told(course) == told(whole)
    assert killed > 10


def damaged(checkpoint: bytes) -> dict[str, bytes]:
    """By what happened to it; bits are flipped at places of a seeded generator."""
    size, random = len(checkpoint), np.random.default_rng(7)
    all_ways = {
        "empty": b"",
        "only the digest": checkpoint[:32],
        "half": checkpoint[: size // 2],
        "last byte lost": checkpoint[:-1],
        "something behind": checkpoint + b"\n",
        "zeros": bytes(size),
    }
    for place in random.integers(size, size=200):
        flipped = bytearray(checkpoint)
        flipped[place] ^= 1 << int(random.integers(8))
        all_ways[f"bit of byte {place}"] = bytes(flipped)
    return all_ways


@pytest.mark.parametrize("model", ["random_forest", "gradient_boosting"])
def test_a_damaged_checkpoint_means_from_the_beginning_and_the_same_model(tmp_path: Path, model: str) -> None:
    begin = begin_of(tmp_path, model, "bought", {"n_estimators": 5})
    wanted, cut = told(run(begin())), begin()
    cut.advance()
    course = begin()
    for what, checkpoint in damaged(cut.dump()).items():
        assert not course.restore(checkpoint), what
        assert course.state.step == 0
    assert told(run(course)) == wanted
