"""A job through a storm: attempt after attempt is interrupted, with 120 s of notice or with none, until one succeeds.

Each resumes from the newest checkpoint that the earlier ones left, as the operator's tickets have it. In virtual time
every step takes STEP_SECONDS. Work lost: 0 with notice, at most a checkpoint interval without.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from trainer.clock import parse_iso
from trainer.errors import ExitCode
from trainer.instance.signals import INTERRUPTION, STOP
from trainer.tests.cloud import Cloud, running
from trainer.tests.shop import NOW
from trainer.tests.surroundings import Held, MemoryStore
from trainer.tests.test_worker import start, ticket
from trainer.training.course import Course

STEP_SECONDS = 7
INTERVAL_SECONDS = 30
NOTICE, NONE, WHILE_SAVING = "120 s of notice", "no notice", "no notice, a checkpoint half written"
MODELS = [
    ("random_forest", "bought", {"n_estimators": 65}),
    ("gradient_boosting", "price", {"n_estimators": 6, "subsample": 0.7}),
]
pytestmark = pytest.mark.usefixtures("without_pictures")


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with running() as started:
        yield started


@dataclass
class Left:
    """What an attempt left behind in the bucket, and when it was gone."""

    objects: dict[str, bytes]
    step: int
    seconds: float


class Attempt:
    """One attempt on an instance that is lost `after` so many steps of its own, in a way of its own."""

    def __init__(self, way: str, after: int) -> None:
        self.held = Held()
        self.way = way
        self.after = after
        self.left: Left | None = None
        self._step = self._done = 0
        if way == WHILE_SAVING:
            self._lose_before_the_pointer()

    def run(self, made: dict[str, Any], patched: pytest.MonkeyPatch) -> ExitCode:
        advance = Course.advance

        def slow(course: Course) -> Any:
            progress = advance(course)
            self.held.clock.seconds += STEP_SECONDS
            self._done, self._step = self._done + 1, progress.step
            if self._done == self.after:
                self._interrupt()
            return progress

        with patched.context() as here:
            here.setattr(Course, "advance", slow)
            return start(self.held, made)

    def _interrupt(self) -> None:
        if self.way == NOTICE:
            self.held.signals.halt(INTERRUPTION)
        elif self.way == NONE:
            self._lose()

    def _lose(self) -> None:
        """From here on nothing that is written counts."""
        if self.left is None:
            self.left = Left(dict(self.held.memory.objects), self._step, self.held.clock.seconds)
            self.held.signals.halt(STOP)

    def _lose_before_the_pointer(self) -> None:
        put = MemoryStore.put

        def losing(key: str, body: bytes) -> None:
            if key == "checkpoints/latest.json" and self._done >= self.after:
                self._lose()
            put(self.held.memory, key, body)

        self.held.memory.put = losing  # type: ignore[method-assign]

    def gone(self) -> Left:
        return self.left or Left(self.held.memory.objects, self._step, self.held.clock.seconds)


def lost_seconds(left: Left) -> float:
    """Work since what the pointer names was saved, or since the attempt began."""
    pointer = left.objects.get("checkpoints/latest.json")
    saved = (parse_iso(json.loads(pointer)["at"]) - NOW).total_seconds() if pointer else 0.0
    return left.seconds - saved


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(("model", "target", "hyperparameters"), MODELS)
def test_the_model_comes_out_the_same_and_hardly_any_work_is_lost(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, model: str, target: str, hyperparameters: dict[str, Any], seed: int
) -> None:
    training = {"target": target, "model": model, "hyperparameters": hyperparameters}
    made = ticket(cloud, training=training, checkpointSeconds=INTERVAL_SECONDS, interruptionsPerHour=0)
    whole = Held()
    assert start(whole, made) == ExitCode.SUCCEEDED

    random, kept, ways, number = np.random.default_rng(seed), {"step": 0}, list[str](), 1
    while True:
        way, after = (NOTICE, NONE, WHILE_SAVING)[random.integers(3)], int(random.integers(1, 8))
        attempt = Attempt(way, after)
        made["job"]["attempt"] = number
        if attempt.run(made, monkeypatch) == ExitCode.SUCCEEDED:
            break
        ways.append(way)
        number += 1
        left = attempt.gone()
        assert lost_seconds(left) <= (0 if way == NOTICE else INTERVAL_SECONDS), way
        pointer = json.loads(left.objects.get("checkpoints/latest.json", b'{"step": 0}'))
        if pointer["step"] > kept["step"]:
            kept = pointer
            name = f"kept-{model}-{seed}-{kept['step']}"
            cloud.objects[name] = left.objects[f"checkpoints/{kept['step']}.joblib"]
            made["resume"] = {
                "url": f"{cloud.url}/bucket/{name}?presigned", "step": kept["step"], "sha256": kept["sha256"]
            }  # fmt: skip
    assert len(ways) > 2
    for name in ("result/model.onnx", "result/metrics.json"):
        assert attempt.held.memory.objects[name] == whole.memory.objects[name]


def test_a_checkpoint_with_another_digest_than_the_tickets_is_not_resumed_from(cloud: Cloud) -> None:
    cloud.objects["kept"] = b"not what was written"
    resume = {"url": f"{cloud.url}/bucket/kept?presigned", "step": 7, "sha256": "0" * 64}
    whole, resumed = Held(), Held()
    assert start(whole, ticket(cloud)) == ExitCode.SUCCEEDED
    assert start(resumed, ticket(cloud, resume=resume)) == ExitCode.SUCCEEDED
    assert any(line.startswith("CheckpointDamaged") for line in resumed.sink.lines)
    assert "Training from the beginning" in resumed.sink.lines
    assert resumed.memory.objects["result/model.onnx"] == whole.memory.objects["result/model.onnx"]
