"""Fixtures that many tests share."""

from __future__ import annotations

import pytest


@pytest.fixture
def without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of a job's life: its pictures take longer than all the rest of it."""
    monkeypatch.setattr("trainer.export.artefact.draw", lambda _findings: {})
