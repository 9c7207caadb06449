"""What chat and operator know of the families is what the registry says."""

from __future__ import annotations

import json
from pathlib import Path

from trainer.families import FAMILIES
from trainer.families.__main__ import described

COMMITTED = Path(__file__).parents[3] / "cloud" / "contract" / "families.json"


def test_the_committed_description_is_up_to_date() -> None:
    again = "run: python -m trainer.families > cloud/contract/families.json"
    assert COMMITTED.read_text(encoding="utf-8") == described(), again


def test_every_hyperparameter_says_what_is_allowed_and_its_default() -> None:
    families = json.loads(described())["families"]
    assert [family["name"] for family in families] == list(FAMILIES)
    for family in families:
        for one in family["hyperparameters"]:
            assert one["allowed"]
            assert "default" in one
