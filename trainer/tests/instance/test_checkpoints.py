"""How often a checkpoint is written, by what it costs and how often instances are taken back."""

from __future__ import annotations

import math

import pytest

from trainer.instance.checkpoints import SHORTEST_SECONDS, Checkpoints
from trainer.tests.surroundings import HeldClock, MemoryStore


class Written:
    """Checkpoints whose dump takes a stated time."""

    def __init__(self, cost: float, at_most: float = 60.0, per_hour: float = 1.0) -> None:
        self.clock = HeldClock()
        self.store = MemoryStore()
        self.cost = cost
        self.checkpoints = Checkpoints(self.store, self.clock, at_most, per_hour)

    def dump(self) -> bytes:
        self.clock.seconds += self.cost
        return b"state"


def test_before_the_first_checkpoint_the_tickets_interval_counts() -> None:
    written = Written(0.01)
    assert written.checkpoints.every_seconds == 60
    written.clock.seconds = 60
    assert written.checkpoints.due()


@pytest.mark.parametrize(
    ("cost", "per_hour", "seconds"),
    [
        (0.02, 1.0, math.sqrt(2 * 0.02 * 3600)),
        (0.02, 4.0, 6.0),
        (0.001, 4.0, SHORTEST_SECONDS),
        (20.0, 1.0, 60.0),
        (0.02, 0.0, 60.0),
        (0.0, 1.0, SHORTEST_SECONDS),
    ],
)
def test_then_what_the_last_one_cost(cost: float, per_hour: float, seconds: float) -> None:
    written = Written(cost, per_hour=per_hour)
    written.checkpoints.write(3, written.dump)
    assert written.checkpoints.every_seconds == pytest.approx(seconds)


def test_an_interval_below_the_shortest_is_the_tickets_to_choose() -> None:
    written = Written(0.001, at_most=1.0)
    written.checkpoints.write(3, written.dump)
    assert written.checkpoints.every_seconds == 1


def test_it_is_due_before_another_step_would_leave_too_much_unsaved() -> None:
    written = Written(0.02, per_hour=4.0)
    written.checkpoints.write(1, written.dump)
    due = []
    for _ in range(4):
        written.clock.seconds += 2
        due.append(written.checkpoints.due())
    assert due == [False, False, True, True]


def test_the_pointer_comes_after_the_state_and_a_failure_leaves_the_one_before() -> None:
    written = Written(0.0)
    pointer = written.checkpoints.write(1, written.dump)
    assert written.store.order == ["checkpoints/1.joblib", "checkpoints/latest.json"]
    assert pointer["step"] == written.checkpoints.saved_step == 1
    written.store.refuse.add("checkpoints/2.joblib")
    with pytest.raises(ConnectionError):
        written.checkpoints.write(2, written.dump)
    assert written.checkpoints.saved_step == 1
    assert written.store.json("checkpoints/latest.json")["step"] == 1
