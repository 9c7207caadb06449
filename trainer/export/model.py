"""A model's folder in Python: `load(folder).predict("rows.csv")` says what the prediction handler says of that file.

By default by model.onnx in ONNX Runtime, as where it serves; by model.joblib with the fitted estimators themselves,
which only the versions in manifest.json are sure to read. A joblib file can run code when it is loaded: load your own.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from trainer.errors import DataError, UserError
from trainer.export.graph import Graph
from trainer.export.parity import Runner
from trainer.export.python_model import FILE
from trainer.families import FAMILIES
from trainer.features.declaration import from_json
from trainer.features.encoding import encode
from trainer.table.cells import Floats
from trainer.table.columns import Table
from trainer.table.header import listed
from trainer.table.reading import read_table
from trainer.table.source import inspect
from trainer.training.metrics import labels

Engine = Literal["onnx", "joblib"]


@dataclass(frozen=True)
class Predictions:
    """One prediction a row, in order: numbers, or texts of classes with their probabilities [rows, classes]."""

    prediction: list[float] | list[str]
    classes: list[str] | None
    probabilities: Floats | None


class Model:
    """Made by `load`."""

    def __init__(self, manifest: dict[str, Any], tell: Callable[[Table], Floats]) -> None:
        self.manifest = manifest
        self._tell = tell

    @property
    def features(self) -> list[str]:
        """The columns that a file to predict must have."""
        return [feature["name"] for feature in self.manifest["features"]]

    def predict(self, path: str | Path) -> Predictions:
        """Of every row of a table with a header: CSV, or what else a training reads. Raises UserError or DataError."""
        path = Path(path)
        table = read_table(inspect(path, path.name), path.name, keep_text=True).table
        absent = [name for name in self.features if name not in table.columns]
        if absent:
            raise UserError(
                "MissingColumns",
                f"{path.name[:100]} has no column {listed(absent)}, which the model needs.",
                f"Its columns must be: {listed(self.features, 20)}.",
            )
        told = self._tell(table)
        classes = self.manifest["target"]["classes"]
        if classes is None:
            return Predictions(told.tolist(), None, None)
        return Predictions([classes[at] for at in labels(told, self.manifest.get("threshold"))], classes, told)


def load(folder: str | Path, engine: Engine = "onnx") -> Model:
    """A model from its folder. Raises DataError when a file is not the one that the manifest lists."""
    folder = Path(folder)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    body = _checked(folder, FILE if engine == "joblib" else manifest["onnx"]["file"], manifest)
    return Model(manifest, _estimators(body) if engine == "joblib" else _graph(body, manifest))


def _checked(folder: Path, name: str, manifest: dict[str, Any]) -> bytes:
    body = (folder / name).read_bytes()
    listed_files = {file["name"]: file["sha256"] for file in manifest["files"]}
    if listed_files.get(name) != hashlib.sha256(body).hexdigest():
        raise DataError(
            "FileChanged",
            f"{name} is not the file that the manifest lists.",
            "Copy the model's folder again, as a whole.",
        )
    return body


def _graph(body: bytes, manifest: dict[str, Any]) -> Callable[[Table], Floats]:
    onnx = manifest["onnx"]
    kind, width = onnx["input"]["type"], onnx["input"]["width"]
    runner = Runner(Graph(body, kind, width, onnx["output"]["kind"], onnx["output"].get("divisor", 1)))
    columns = from_json(manifest["preprocessing"]["columns"])
    return lambda table: runner.predict(encode(columns, table, kind))


def _estimators(body: bytes) -> Callable[[Table], Floats]:
    import joblib

    held = joblib.load(io.BytesIO(body))
    members = [(member, from_json(member["columns"])) for member in held["members"]]
    classes = len(held["classes"] or ())

    def tell(table: Table) -> Floats:
        told = [
            FAMILIES[member["type"]].predict(member["estimator"], encode(columns, table, member["input"]), classes)
            for member, columns in members
        ]
        if len(told) == 1:
            return told[0]
        return cast(
            Floats, np.sum([member["weight"] * one for (member, _), one in zip(members, told, strict=True)], axis=0)
        )

    return tell
