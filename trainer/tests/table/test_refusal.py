"""The worker refuses a table that will not fit before it reads it."""

from __future__ import annotations

import pytest

from trainer.errors import ExitCode
from trainer.tests.cloud import running
from trainer.tests.surroundings import Held
from trainer.tests.test_worker import start, ticket


def test_a_job_that_will_not_fit_ends_before_it_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.table.memory.BASE_BYTES", 2**50)
    monkeypatch.setattr("trainer.worker.read_table", lambda *_: pytest.fail("it was read"))
    held = Held()
    with running() as cloud:
        assert start(held, ticket(cloud)) is ExitCode.MEMORY
    error = held.memory.json("result.json")["error"]
    assert error["code"] == "NotEnoughMemory"
    assert "resources.memoryGiB" in error["hint"]
