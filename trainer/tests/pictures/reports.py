"""Reports that are hard to draw: long names, many classes, letters no font has, markup, one row, zeros."""

from __future__ import annotations

from typing import Any

import numpy as np

LONG = "a name of sixty letters in all, <b>$x_{1}$</b> and \t_more_ "


def names(count: int) -> list[str]:
    return [f"{LONG}{place:02d} 日本" for place in range(count)]


def report(task: str, classes: int = 2, columns: int = 30, *, spread: float = 0.4) -> dict[str, Any]:
    """As report.schema.json has it, with everything to draw."""
    random = np.random.default_rng(3)
    members = [{"type": "random_forest", "hyperparameters": {}, "weight": 1.0}]
    body: dict[str, Any] = {
        "version": 1,
        "task": task,
        "target": {"name": names(1)[0], "classes": names(classes) if task == "classification" else None},
        "model": {"type": "random_forest", "members": members},
        "rows": 1000,
        "split": {"kind": "random", "trainRows": 800, "testRows": 200, "folds": 1},
        "metrics": {
            "roc_auc": 0.79,
            "roc_auc_ovr": 0.8,
            "average_precision": 0.5,
            "r2": 0.5,
            "root_mean_squared_error": 1e5,
        },
        "intervals": {"roc_auc": [0.72, 0.84]},
        "comparisons": [],
        "leaderboard": {
            "scoring": "roc_auc" if task == "classification" else "neg_root_mean_squared_error",
            "candidates": [
                {"name": name, "score": 0.8 - 0.01 * place, "rows": 100 if place < 5 else 40, "members": members}
                for place, name in enumerate(names(9))
            ],
            "skipped": [],
        },
        "learningCurve": {
            "metric": "log_loss" if task == "classification" else "root_mean_squared_error",
            "members": [{"type": "random_forest", "steps": [1, 2, 3], "loss": [0.6, 0.5, 0.49]}] * 2,
        },
        "importance": {
            "scoring": "neg_brier_score" if task == "classification" else "r2",
            "rows": 200,
            "columns": [
                {"name": name, "mean": 0.2 / (1 + place) - 0.01, "std": 0.02}
                for place, name in enumerate(names(columns))
            ],
            "unmeasured": 0,
        },
        "threshold": None,
        "notes": [],
    }
    if task == "regression":
        actual = random.normal(1e6, 3e5, 200)
        predicted = actual + random.normal(0, 3e5 * spread, 200)
        tenths = np.linspace(0, 1, 11)
        body["predictedVsActual"] = {"actual": actual.tolist(), "predicted": predicted.tolist()}
        body["quantiles"] = {
            "actual": np.quantile(actual, tenths).tolist(),
            "predicted": np.quantile(predicted, tenths).tolist(),
            "residual": np.quantile(actual - predicted, tenths).tolist(),
        }
        return body
    curve = np.linspace(0, 1, 50)
    shown = names(classes)[:10] if classes > 2 else names(2)[1:]
    body |= {
        "classes": [{"name": name, "rows": 10} for name in names(classes)],
        "confusionMatrix": {"classes": names(classes), "rows": random.integers(0, 90_000, (classes, classes)).tolist()},
        "rocCurves": [
            {"class": name, "falsePositiveRate": curve.tolist(), "truePositiveRate": (curve**0.4).tolist()}
            for name in shown
        ],
        "precisionRecallCurves": [
            {"class": name, "share": 0.3, "recall": curve.tolist(), "precision": (1 - 0.7 * curve).tolist()}
            for name in shown
        ],
        "calibration": {
            "class": shown[0] if classes == 2 else None,
            "predicted": curve[::5].tolist(),
            "observed": (curve[::5] ** 1.2).tolist(),
            "rows": [20] * 10,
            "expectedCalibrationError": 0.031,
        },
    }
    return body
