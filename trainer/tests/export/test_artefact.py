"""The files of a model: valid by the contract's schema, listed with true hashes, the same for the same job."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import joblib
import jsonschema
import pytest
import sklearn

from trainer import golden
from trainer.export.artefact import Artefact, export
from trainer.tests.shop import NOW, run, shop
from trainer.training.course import Course

CONTRACT = Path(__file__).resolve().parents[3] / "cloud" / "contract"
GOLDEN = Path(__file__).resolve().parents[3] / "test" / "golden"


def schema(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((CONTRACT / f"{name}.schema.json").read_text(encoding="utf-8"))
    return loaded


def made(folder: Path, target: str, model: str, rows: int = 250) -> Artefact:
    problem, request, source = shop(folder, target, model, rows, seed=1)
    outcome = run(Course(problem, request, source.sha256)).outcome()
    return export(problem, outcome, request, source, "data.csv", NOW, {"training.log": b"lines\n"})


@pytest.mark.parametrize(
    ("target", "model"),
    [("price", "linear"), ("price", "random_forest"), ("bought", "gradient_boosting"), ("grade", "auto")],
)
def test_the_manifest_keeps_the_contract_and_tells_the_truth(tmp_path: Path, target: str, model: str) -> None:
    artefact = made(tmp_path, target, model)
    manifest = json.loads(artefact.files["manifest.json"])
    jsonschema.validate(manifest, schema("manifest"))
    assert list(artefact.files)[-1] == "manifest.json"
    listed = {file["name"]: file for file in manifest["files"]}
    assert set(listed) == set(artefact.files) - {"manifest.json"}
    for name, file in listed.items():
        body = artefact.files[name]
        assert (file["size"], file["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())
    assert manifest["parity"]["labelMismatches"] == 0
    assert manifest["metrics"] == artefact.metrics == json.loads(artefact.files["metrics.json"])
    assert any(name.startswith("baseline_") for name in artefact.metrics)
    assert manifest["data"]["rows"] == 250


def test_the_same_job_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = made(tmp_path, "grade", "random_forest"), made(tmp_path, "grade", "random_forest")
    assert first.files["manifest.json"] == second.files["manifest.json"]
    assert first.files["model.onnx"] == second.files["model.onnx"]


def test_the_report_holds_what_pictures_need(tmp_path: Path) -> None:
    classes = json.loads(made(tmp_path, "grade", "auto").files["report.json"])
    assert sum(map(sum, classes["confusionMatrix"]["rows"])) == 50
    assert sum(classes["importance"].values()) == pytest.approx(1)
    assert set(classes["leaderboard"]) == {"logistic", "random_forest", "gradient_boosting"}
    values = json.loads(made(tmp_path, "price", "ridge").files["report.json"])
    assert len(values["residuals"]["quantiles"]) == 11
    assert next(iter(values["importance"])) in {"size", "colour"}


def test_few_rows_are_told(tmp_path: Path) -> None:
    notes = json.loads(made(tmp_path, "price", "linear", 40).files["manifest.json"])["notes"]
    assert any("5-fold" in note for note in notes)
    assert any("40 rows are few" in note for note in notes)


def test_python_users_get_the_estimator(tmp_path: Path) -> None:
    loaded = joblib.load(io.BytesIO(made(tmp_path, "price", "ridge").files["model.joblib"]))
    (member,) = loaded["members"]
    assert type(member["estimator"]).__name__ == "Ridge"
    assert member["columns"][0]["column"] == "size"


def test_golden_vectors_are_kept_and_still_what_this_code_makes(tmp_path: Path) -> None:
    assert golden.main([str(tmp_path)]) == 0
    for case in golden.CASES:
        kept, made_now = (json.loads((root / case.name / "expected.json").read_bytes()) for root in (GOLDEN, tmp_path))
        assert kept["features"] == made_now["features"]
        versions = json.loads((GOLDEN / case.name / "manifest.json").read_bytes())["versions"]
        if versions["scikit-learn"] == sklearn.__version__:
            assert kept["labels"] == made_now["labels"]
        for ours, theirs in zip(kept["encoded"], made_now["encoded"], strict=True):
            assert [float.fromhex(x) for x in ours] == pytest.approx([float.fromhex(x) for x in theirs], rel=1e-12)
        manifest = json.loads((GOLDEN / case.name / "manifest.json").read_bytes())
        jsonschema.validate(manifest, schema("manifest"))
        assert manifest["model"]["type"] == case.model
