"""`python -m trainer.families` prints the registry as JSON: cloud/contract/families.json.

Chat and operator read it, so that a wrong hyperparameter is refused in the worker's own words before an instance costs;
docs/models.md is made of it. `steps`: of a fit with the defaults; 1: it cannot be cut.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

from trainer.families import FAMILIES
from trainer.families.family import Family
from trainer.families.hyperparameters import Hyperparameter, choose


def described() -> str:
    """The registry in its own order; the same text for the same registry."""
    return json.dumps({"families": [_family(one) for one in FAMILIES.values()]}, ensure_ascii=False, indent=2) + "\n"


def _family(family: Family) -> dict[str, Any]:
    return {
        "name": family.name,
        "title": family.title,
        "tasks": sorted(family.tasks, reverse=True),
        "tolerance": family.tolerance,
        "steps": family.steps(choose(family.name, family.hyperparameters, {})),
        "inexact": family.inexact,
        "hyperparameters": [_hyperparameter(name, kind) for name, kind in family.hyperparameters.items()],
    }


def _hyperparameter(name: str, kind: Hyperparameter) -> dict[str, Any]:
    return {"name": name, "kind": type(kind).__name__.lower(), **asdict(kind), "allowed": kind.allowed()}


if __name__ == "__main__":
    sys.stdout.write(described())
