"""Tables in the formats that people upload, and jobs that learn from them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

from trainer.tests.cloud import Cloud
from trainer.tests.test_worker import ticket

ROWS = 40
SECRET = "s3cret"
"""In a cell of every row."""
TREES = {"model": "gradient_boosting", "hyperparameters": {"n_estimators": 4}}
Cells = Sequence[object]


def spread(rows: int = ROWS) -> list[float]:
    """Numbers that differ, in no order."""
    return [(row * 37 % 101) / 10 for row in range(rows)]


def csv(columns: Mapping[str, Cells], delimiter: str = ",") -> bytes:
    lines = [
        delimiter.join(columns),
        *(delimiter.join(map(str, cells)) for cells in zip(*columns.values(), strict=True)),
    ]
    return "\n".join([*lines, ""]).encode()


def table(rows: int = ROWS, **columns: Cells) -> dict[str, Cells]:
    """Columns that can be learned from, and some of the case's own; the target is y."""
    a = spread(rows)
    return {"a": a, "who": [f"{SECRET}{row}" for row in range(rows)], "y": [3 * value + 1 for value in a], **columns}


def parquet(columns: Mapping[str, Cells]) -> bytes:
    import pyarrow as arrow
    import pyarrow.parquet as written

    file = io.BytesIO()
    written.write_table(arrow.table({name: list(cells) for name, cells in columns.items()}), file)
    return file.getvalue()


def workbook() -> bytes:
    import openpyxl

    book, file = openpyxl.Workbook(), io.BytesIO()
    for cells in zip(*table().values(), strict=True):
        book.active.append(cells)
    book.save(file)
    return file.getvalue()


def bomb(entry: str = "xl/workbook.xml") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(entry, b" " * 1_000_000)
    return file.getvalue()


def job(cloud: Cloud, body: bytes, name: str, training: Mapping[str, Any]) -> dict[str, Any]:
    asked = {"target": "y", "features": [], **TREES, **training}
    made = ticket(cloud, body, training=asked)
    made["dataset"]["name"] = name
    return made
