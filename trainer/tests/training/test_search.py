"""How auto searches: the same way each time, within its time, over candidates that fail; and what it averages."""

from __future__ import annotations

import dataclasses
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainer.errors import DataError, UserError
from trainer.families import FAMILIES
from trainer.families.family import Task
from trainer.tests.shop import predict_once, run, shop
from trainer.training import portfolio as portfolios
from trainer.training import search as searching
from trainer.training.cost import WORK
from trainer.training.course import Course
from trainer.training.leaderboard import Choice
from trainer.training.portfolio import Configuration
from trainer.training.problem import Problem
from trainer.training.resampling import alone, deal, ladder
from trainer.training.search import Search, search_for
from trainer.training.weights import MEMBERS_MAX, blend, level

SMALL: dict[Task, tuple[Configuration, ...]] = {
    "regression": (
        Configuration("linear", "linear"),
        Configuration("ridge", "ridge", {"alpha": 1.0}),
        Configuration("tree", "decision_tree", {"max_depth": 3}),
        Configuration("stump", "decision_tree", {"max_depth": 1}),
        Configuration("strong", "ridge", {"alpha": 1000.0}),
        Configuration("boosting", "gradient_boosting", {"n_estimators": 10}),
    ),
    "classification": (
        Configuration("logistic", "logistic"),
        Configuration("bayes", "naive_bayes"),
        Configuration("tree", "decision_tree", {"max_depth": 3}),
        Configuration("stump", "decision_tree", {"max_depth": 1}),
        Configuration("boosting", "gradient_boosting", {"n_estimators": 10}),
    ),
}


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    for task, configurations in SMALL.items():
        monkeypatch.setitem(portfolios.PORTFOLIO, task, configurations)


def begun(folder: Path, target: str, rows: int = 120, seconds: float = 600) -> tuple[Problem, Search]:
    problem, request, _ = shop(folder, target, "auto", rows)
    search = search_for(problem, request, np.arange(len(problem.y)), seconds)
    assert isinstance(search, Search)
    return problem, search


def ended(problem: Problem, search: Search) -> Choice:
    while not search.done:
        search.advance(problem)
    return search.choice(problem)


@pytest.mark.parametrize("target", ["price", "bought", "grade"])
def test_cut_and_resumed_the_choice_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    predict_once(monkeypatch)
    problem, search = begun(tmp_path, target)
    saved, lefts = [], []
    while not search.done:
        saved.append(pickle.dumps(search))
        lefts.append(search.remaining)
        search.advance(problem)
    wanted = search.choice(problem)
    assert [search.remaining, *reversed(lefts)] == sorted({search.remaining, *lefts})
    for body in saved[::3]:
        assert ended(problem, pickle.loads(body)) == wanted


def test_the_better_half_climbs_and_the_board_says_on_how_many_rows(tmp_path: Path) -> None:
    problem, search = begun(tmp_path, "price")
    choice = ended(problem, search)
    singles = [one for one in choice.leaderboard if len(one.ingredients) == 1]
    assert {one.name for one in singles} == {one.name for one in SMALL["regression"]}
    assert [one.rows for one in singles] == sorted((one.rows for one in singles), reverse=True)
    assert sum(one.rows == singles[0].rows for one in singles) == MEMBERS_MAX
    assert {one.name for one in singles[MEMBERS_MAX:]} == {"stump", "strong"}
    assert choice.score_name == "neg_root_mean_squared_error"
    assert sum(one.weight for one in choice.ingredients) == 1
    blended = [one for one in choice.leaderboard if len(one.ingredients) > 1]
    assert blended == list(choice.leaderboard[: len(blended)])
    for one in blended:
        assert one.ingredients == choice.ingredients
        assert one.score >= singles[0].score


def test_what_fails_is_left_out_with_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise UserError("TooWide", "It is too wide.", "")

    def fail(*_: Any) -> None:
        raise np.linalg.LinAlgError

    monkeypatch.setattr(FAMILIES["gradient_boosting"], "check", refuse)
    monkeypatch.setattr(FAMILIES["ridge"], "advance", fail)
    monkeypatch.setattr(FAMILIES["linear"], "predict", lambda _, X, __: np.full(len(X), np.nan))
    choice = ended(*begun(tmp_path, "price"))
    assert {one.name: one.reason for one in choice.skipped} == {
        "boosting": "It is too wide.",
        "ridge": "It could not be fitted (LinAlgError).",
        "strong": "It could not be fitted (LinAlgError).",
        "linear": "Its predictions are not all numbers.",
    }
    assert {part.family_name for part in choice.ingredients} == {"decision_tree"}


def test_when_all_fail_the_reason_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise ValueError

    for family in {one.family_name for one in SMALL["classification"]}:
        monkeypatch.setattr(FAMILIES[family], "advance", fail)
    with pytest.raises(DataError, match=r"NothingFits.*logistic"):
        ended(*begun(tmp_path, "bought"))


def test_a_search_keeps_within_its_seconds_and_tries_one_at_least(tmp_path: Path) -> None:
    problem, search = begun(tmp_path, "price", seconds=0.2)
    choice = ended(problem, search)
    assert search.spent <= 0.2
    assert {one.reason for one in choice.skipped} == {"Comparing it would take too long."}
    choice = ended(*begun(tmp_path, "price", seconds=1e-9))
    assert [one.name for one in choice.leaderboard] == ["linear"]


def test_what_would_take_too_long_on_all_rows_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(WORK, "ridge", lambda *_: 601.0)
    choice = ended(*begun(tmp_path, "price"))
    assert {one.name for one in choice.skipped} == {"ridge", "strong"}


def test_when_the_job_runs_short_of_time_it_ends_with_what_it_has(tmp_path: Path) -> None:
    problem, request, _ = shop(tmp_path, "price", "auto", 250)
    course = run(Course(problem, request, "data", seconds_left=lambda: 50.0))
    choice = course.outcome().choice
    assert [one.name for one in choice.leaderboard] == ["linear"]
    assert "ended early" in choice.notes[0]
    enough = run(Course(problem, request, "data", seconds_left=lambda: 1e6)).outcome()
    assert enough.choice == run(Course(problem, request, "data")).outcome().choice


@pytest.mark.parametrize("steps", range(1, 12))
def test_stopped_anywhere_there_is_a_choice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    monkeypatch.setattr(searching, "STEP_SECONDS", 1e-9)
    problem, search = begun(tmp_path, "grade")
    for _ in range(steps):
        search.advance(problem)
    if not search.judged:
        assert steps < 3
        return
    search.stop()
    choice = search.choice(problem)
    assert choice.notes
    assert choice.leaderboard


def test_tiny_tables_rare_classes_and_fewer_rows_than_folds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(portfolios.PORTFOLIO, "classification", SMALL["classification"][1:4])
    problem, search = begun(tmp_path, "grade", 10)
    assert ended(problem, search).ingredients
    problem, request, _ = shop(tmp_path, "grade", "auto", 60)
    y = np.where(np.arange(60) == 7, 2, problem.y % 2)  # the third class has one row
    rare = dataclasses.replace(problem, y=y)
    rare_search = search_for(rare, request, np.arange(60), 600)
    assert isinstance(rare_search, Search)
    assert np.isfinite(ended(rare, rare_search).leaderboard[0].score)


def test_the_same_search_finds_the_same_twice(tmp_path: Path) -> None:
    assert ended(*begun(tmp_path, "bought")) == ended(*begun(tmp_path, "bought"))


def test_the_same_folds_for_every_candidate_and_no_row_in_both_parts(tmp_path: Path) -> None:
    problem, _, _ = shop(tmp_path, "bought", "auto", 200)
    rows = np.arange(0, 200, 2)
    for rung in (*ladder(100, 2), *alone(100)):
        for train, test in deal(problem, rows, rung, 4):
            assert not set(train) & set(test)
            assert set(train) | set(test) <= set(rows)


def test_a_rare_class_is_in_every_training_part_of_a_sample(tmp_path: Path) -> None:
    problem, _, _ = shop(tmp_path, "bought", "auto", 200)
    y = np.zeros(20_000, dtype=np.int64)
    y[::10_000] = 1
    rare = dataclasses.replace(problem, y=y)
    for rung in (*ladder(20_000, 2), *alone(20_000)):
        for train, _ in deal(rare, np.arange(20_000), rung, 4):
            assert y[train].any()


@pytest.mark.parametrize("rows", [10, 99, 100, 1499, 1500, 5000, 5001, 60_000, 10**7])
@pytest.mark.parametrize("classes", [0, 2, 100])
def test_ladders_climb(rows: int, classes: int) -> None:
    rungs = ladder(rows, classes)
    sizes = [rung.rows for rung in rungs]
    assert sizes == sorted(sizes)
    assert sizes[-1] <= min(rows, 100_000)
    assert max(sizes[-1] * classes, 0) <= max(100_000, 5000 * classes)
    tested = [(rung.rows, rung.repeat, fold) for rung in rungs for fold in rung.tested]
    assert len(tested) == len(set(tested))


def test_a_blend_is_kept_only_where_it_is_better() -> None:
    random = np.random.default_rng(0)
    truth = random.normal(size=400)
    noisy = [truth + random.normal(size=400) for _ in range(3)]
    weights = blend(truth, noisy, np.arange(400), 0, 1)
    assert all(0.2 < weight < 0.5 for weight in weights)
    assert sum(weights) == 1
    right = [truth, truth + random.normal(size=400)]
    assert blend(truth, right, np.arange(400), 0, 1) == [1.0, 0.0]
    assert blend(truth, [noisy[0]], np.arange(400), 0, 1) == [1.0]
    many = [truth + random.normal(size=400) for _ in range(9)]
    assert sum(weight > 0 for weight in blend(truth, many, np.arange(400), 0, 1)) == MEMBERS_MAX


def test_candidates_that_few_rows_cannot_tell_apart_count_alike() -> None:
    random = np.random.default_rng(0)
    truth = random.normal(0, 1, 20)
    together = random.normal(0, 0.5, 20)
    good = [truth + together + random.normal(0, 0.02, 20) for _ in range(6)]
    bad = truth + random.normal(3, 0.5, 20)
    weights = level(truth, [bad, *good], np.arange(20))
    assert weights[0] == 0
    kept = [weight for weight in weights if weight]
    assert 1 < len(kept) <= MEMBERS_MAX
    assert kept == [1 / len(kept)] * len(kept)
    assert level(truth, [bad, bad + 0.1, truth], np.arange(20)) == [0.0, 0.0, 1.0]
    # The same rows dealt twice are no more rows than once.
    twice = [np.concatenate([one, one]) for one in (truth, bad, *good)]
    assert level(twice[0], twice[1:], np.tile(np.arange(20), 2)) == weights
    assert level(truth[:1], [truth[:1] + 1, truth[:1]], np.array([0])) == [0.0, 1.0]


def test_few_rows_end_in_an_average_of_simple_models(tmp_path: Path) -> None:
    problem, request, _ = shop(tmp_path, "price", "auto", 30)
    course = run(Course(problem, request, "data"))
    for choice in course.state.choices:
        shares = {one.weight for one in choice.ingredients}
        assert len(shares) == 1
        assert {one.family_name for one in choice.ingredients} <= {"linear", "ridge", "lasso", "elastic_net"}


def test_a_blend_of_one_row_is_one_candidate() -> None:
    assert blend(np.array([1.0]), [np.array([0.0]), np.array([1.0])], np.array([0]), 1, 0) == [0.0, 1.0]
