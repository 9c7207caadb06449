"""model.joblib, for Python users: the fitted estimators with what each sees. Read back by `model.py`.

    {"version": 1, "task", "classes", "threshold", "members": [{"estimator", "type", "weight", "input", "columns"}]}

`columns` and `input` are declared as in manifest.json. Never loaded where the model serves.
"""

from __future__ import annotations

import io

from trainer.features.encoding import to_json
from trainer.training.course import Outcome
from trainer.training.problem import Problem

FILE = "model.joblib"
VERSION = 1


def python_model(problem: Problem, outcome: Outcome) -> bytes:
    """The file's content."""
    import joblib

    fit = outcome.fit
    members = [
        {
            "type": member.ingredient.family_name,
            "estimator": member.estimator,
            "weight": member.ingredient.weight,
            "input": member.family.input_type,
            "columns": to_json(fit.columns_by_scheme[member.family.scheme]),
        }
        for member in fit.members
    ]
    body = {
        "version": VERSION,
        "task": problem.task,
        "classes": problem.classes,
        "threshold": outcome.threshold,
        "members": members,
    }
    buffer = io.BytesIO()
    joblib.dump(body, buffer, compress=3)
    return buffer.getvalue()
