"""A model's folder in Python says what the handler says, by ONNX Runtime and by the estimators; the page shows how."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest

from trainer.errors import DataError, UserError
from trainer.export.artefact import export
from trainer.export.manifest import describe_file
from trainer.export.model import Engine, load
from trainer.tests.shop import NOW, run, shop, write
from trainer.training.course import Course

pytestmark = pytest.mark.usefixtures("without_pictures")

ROOT = Path(__file__).resolve().parents[3]
GOLDEN = ROOT / "test" / "golden"
PAGE = ROOT / "docs" / "using-a-model-in-python.md"


def folder_of(root: Path, target: str, model: str, **more: Any) -> Path:
    problem, request, source = shop(root, target, model, 60, **more)
    outcome = run(Course(problem, request, source.sha256)).outcome()
    folder = root / "model"
    folder.mkdir()
    for name, body in export(problem, outcome, request, source, "data.csv", NOW).files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(body)
    return folder


def near(ours: Any, theirs: Any) -> None:
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("case", sorted(path.name for path in GOLDEN.iterdir() if (path / "model.onnx").exists()))
def test_the_handlers_golden_vectors_are_met(case: str) -> None:
    expected = json.loads((GOLDEN / case / "expected.json").read_bytes())
    told = load(GOLDEN / case).predict(GOLDEN / case / "input.csv")
    if expected["labels"] is None:
        assert told.classes is None
        near(told.prediction, expected["values"])
        return
    assert told.prediction == expected["labels"]
    near(told.probabilities, expected["probabilities"])


@pytest.mark.parametrize(("target", "model"), [("price", "ridge"), ("bought", "random_forest")])
def test_the_estimators_say_what_the_graph_says(tmp_path: Path, target: str, model: str) -> None:
    folder = folder_of(tmp_path, target, model, hyperparameters={"n_estimators": 5} if model != "ridge" else {})
    rows = write(tmp_path, "colour,size\nred,100\nblue,\n,70.5\nnever,1e9\n", "rows.csv")
    engines: list[Engine] = ["onnx", "joblib"]
    graph, estimators = (load(folder, engine).predict(rows) for engine in engines)
    assert graph.classes == estimators.classes
    if graph.classes:
        assert graph.prediction == estimators.prediction
        near(graph.probabilities, estimators.probabilities)
    else:
        near(graph.prediction, estimators.prediction)


def test_a_blend_of_estimators_is_their_weighted_mean(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "price", "ridge")
    rows = write(tmp_path, "colour,size\nred,100\nblue,80\n", "rows.csv")
    alone = load(folder, "joblib").predict(rows)
    held = joblib.load(folder / "model.joblib")
    (member,) = held["members"]
    held["members"] = [{**member, "weight": 0.25}, {**member, "weight": 0.75}]
    joblib.dump(held, folder / "model.joblib", compress=3)
    with pytest.raises(DataError, match="FileChanged"):
        load(folder, "joblib")
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["files"] = [describe_file("model.joblib", (folder / "model.joblib").read_bytes())]
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    near(load(folder, "joblib").predict(rows).prediction, alone.prediction)


def test_missing_columns_are_named(tmp_path: Path) -> None:
    model = load(folder_of(tmp_path, "price", "ridge"))
    assert model.features == ["size", "colour"]
    with pytest.raises(UserError, match="MissingColumns"):
        model.predict(write(tmp_path, "size,weight\n1,2\n", "rows.csv"))


def test_the_page_for_python_users_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = folder_of(tmp_path, "bought", "logistic")
    rows = write(tmp_path, "colour,size\nred,100\nblue,80\n", "rows.csv")
    snippets = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(snippets) == 2
    for snippet in snippets:
        code = snippet.replace("models/user_1/house-prices", str(folder)).replace("rows.csv", str(rows))
        exec(compile(code, str(PAGE), "exec"), {})
    out = capsys.readouterr().out
    assert "['size', 'colour']" in out
    assert "LogisticRegression" in out
