"""The other way round: cells that the handler has encoded (test/golden/handler.json) are encoded here to the bit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from trainer.features.declaration import from_json
from trainer.features.encoding import encode
from trainer.table.cells import MISSING_TEXTS
from trainer.table.columns import table_of

VECTORS = Path(__file__).parents[3] / "test" / "golden" / "handler.json"


def test_the_handler_s_vectors_are_encoded_to_the_bit() -> None:
    told: dict[str, Any] = json.loads(VECTORS.read_text())
    assert tuple(told["missing"]) == MISSING_TEXTS
    table = table_of({name: [row[at] for row in told["rows"]] for at, name in enumerate(told["names"])})
    ours = encode(from_json(told["columns"]), table, "float64")
    theirs = np.array([[float(text) for text in row] for row in told["encoded"]])
    for at, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        np.testing.assert_array_equal(one.view(np.int64), other.view(np.int64), f"row {at}: {told['rows'][at]}")
