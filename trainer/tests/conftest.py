"""Fixtures that many tests share, and how many threads libraries may start."""

from __future__ import annotations

import os

import pytest

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # before numpy is imported: tests are small, and threads that wait cost more


@pytest.fixture
def without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of a job's life: its pictures take longer than all the rest of it."""
    monkeypatch.setattr("trainer.export.artefact.draw", lambda _findings: {})
