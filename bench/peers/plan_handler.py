"""The plan's prediction handler, as the baseline: the whole file through pandas, a pickled scikit-learn pipeline, joblib.

    plan_handler.py train MODEL DATA TARGET FOLDER   fits a pipeline, writes model.joblib and model.json (its numbers)
    plan_handler.py once FOLDER INPUT OUTPUT         one cold prediction
    plan_handler.py serve FOLDER                     one prediction a line of {"input", "output"}, answers {"rows", "ms"}

S3 is left out on both sides of the benchmark: files stand for objects.
"""

import json
import resource
import sys
import time
from pathlib import Path


def predict(model, source: str, target: str) -> int:
    import pandas as pd

    table = pd.read_csv(source)
    table["prediction"] = model.predict(table)
    table.to_csv(target, index=False)
    return len(table)


def load(folder: str):
    import joblib

    return joblib.load(Path(folder) / "model.joblib")


def serve(folder: str) -> None:
    model = load(folder)
    for line in sys.stdin:
        asked = json.loads(line)
        began = time.perf_counter()
        rows = predict(model, asked["input"], asked["output"])
        milliseconds = (time.perf_counter() - began) * 1000
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(json.dumps({"rows": rows, "ms": milliseconds, "peakMiB": peak / 1024}), flush=True)


def train(kind: str, data: str, target: str, folder: str) -> None:
    import joblib
    import pandas as pd
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    table = pd.read_csv(data, dtype={target: str})
    features = table.drop(columns=[target])
    numbers = list(features.select_dtypes("number").columns)
    words = [name for name in features.columns if name not in numbers]
    scaler = StandardScaler() if kind == "logistic" else "passthrough"
    encoder = ColumnTransformer(
        [("words", OneHotEncoder(handle_unknown="ignore"), words), ("numbers", scaler, numbers)], sparse_threshold=0
    )
    estimator = LogisticRegression(max_iter=1000) if kind == "logistic" else RandomForestClassifier(random_state=0)
    model = Pipeline([("encoder", encoder), ("estimator", estimator)]).fit(features, table[target])
    joblib.dump(model, Path(folder) / "model.joblib")
    fitted = model["encoder"].named_transformers_
    scaler = fitted["numbers"]
    body = {
        "classes": list(map(str, estimator.classes_)),
        "categories": {name: list(map(str, kept)) for name, kept in zip(words, fitted["words"].categories_, strict=True)},
        "numbers": {
            name: [float(scaler.mean_[i]), float(scaler.scale_[i])] if kind == "logistic" else [0.0, 1.0]
            for i, name in enumerate(numbers)
        },
    }
    if kind == "logistic":
        body["logistic"] = {"weights": estimator.coef_[0].tolist(), "bias": float(estimator.intercept_[0])}
    else:
        body["trees"] = [
            [
                {"weights": tree.value[i, 0].tolist()}
                if tree.children_left[i] < 0
                else {
                    "feature": int(tree.feature[i]),
                    "threshold": float(tree.threshold[i]),
                    "left": int(tree.children_left[i]),
                    "right": int(tree.children_right[i]),
                }
                for i in range(tree.node_count)
            ]
            for tree in (each.tree_ for each in estimator.estimators_)
        ]
    (Path(folder) / "model.json").write_text(json.dumps(body))


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    if command == "train":
        train(*arguments)
    elif command == "serve":
        serve(*arguments)
    elif command == "once":
        predict(load(arguments[0]), arguments[1], arguments[2])
    else:
        sys.exit(__doc__)
