"""The plan's prediction handler, as the baseline: the whole file through pandas, a pickled scikit-learn pipeline, joblib.

    plan_handler.py train MODEL DATA TARGET FOLDER   fits a pipeline, writes model.joblib
    plan_handler.py once FOLDER                      one cold prediction of one.csv between files
    plan_handler.py cold ENDPOINT                    the same between objects of "bucket", by boto3 as the plan's Lambda does
    plan_handler.py serve FOLDER                     one prediction a line of {"input", "output"}, answers {"rows", "ms"}

`once` and `cold` print a line when the prediction is stored. `serve` leaves S3 out: files stand for objects on both sides.
"""

import json
import sys
import time
from pathlib import Path


def predict(model, source: str | Path, target: str | Path) -> int:
    import pandas as pd

    table = pd.read_csv(source)
    table["prediction"] = model.predict(table)
    table.to_csv(target, index=False)
    return len(table)


def cold(endpoint: str) -> int:
    import tempfile

    import boto3

    s3 = boto3.client("s3", region_name="us-east-1", endpoint_url=endpoint)
    with tempfile.TemporaryDirectory() as folder:
        source, target = f"{folder}/data.csv", f"{folder}/predictions.csv"
        s3.download_file("bucket", "model.joblib", f"{folder}/model.joblib")
        s3.download_file("bucket", "data.csv", source)
        rows = predict(load(folder), source, target)
        s3.upload_file(target, "bucket", "predictions.csv")
    return rows


def load(folder: str | Path):
    import joblib

    return joblib.load(Path(folder) / "model.joblib")


def serve(folder: str) -> None:
    model = load(folder)
    for line in sys.stdin:
        asked = json.loads(line)
        began = time.perf_counter()
        rows = predict(model, asked["input"], asked["output"])
        milliseconds = (time.perf_counter() - began) * 1000
        print(json.dumps({"rows": rows, "ms": milliseconds, "peakMiB": peak_mib()}), flush=True)


def peak_mib() -> float:
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1]) / 1024


def train(kind: str, data: str, target: str, folder: str) -> None:
    import joblib
    import pandas as pd
    from sklearn.compose import ColumnTransformer
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
    labels = table[target]
    if kind == "xgboost":  # which takes 0, 1, … only
        labels = labels.astype("category").cat.codes
    model = Pipeline([("encoder", encoder), ("estimator", estimator(kind))]).fit(features, labels)
    joblib.dump(model, Path(folder) / "model.joblib")


def estimator(kind: str):
    if kind == "logistic":
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(max_iter=1000)
    if kind == "random_forest":
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(random_state=0)
    from xgboost import XGBClassifier

    return XGBClassifier(random_state=0, n_jobs=1)


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    if command == "train":
        train(*arguments)
    elif command == "serve":
        serve(*arguments)
    elif command == "once":
        folder = Path(*arguments)
        print(predict(load(folder), folder / "one.csv", folder / "out.csv"), flush=True)
    elif command == "cold":
        print(cold(*arguments), flush=True)
    else:
        sys.exit(__doc__)
