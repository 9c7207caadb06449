"""A job's life, with everything around it held in memory except the data set, which comes over HTTP."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from trainer.clock import iso
from trainer.errors import ExitCode
from trainer.instance.signals import CHECKPOINT_AND_STOP, INTERRUPTION, STOP, TERMINATED
from trainer.tests.cloud import Cloud, etag, running
from trainer.tests.shop import NOW, shop_csv
from trainer.tests.surroundings import PREFIX, Held, eventually
from trainer.training.course import Course
from trainer.worker import work

pytestmark = pytest.mark.usefixtures("without_pictures")
QUICK = {"model": "logistic", "hyperparameters": {}}
STEPS = 24
"""Of the usual job: four in each of five folds, and in the fit on all rows."""
CONTRACT = Path(__file__).resolve().parents[2] / "cloud" / "contract"


@cache
def validator(name: str) -> Any:
    schema = json.loads((CONTRACT / f"{name}.schema.json").read_text(encoding="utf-8"))
    return jsonschema.validators.validator_for(schema)(schema)


def valid(value: Any, name: str) -> None:
    """A job of a second has a hundred heartbeats: the schema is read once."""
    validator(name).validate(value)


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with running() as started:
        yield started


@pytest.fixture
def held() -> Held:
    return Held()


def ticket(cloud: Cloud, body: bytes | None = None, **changes: Any) -> dict[str, Any]:
    data = shop_csv(80).encode() if body is None else body
    name = hashlib.sha256(data).hexdigest()
    cloud.objects[name] = data
    training = {"target": "bought", "features": ["size", "colour"], "task": "auto", "model": "gradient_boosting",
                "hyperparameters": {"n_estimators": 4}, "split": "random", "seed": 1}  # fmt: skip
    made = {
        "version": 1,
        "job": {"namespace": "ml-user-1", "name": "shop", "uid": "u-1", "attempt": 1},
        "dataset": {"url": f"{cloud.url}/bucket/{name}?presigned", "bytes": len(data), "etag": etag(data),
                    "name": "shop.csv"},
        "training": {**training, **changes.pop("training", {})},
        "resume": None,
        "log": {"group": "g", "stream": "s"},
        "heartbeatSeconds": 1,
        "checkpointSeconds": 3600,
        "notAfter": "2100-01-01T00:00:00Z",
        **changes,
    }  # fmt: skip
    valid(made, "ticket")
    return made


def start(held: Held, made: dict[str, Any]) -> ExitCode:
    held.memory.objects["ticket.json"] = json.dumps(made).encode()
    code = work(held)
    result = held.memory.json("result.json")
    valid(result, "result")
    assert result["exitCode"] == code
    assert held.memory.order[-1] == "result.json"
    for beat in held.memory.heartbeats:
        valid(beat, "heartbeat")
    return code


def test_a_job_ends_with_a_model_its_metrics_and_a_result_written_last(held: Held, cloud: Cloud) -> None:
    assert start(held, ticket(cloud)) == ExitCode.SUCCEEDED
    result = held.memory.json("result.json")
    assert result["outcome"] == "Succeeded"
    assert result["error"] is None
    names = [file["name"] for file in result["files"]]
    assert sorted(names) == [
        "manifest.json",
        "metrics.json",
        "model.joblib",
        "model.onnx",
        "report.json",
        "training.log",
    ]
    for file in result["files"]:
        body = held.memory.objects["result/" + file["name"]]
        assert (file["size"], file["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())
    assert result["metrics"]["accuracy"] > result["metrics"]["baseline_accuracy"]
    assert [beat["sequence"] for beat in held.memory.heartbeats] == list(range(1, len(held.memory.heartbeats) + 1))


def test_the_log_tells_progress_in_the_lines_the_operator_reads(held: Held, cloud: Cloud) -> None:
    start(held, ticket(cloud))
    log = held.memory.objects["result/training.log"].decode()
    assert re.search(rf" Epoch 10/{STEPS}, Loss: \d+\.\d+$", log, re.MULTILINE)
    assert re.search(r" Training progress: 50%$", log, re.MULTILINE)
    assert re.search(r" Model Accuracy Score: 0\.\d+$", log, re.MULTILINE)
    assert "http" not in log
    told = [line for line in held.sink.lines if line.startswith("Epoch")]
    assert len(told) == STEPS
    assert all(re.fullmatch(rf"Epoch \d+/{STEPS}, Loss: \d+(\.\d+)?", line) for line in told)
    assert "Training progress: 100%" in held.sink.lines
    assert held.sink.lines[-1].startswith("Succeeded")


def test_regression_tells_its_r2(held: Held, cloud: Cloud) -> None:
    start(held, ticket(cloud, training={"target": "price", "model": "linear", "hyperparameters": {}}))
    assert any(re.fullmatch(r"Model R2 Score: 0\.9\d*", line) for line in held.sink.lines)


def test_heartbeats_carry_step_loss_metric_checkpoint_memory_and_processor(
    held: Held, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    def beaten() -> None:
        held.signals.save()
        seen = len(held.memory.heartbeats)
        eventually(lambda: len(held.memory.heartbeats) > seen + 1)

    for step in (7, 9):
        at_step(monkeypatch, step, beaten)
    start(held, ticket(cloud))
    beat = next(beat for beat in held.memory.heartbeats if beat["step"] == 8 and beat["stage"] == "Training")
    assert beat["steps"] == STEPS
    assert beat["percent"] == round(100 * 8 / STEPS, 2)
    assert beat["metric"] == {"name": "log_loss", "value": beat["loss"]}
    assert beat["loss"] > 0
    assert beat["checkpoint"]["key"] == PREFIX + "checkpoints/7.joblib"
    assert beat["checkpoint"]["step"] == 7
    assert beat["checkpoint"]["bytes"] == len(held.memory.objects["checkpoints/7.joblib"])
    assert beat["memoryMiB"] > 10
    assert beat["cpuPercent"] >= 0
    assert held.memory.heartbeats[-1]["metric"]["name"] == "accuracy"


@pytest.mark.parametrize(
    ("body", "training", "code", "exit_code"),
    [
        (b"", {}, "EmptyFile", ExitCode.DATA),
        (b"\x89PNG\r\n\x1a\n", {}, "NotATable", ExitCode.DATA),
        (None, {"target": "prize"}, "TargetMissing", ExitCode.USER),
        (None, {"model": "magic"}, "UnknownModel", ExitCode.USER),
        (None, {"hyperparameters": {"n_estimators": 10**9}}, "BadHyperparameter", ExitCode.USER),
    ],
)
def test_what_the_user_got_wrong_is_told_in_the_result(
    held: Held, cloud: Cloud, body: bytes | None, training: dict[str, Any], code: str, exit_code: ExitCode
) -> None:
    assert start(held, ticket(cloud, body, training=training)) == exit_code
    result = held.memory.json("result.json")
    assert result["outcome"] == "Failed"
    assert result["error"]["code"] == code
    assert result["error"]["message"]
    assert result["error"]["hint"]
    assert [file["name"] for file in result["files"]] == ["training.log"]


def test_a_changed_data_set_is_a_data_error(held: Held, cloud: Cloud) -> None:
    made = ticket(cloud)
    made["dataset"]["etag"] = '"other"'
    assert start(held, made) == ExitCode.DATA
    assert held.memory.json("result.json")["error"]["code"] == "DatasetChanged"


@pytest.mark.parametrize(
    ("error", "code", "exit_code"),
    [
        (MemoryError(), "OutOfMemory", ExitCode.MEMORY),
        (ZeroDivisionError("row 1: secret"), "Internal", ExitCode.PLATFORM),
    ],
)
def test_what_breaks_inside_is_mapped_and_quotes_nothing(
    held: Held, cloud: Cloud, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str, exit_code: ExitCode
) -> None:
    def broken(_course: Course) -> None:
        raise error

    monkeypatch.setattr(Course, "advance", broken)
    assert start(held, ticket(cloud)) == exit_code
    assert held.memory.json("result.json")["error"]["code"] == code
    assert b"secret" not in held.memory.objects["result/training.log"]


def at_step(monkeypatch: pytest.MonkeyPatch, step: int, then: Callable[[], None]) -> None:
    advance = Course.advance

    def watched(course: Course) -> Any:
        progress = advance(course)
        if progress.step == step:
            then()
        return progress

    monkeypatch.setattr(Course, "advance", watched)


def test_a_notice_ends_with_a_checkpoint_from_which_the_same_model_comes(
    held: Held, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        at_step(patched, 7, lambda: held.signals.halt(INTERRUPTION))
        assert start(held, ticket(cloud)) == ExitCode.INTERRUPTED
    assert held.memory.json("result.json")["outcome"] == "Interrupted"
    pointer = held.memory.json("checkpoints/latest.json")
    assert pointer["step"] == 7
    assert pointer["key"] == PREFIX + "checkpoints/7.joblib"
    saved = held.memory.objects["checkpoints/7.joblib"]
    assert pointer["sha256"] == hashlib.sha256(saved).hexdigest()
    order = held.memory.order
    assert order.index("checkpoints/7.joblib") < order.index("checkpoints/latest.json")

    cloud.objects["saved"] = saved
    after, whole = Held(), Held()
    resume = {"url": f"{cloud.url}/bucket/saved?presigned", "step": 7}
    assert start(after, ticket(cloud, resume=resume)) == ExitCode.SUCCEEDED
    assert start(whole, ticket(cloud)) == ExitCode.SUCCEEDED
    assert "Resuming from step 7" in after.sink.lines
    for name in ("result/model.onnx", "result/metrics.json"):
        assert after.memory.objects[name] == whole.memory.objects[name]


def test_a_checkpoint_that_is_lost_costs_time_but_not_the_job(held: Held, cloud: Cloud) -> None:
    resume = {"url": f"{cloud.url}/bucket/nothing?presigned", "step": 7}
    assert start(held, ticket(cloud, resume=resume)) == ExitCode.SUCCEEDED
    assert "Training from the beginning" in held.sink.lines


def test_a_checkpoint_that_cannot_be_reached_now_is_left_to_the_next_attempt(held: Held, cloud: Cloud) -> None:
    cloud.fail["/bucket/away"] = [503] * 9
    resume = {"url": f"{cloud.url}/bucket/away?presigned", "step": 7}
    assert start(held, ticket(cloud, resume=resume)) == ExitCode.PLATFORM
    assert held.memory.json("result.json")["error"]["code"] == "DownloadFailed"
    del cloud.fail["/bucket/away"]


def ended(made: dict[str, Any], part: str) -> dict[str, Any]:
    """The same ticket, a link of it signed too long ago."""
    old: dict[str, Any] = json.loads(json.dumps(made))
    old[part]["url"] += "-long-ago"
    return old


@pytest.mark.parametrize("part", ["dataset", "resume"])
def test_a_link_that_has_ended_is_waited_for_and_the_job_goes_on(held: Held, cloud: Cloud, part: str) -> None:
    cloud.objects["saved"] = b"of another training"
    made = ticket(cloud, training=QUICK, resume={"url": f"{cloud.url}/bucket/saved?presigned", "step": 7})
    refreshed = json.dumps(made).encode()
    held.clock.then[20.0] = lambda: held.memory.objects.update({"ticket.json": refreshed})
    assert start(held, ended(made, part)) == ExitCode.SUCCEEDED
    assert any("is no longer valid (HTTP 403). Waiting for a new link" in line for line in held.sink.lines)
    assert "A new link came" in held.sink.lines
    assert held.clock.seconds < 60
    assert b"long-ago" not in held.memory.objects["result/training.log"]


def test_a_refreshed_ticket_changes_links_and_nothing_else(held: Held, cloud: Cloud) -> None:
    made = ticket(cloud, training=QUICK)
    other = ticket(cloud, b"a,b\n1,2\n", training={"target": "prize"}, notAfter="2001-01-01T00:00:00Z")
    other["dataset"]["url"] = made["dataset"]["url"]
    held.clock.then[20.0] = lambda: held.memory.objects.update({"ticket.json": json.dumps(other).encode()})
    assert start(held, ended(made, "dataset")) == ExitCode.SUCCEEDED


def test_without_a_refreshed_ticket_the_attempt_ends_in_five_minutes(held: Held, cloud: Cloud) -> None:
    assert start(held, ended(ticket(cloud), "dataset")) == ExitCode.PLATFORM
    assert held.memory.json("result.json")["error"]["code"] == "DownloadRefused"
    assert 280 < held.clock.seconds <= 300


def test_a_ticket_that_was_refreshed_to_another_job_ends_the_attempt_at_once(held: Held, cloud: Cloud) -> None:
    made = ticket(cloud)
    foreign = json.dumps({**made, "job": {**made["job"], "uid": "u-2"}}).encode()
    held.clock.then[20.0] = lambda: held.memory.objects.update({"ticket.json": foreign})
    assert start(held, ended(made, "dataset")) == ExitCode.PLATFORM
    assert held.memory.json("result.json")["error"]["code"] == "ForeignTicket"
    assert held.clock.seconds < 35


def test_a_stop_is_obeyed_while_a_link_is_waited_for(held: Held, cloud: Cloud) -> None:
    held.clock.then[20.0] = lambda: held.signals.halt(CHECKPOINT_AND_STOP)
    assert start(held, ended(ticket(cloud), "dataset")) == ExitCode.STOPPED
    assert held.clock.seconds < 35


def test_a_ticket_whose_time_is_over_is_not_begun(held: Held, cloud: Cloud) -> None:
    before = len(cloud.ranges)
    assert start(held, ticket(cloud, notAfter=iso(NOW))) == ExitCode.STOPPED
    assert held.memory.json("result.json")["error"]["code"] == "NotAfter"
    assert len(cloud.ranges) == before
    assert not [key for key in held.memory.order if key.startswith("checkpoints")]


def test_sigterm_before_there_is_a_job_ends_the_worker_without_a_result(held: Held) -> None:
    held.signals.halt(TERMINATED)
    assert work(held) == ExitCode.INTERRUPTED
    assert b"Ending without a job" in held.log.text()
    assert not held.memory.order


def test_a_pod_has_nobody_who_gives_notice(held: Held, cloud: Cloud) -> None:
    held.metadata = None
    held.notices.action = "terminate"
    assert start(held, ticket(cloud, training=QUICK)) == ExitCode.SUCCEEDED


@pytest.mark.parametrize(("halt", "kept"), [(CHECKPOINT_AND_STOP, True), (STOP, False)])
def test_a_stop_on_request_keeps_a_checkpoint_when_asked(
    held: Held, cloud: Cloud, monkeypatch: pytest.MonkeyPatch, halt: Any, kept: bool
) -> None:
    at_step(monkeypatch, 3, lambda: held.signals.halt(halt))
    assert start(held, ticket(cloud)) == ExitCode.STOPPED
    assert held.memory.json("result.json")["outcome"] == "Stopped"
    assert ("checkpoints/latest.json" in held.memory.objects) == kept


def test_checkpoints_are_written_by_time_and_when_recommended(
    held: Held, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    def later() -> None:
        held.clock.seconds += 100

    at_step(monkeypatch, 4, later)
    at_step(monkeypatch, 9, held.signals.save)
    assert start(held, ticket(cloud, checkpointSeconds=60)) == ExitCode.SUCCEEDED
    steps = [key for key in held.memory.order if key.endswith(".joblib") and key.startswith("checkpoints")]
    assert steps == ["checkpoints/4.joblib", "checkpoints/9.joblib"]


def test_a_checkpoint_that_cannot_be_written_costs_no_training(
    held: Held, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    def later() -> None:
        held.clock.seconds += 100

    held.memory.refuse.add("checkpoints/4.joblib")
    at_step(monkeypatch, 4, later)
    assert start(held, ticket(cloud, checkpointSeconds=60)) == ExitCode.SUCCEEDED
    assert any(line.startswith("No checkpoint at step 4: ") for line in held.sink.lines)
    assert "checkpoints/5.joblib" in held.memory.order


def test_the_deadline_stops_the_worker(held: Held, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    def late() -> None:
        held.clock.seconds += 7200
        eventually(lambda: held.signals.halted() is not None)

    at_step(monkeypatch, 2, late)
    assert start(held, ticket(cloud, notAfter=iso(NOW + timedelta(hours=1)))) == ExitCode.STOPPED
    assert held.memory.json("result.json")["error"]["code"] == "NotAfter"


def test_a_step_that_never_ends_is_abandoned_in_time(held: Held, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    def stuck() -> None:
        held.signals.halt(INTERRUPTION)
        held.clock.seconds += 61
        eventually(lambda: held.exits)

    at_step(monkeypatch, 2, stuck)
    held.memory.objects["ticket.json"] = json.dumps(ticket(cloud)).encode()
    assert work(held) == ExitCode.INTERRUPTED
    assert held.exits == [ExitCode.INTERRUPTED]
    valid(held.memory.json("result.json"), "result")
    assert held.memory.order.count("result.json") == 1


def test_a_model_that_cannot_be_uploaded_is_a_platform_error_with_a_result(held: Held, cloud: Cloud) -> None:
    held.memory.refuse.add("result/model.onnx")
    assert start(held, ticket(cloud)) == ExitCode.PLATFORM
    assert held.memory.json("result.json")["error"]["code"] == "IoFailed"


def test_a_result_that_cannot_be_written_still_has_an_exit_code(held: Held, cloud: Cloud) -> None:
    held.memory.refuse.add("result.json")
    held.memory.objects["ticket.json"] = json.dumps(ticket(cloud)).encode()
    assert work(held) == ExitCode.PLATFORM
