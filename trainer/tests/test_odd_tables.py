"""Whole jobs on tables that are odd and no reason to refuse them: learned from, with a note where it matters.

What is learned from must predict its own file, by the graph as by the estimators.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainer.errors import ExitCode
from trainer.export.model import load
from trainer.tests.cloud import Cloud, running
from trainer.tests.surroundings import Held
from trainer.tests.tables import ROWS, TREES, csv, job, parquet, spread, table
from trainer.tests.test_worker import start

GOOD_OR_BAD = ["good" if value > 5 else "bad" for value in spread()]


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with running() as started:
        yield started


def test_a_download_that_is_cut_once_goes_on_where_it_was_cut(cloud: Cloud, tmp_path: Path) -> None:
    cloud.cut = [100]
    learned(cloud, tmp_path, csv(table()))
    assert cloud.ranges[-1] == "bytes=100-"


def learned(
    cloud: Cloud, folder: Path, body: bytes, name: str = "orders.csv", **training: Any
) -> tuple[dict[str, Any], str]:
    """Runs a job that succeeds, and predicts its own file with the model: manifest and log."""
    held = Held()
    assert start(held, job(cloud, body, name, training)) == ExitCode.SUCCEEDED, held.log.text().decode()
    for key, content in held.memory.objects.items():
        if key.startswith("result/"):
            path = folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    manifest = held.memory.json("result/manifest.json")
    parity = manifest["parity"]
    assert parity["labelMismatches"] == 0
    assert parity["maxDifference"] <= parity["tolerance"]
    (folder / name).write_bytes(body)
    told = load(folder / "result").predict(folder / name)
    same = load(folder / "result", "joblib").predict(folder / name)
    assert len(told.prediction) == ROWS
    if told.probabilities is None or same.probabilities is None:
        numbers, expected = np.asarray(told.prediction, float), np.asarray(same.prediction, float)
        np.testing.assert_allclose(numbers, expected, parity["tolerance"], parity["tolerance"])
    else:
        assert told.prediction == same.prediction
        np.testing.assert_allclose(told.probabilities.sum(axis=1), 1, atol=1e-6)
    return manifest, held.log.text().decode()


def kind(manifest: Mapping[str, Any], name: str) -> str:
    return {feature["name"]: str(feature["type"]) for feature in manifest["features"]}[name]


def test_more_columns_than_rows(cloud: Cloud, tmp_path: Path, without_pictures: None) -> None:
    """Ten thousand are posed and encoded in features/test_wide.py. Two groups make two folds."""
    random = np.random.default_rng(0)
    wide = {f"c{place}": random.integers(0, 1000, ROWS).tolist() for place in range(1_000)}
    body = csv({**wide, "where": ["east", "west"] * 20, "y": spread()})
    manifest, log = learned(cloud, tmp_path, body, model="decision_tree", hyperparameters={}, split="group:where")
    assert len(manifest["features"]) > 990
    assert "more columns" in log


@pytest.mark.usefixtures("without_pictures")
@pytest.mark.parametrize("model", [TREES, {"model": "ridge", "hyperparameters": {}}], ids=["trees", "ridge"])
class TestLearned:
    """What is odd about a table and no reason to refuse it."""

    def test_infinities(self, cloud: Cloud, tmp_path: Path, model: dict[str, Any]) -> None:
        a = ["inf", "-Infinity", "1e999", *spread()[3:]]
        y = [*spread()[3:], "inf", "inf", "-inf"]
        manifest, log = learned(cloud, tmp_path, csv(table(a=a, y=y)), **model)
        assert kind(manifest, "a") == "number"
        assert "3 cells of “a”: infinite or no numbers, treated as missing" in log
        assert "3 of 40 rows have no usable target" in log

    def test_texts_among_numbers(self, cloud: Cloud, tmp_path: Path, model: dict[str, Any]) -> None:
        manifest, log = learned(cloud, tmp_path, csv(table(a=[*spread()[:-1], "about nine"])), **model)
        assert kind(manifest, "a") == "number"
        assert "1 cell of “a”: no numbers, treated as missing" in log

    def test_half_numbers_half_texts(self, cloud: Cloud, tmp_path: Path, model: dict[str, Any]) -> None:
        mixed = ["low" if row % 2 else row % 4 for row in range(ROWS)]
        manifest, _ = learned(cloud, tmp_path, csv(table(mixed=mixed)), **model)
        assert kind(manifest, "mixed") == "category"

    def test_dates_in_two_formats(self, cloud: Cloud, tmp_path: Path, model: dict[str, Any]) -> None:
        days = [f"2026-03-{1 + row % 28:02d}" if row % 2 else f"{1 + row % 28:02d}.03.2026" for row in range(ROWS)]
        manifest, _ = learned(cloud, tmp_path, csv(table(day=days)), **model)
        assert kind(manifest, "day") == "date"

    def test_a_category_and_a_class_with_one_row(self, cloud: Cloud, tmp_path: Path, model: dict[str, Any]) -> None:
        if model["model"] == "ridge":
            model = {"model": "logistic", "hyperparameters": {}}
        colour = ["red", "blue"] * 19 + ["red", "unicorn"]
        y = [*GOOD_OR_BAD[:-1], "odd"]
        manifest, log = learned(cloud, tmp_path, csv(table(colour=colour, y=y)), **model)
        assert manifest["target"]["classes"] == ["bad", "good", "odd"]
        assert "1 class has a single row: “odd”" in log

    def test_thousands(self, cloud: Cloud, tmp_path: Path, model: dict[str, Any]) -> None:
        money = [f"{1000 + 137 * row:,}".replace(",", ".") + ",50" for row in range(ROWS)]
        manifest, _ = learned(cloud, tmp_path, csv(table(money=money, y=money[::-1]), ";"), **model)
        assert kind(manifest, "money") == "number"
        assert manifest["task"] == "regression"

    def test_a_column_named_prediction(self, cloud: Cloud, tmp_path: Path, model: dict[str, Any]) -> None:
        manifest, log = learned(cloud, tmp_path, csv(table(prediction=spread()[::-1])), **model)
        assert kind(manifest, "prediction") == "number"
        assert "files to predict need another name" in log

    def test_the_target_all_but_constant_in_a_group(self, cloud: Cloud, tmp_path: Path, model: dict[str, Any]) -> None:
        where = [f"region {row % 4}" for row in range(ROWS)]
        y = [5.0 if row % 4 else value for row, value in enumerate(spread())]
        manifest, _ = learned(
            cloud, tmp_path, csv(table(where=where, y=y)), task="regression", split="group:where", **model
        )
        assert manifest["split"]["kind"].startswith("group")

    @pytest.mark.parametrize("name", ["orders.parquet", "orders.csv.gz"])
    def test_other_formats(self, cloud: Cloud, tmp_path: Path, model: dict[str, Any], name: str) -> None:
        body = parquet(table()) if name.endswith("parquet") else gzip.compress(csv(table()))
        manifest, _ = learned(cloud, tmp_path, body, name, **model)
        assert kind(manifest, "a") == "number"


def test_the_same_job_twice_leaves_the_same_files(cloud: Cloud) -> None:
    first, second = Held(), Held()
    made = job(cloud, csv(table(y=GOOD_OR_BAD)), "orders.csv", {})
    for held in (first, second):
        assert start(held, made) == ExitCode.SUCCEEDED
    names = [file["name"] for file in first.memory.json("result.json")["files"]]
    assert {"model.onnx", "metrics.json", "report.json", "manifest.json", "pictures/roc_curve.png"} <= set(names)
    for name in names:
        assert first.memory.objects[f"result/{name}"] == second.memory.objects[f"result/{name}"], name
