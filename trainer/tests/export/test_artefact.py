"""The files of a model: valid by the contract's schema, listed with true hashes, the same for the same job."""

from __future__ import annotations

import hashlib
import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import sklearn

import trainer.golden.__main__ as golden
from trainer.export.artefact import Artefact, export
from trainer.golden.cases import CASES
from trainer.tests.shop import NOW, run, shop
from trainer.training.course import Course

CONTRACT = Path(__file__).resolve().parents[3] / "cloud" / "contract"
GOLDEN = Path(__file__).resolve().parents[3] / "test" / "golden"


def schema(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((CONTRACT / f"{name}.schema.json").read_text(encoding="utf-8"))
    return loaded


def trained(target: str, model: str, rows: int) -> Artefact:
    few = {"n_estimators": 8} if model in {"random_forest", "gradient_boosting"} else {}
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patched:
        if model != "linear":  # pictures take longer than all the rest
            patched.setattr("trainer.export.artefact.draw", lambda _findings: {})
        asked: dict[str, Any] = {"seed": 1, "hyperparameters": few, "search_seconds": 0.5}
        problem, request, source = shop(Path(folder), target, model, rows, **asked)
        outcome = run(Course(problem, request, source.sha256)).outcome()
        return export(problem, outcome, request, source, "data.csv", NOW, {"training.log": b"lines\n"})


@cache
def made(target: str, model: str, rows: int = 250) -> Artefact:
    """Each once for all tests."""
    return trained(target, model, rows)


@pytest.mark.parametrize(
    ("target", "model"),
    [("price", "linear"), ("price", "random_forest"), ("bought", "gradient_boosting"), ("grade", "auto")],
)
def test_the_manifest_keeps_the_contract_and_tells_the_truth(target: str, model: str) -> None:
    artefact = made(target, model)
    manifest = json.loads(artefact.files["manifest.json"])
    jsonschema.validate(manifest, schema("manifest"))
    assert list(artefact.files)[-1] == "manifest.json"
    assert ("pictures/importance.png" in artefact.files) == (model == "linear")
    listed = {file["name"]: file for file in manifest["files"]}
    assert set(listed) == set(artefact.files) - {"manifest.json"}
    for name, file in listed.items():
        body = artefact.files[name]
        assert (file["size"], file["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())
    assert manifest["parity"]["labelMismatches"] == 0
    metrics = json.loads(artefact.files["metrics.json"])
    assert manifest["intervals"] == artefact.intervals == metrics.pop("intervals")
    assert manifest["metrics"] == artefact.metrics == metrics
    for name, (low, high) in artefact.intervals.items():
        assert low <= metrics[name] <= high
    assert any(name.startswith("baseline_") for name in artefact.metrics)
    assert manifest["data"]["rows"] == 250


def test_the_same_job_gives_the_same_bytes() -> None:
    first, second = made("grade", "random_forest"), trained("grade", "random_forest", 250)
    assert first.files["manifest.json"] == second.files["manifest.json"]
    assert first.files["model.onnx"] == second.files["model.onnx"]


@pytest.mark.parametrize(
    ("target", "model"),
    [("price", "linear"), ("price", "random_forest"), ("bought", "gradient_boosting"), ("grade", "auto")],
)
def test_the_report_keeps_the_contract_and_agrees_with_the_manifest(target: str, model: str) -> None:
    files = made(target, model).files
    report, manifest = json.loads(files["report.json"], parse_constant=pytest.fail), json.loads(files["manifest.json"])
    jsonschema.validate(report, schema("report"))
    for name in ("task", "target", "metrics", "intervals", "notes", "threshold"):
        assert report[name] == manifest[name]
    assert report["model"]["members"] == manifest["model"]["members"]
    assert {column["name"] for column in report["importance"]["columns"]} == {"size", "colour"}
    assert report["importance"]["columns"][0]["mean"] > 0.05
    (line, *_) = report["learningCurve"]["members"]
    assert len(line["steps"]) == len(line["loss"]) >= 1


def test_the_report_holds_what_pictures_of_classes_need() -> None:
    report = json.loads(made("grade", "random_forest").files["report.json"])
    assert sum(map(sum, report["confusionMatrix"]["rows"])) == 250
    right = sum(report["confusionMatrix"]["rows"][i][i] for i in range(3)) / 250
    assert right == pytest.approx(report["metrics"]["accuracy"])
    assert [curve["class"] for curve in report["rocCurves"]] == ["a", "b", "c"]
    assert [curve["class"] for curve in report["precisionRecallCurves"]] == ["a", "b", "c"]
    assert sum(one["rows"] for one in report["classes"]) == 250
    assert sum(report["calibration"]["rows"]) == 250
    assert "predictedVsActual" not in report


def test_the_report_holds_what_pictures_of_numbers_need() -> None:
    report = json.loads(made("price", "ridge", 600).files["report.json"])
    assert len(report["predictedVsActual"]["actual"]) == len(report["predictedVsActual"]["predicted"]) == 500
    for name in ("actual", "predicted", "residual"):
        assert len(report["quantiles"][name]) == 11
        assert report["quantiles"][name] == sorted(report["quantiles"][name])
    assert "rocCurves" not in report


def test_a_search_tells_what_it_compared() -> None:
    report = json.loads(made("grade", "auto").files["report.json"])
    board = report["leaderboard"]
    assert len(board["candidates"]) > 1
    assert board["scoring"]
    assert any(note.startswith("auto compared") for note in report["notes"])


def test_few_rows_are_told() -> None:
    notes = json.loads(made("price", "linear", 40).files["manifest.json"])["notes"]
    assert any("5-fold cross-validation: 40 rows were each predicted" in note for note in notes)
    assert any("40 rows are few" in note for note in notes)


def test_golden_vectors_are_kept_and_still_what_this_code_makes(tmp_path: Path) -> None:
    assert golden.main([str(tmp_path)]) == 0
    for case in CASES:
        kept, made_now = (json.loads((root / case.name / "expected.json").read_bytes()) for root in (GOLDEN, tmp_path))
        manifest = json.loads((GOLDEN / case.name / "manifest.json").read_bytes())
        jsonschema.validate(manifest, schema("manifest"))
        assert kept["features"] == made_now["features"]
        if manifest["versions"]["scikit-learn"] == sklearn.__version__:
            assert kept["labels"] == made_now["labels"], case.name
        if kept["encoded"]:
            for ours, theirs in zip(kept["encoded"], made_now["encoded"], strict=True):
                assert [float.fromhex(x) for x in ours] == pytest.approx([float.fromhex(x) for x in theirs], rel=1e-12)
