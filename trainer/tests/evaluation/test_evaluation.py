"""A model that is no better than guessing is said to be so, one that is, is not; the same bytes come out anywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from trainer.evaluation.evaluation import Evaluation, evaluate
from trainer.export.artefact import export
from trainer.export.notes import notes
from trainer.export.parity import Parity
from trainer.tests.shop import NOW, read, run, shop
from trainer.ticket import Request
from trainer.training.course import Course, Outcome
from trainer.training.problem import Problem, pose

ROOT = Path(__file__).resolve().parents[3]
PARITY = Parity(1, 1, 0, 0.0, 1e-9)


def judged(problem: Problem, request: Request) -> tuple[Outcome, Evaluation, list[str]]:
    outcome = run(Course(problem, request, "data")).outcome()
    found = evaluate(problem, outcome, request.seed)
    return outcome, found, notes(problem, outcome, request, found, PARITY, "")


def noise(folder: Path, target: str, share: float = 0.5) -> tuple[Problem, Request]:
    random = np.random.default_rng(1)
    rows = [f"{a:.3f},{b:.3f}" for a, b in random.normal(size=(90, 2))]
    values = [f"{x:.2f}" for x in random.normal(size=90)]
    words = ["yes" if x < share else "no" for x in random.random(90)]
    cells = values if target == "number" else words
    text = "a,b,target\n" + "".join(f"{row},{cell}\n" for row, cell in zip(rows, cells, strict=True))
    request = Request("target", "ridge" if target == "number" else "logistic")
    return pose(read(folder, text), request), request


@pytest.mark.parametrize("target", ["number", "class"])
def test_noise_is_called_noise(tmp_path: Path, target: str) -> None:
    _, found, told = judged(*noise(tmp_path, target))
    assert not found.comparisons[0].better
    assert ["beyond chance: do not rely on it" in note for note in told] == [True, *[False] * (len(told) - 1)]


@pytest.mark.parametrize(("target", "model"), [("price", "ridge"), ("bought", "logistic"), ("grade", "logistic")])
def test_a_model_that_is_better_is_not_talked_down(tmp_path: Path, target: str, model: str) -> None:
    problem, request, _ = shop(tmp_path, target, model)
    outcome, found, told = judged(problem, request)
    assert all(one.better for one in found.comparisons)
    assert not any("beyond chance" in note for note in told)
    assert set(found.intervals) == {name for name in outcome.metrics if not name.startswith("baseline_")}
    assert any(note.startswith("The metrics come from 5-fold cross-validation: 120 rows") for note in told)


def test_unequal_classes_tell_of_their_threshold_and_of_accuracy(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    x = random.normal(size=300)
    bad = random.random(300) < 1 / (1 + np.exp(2.3 - 0.9 * x))
    text = "x,target\n" + "".join(f"{a:.4f},{'bad' if b else 'good'}\n" for a, b in zip(x, bad, strict=True))
    request = Request("target", "logistic")
    outcome, found, told = judged(pose(read(tmp_path, text), request), request)
    assert outcome.threshold is not None
    assert any(
        note.startswith("The classes are unequal, so “good” is predicted from a probability of") for note in told
    )
    assert [one.better for one in found.comparisons] == [True, False]
    assert any(note.startswith("Its accuracy (") and "is not above that of always" in note for note in told)


def test_groups_and_time_are_told(tmp_path: Path) -> None:
    lines = "".join(f"2024-01-{i % 28 + 1:02d},g{i % 9},{i % 7},{i % 7 * 3 + i % 2}\n" for i in range(84))
    text = "day,team,x,target\n" + lines
    for split, words in (("group:team", "“team” were never on both sides"), ("time:day", "judged on what came later")):
        request = Request("target", "ridge", split=split, task="regression")
        _, found, told = judged(pose(read(tmp_path, text), request), request)
        assert any(words in note for note in told)
        assert found.intervals


def write_models(folder: Path) -> None:
    folder.mkdir()
    for target, model in (("grade", "random_forest"), ("price", "gradient_boosting")):
        chosen = {"n_estimators": 12}
        problem, request, source = shop(folder, target, model, 150, seed=11, hyperparameters=chosen)
        outcome = run(Course(problem, request, source.sha256)).outcome()
        made = export(problem, outcome, request, source, "data.csv", NOW)
        for name in ("metrics.json", "report.json", "manifest.json", "model.onnx"):
            (folder / f"{target}-{name}").write_bytes(made.files[name])
        (folder / f"{target}-predictions").write_bytes(outcome.fit.predict(problem, problem.table).tobytes())


def test_two_processes_write_the_same_bytes(tmp_path: Path) -> None:
    """This one, and one with another seed for hashes, which starts and imports scikit-learn and onnx: seconds."""
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
    code = f"from pathlib import Path; from {__name__} import write_models; write_models(Path('there'))"
    with subprocess.Popen([sys.executable, "-c", code], env=environment, cwd=tmp_path) as process:
        write_models(tmp_path / "here")
        assert process.wait(120) == 0
    here, there = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("here", "there"))
    assert len(here) == 11
    assert here == there
    json.loads(here["grade-report.json"], parse_constant=pytest.fail)
