"""The peer's fitted pipeline as our artefact, by the worker's own exporter: the same model for both sides.

    python export.py FOLDER    reads model.joblib, writes model.onnx and fitted.json (what the manifest needs besides)

Run by the worker's Python. The pickle is the benchmark's own, made a moment ago by plan_handler.py.
"""

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))


def graph_of(estimator: Any, width: int) -> Any:
    from trainer.export.linear import classification_graph
    from trainer.export.trees import boosting_graph, forest_graph

    kind = type(estimator).__name__
    if kind == "LogisticRegression":
        return classification_graph(estimator.coef_, estimator.intercept_, width)
    if kind == "RandomForestClassifier":
        return forest_graph([each.tree_ for each in estimator.estimators_], "classification", width)
    from trainer.export.xgboost_model import trees_of_xgboost
    from trainer.families.xgboost_sums import with_exact_sums
    from xgboost import Booster

    booster = Booster()
    booster.load_model(with_exact_sums(estimator.get_booster()))
    return boosting_graph(trees_of_xgboost(booster), [0.0], "classification", width)


def export(folder: Path) -> None:
    import joblib

    model = joblib.load(folder / "model.joblib")
    estimator = model["estimator"]
    words, numbers = (columns for _, _, columns in model["encoder"].transformers_[:2])
    fitted = model["encoder"].named_transformers_
    categories = {name: list(map(str, kept)) for name, kept in zip(words, fitted["words"].categories_, strict=True)}
    scaler = fitted["numbers"]
    scaled = hasattr(scaler, "scale_") and scaler.scale_ is not None
    width = sum(map(len, categories.values())) + len(numbers)
    graph = graph_of(estimator, width)
    (folder / "model.onnx").write_bytes(graph.model)
    body = {
        "classes": list(map(str, estimator.classes_)),
        "categories": categories,
        "numbers": {
            name: [float(scaler.mean_[i]), float(scaler.scale_[i])] if scaled else [0.0, 1.0]
            for i, name in enumerate(numbers)
        },
        "type": graph.input_type,
        "divisor": graph.divisor,
    }
    (folder / "fitted.json").write_text(json.dumps(body))


if __name__ == "__main__":
    export(Path(sys.argv[1]))
