"""The worker as a process in a pod: id and ticket are given to it, it has no metadata service; SIGTERM and SIGKILL."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from trainer.errors import ExitCode, PlatformError
from trainer.instance.identity import identity
from trainer.tests.cloud import KEY, ROLE, Cloud, running
from trainer.tests.surroundings import Held
from trainer.tests.test_worker import start, ticket

ROOT = Path(__file__).resolve().parents[2]
TRAINING = {"model": "gradient_boosting", "target": "price", "hyperparameters": {"n_estimators": 4}}
pytestmark = pytest.mark.usefixtures("without_pictures")


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with running() as started:
        yield started


class Pod:
    """One try of a job on the cluster."""

    def __init__(self, cloud: Cloud, folder: Path, name: str, made: dict[str, Any]) -> None:
        self.cloud = cloud
        self.prefix = f"instances/{ROLE}:{name}/"
        mounted = folder / f"{name}.json"
        mounted.write_text(json.dumps(made), encoding="utf-8")
        env = {
            "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "TMPDIR": str(folder), "PYTHONDONTWRITEBYTECODE": "1",
            "AWS_ENDPOINT_URL": cloud.url, "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:9",
            "AWS_ACCESS_KEY_ID": KEY["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": KEY["SecretAccessKey"],
            "AWS_SESSION_TOKEN": KEY["Token"], "AWS_REGION": "eu-central-1", "SPOTLEARN_BUCKET": "bucket",
            "SPOTLEARN_ROLE_ID": ROLE, "SPOTLEARN_INSTANCE_ID": name, "SPOTLEARN_TICKET_FILE": str(mounted),
        }  # fmt: skip
        self.process = subprocess.Popen(
            [sys.executable, "-m", "trainer"], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def found(self, key: str) -> bytes | None:
        return self.cloud.objects.get(self.prefix + key)

    def json(self, key: str) -> Any:
        return json.loads(self.cloud.objects[self.prefix + key])

    def signal_when_saved(self, after_step: int, number: signal.Signals) -> None:
        """As soon as a checkpoint of a later step is there, before the worker knows that it is."""

        def look(key: str) -> None:
            if (
                key == self.prefix + "checkpoints/latest.json"
                and self.json("checkpoints/latest.json")["step"] > after_step
            ):
                self.process.send_signal(number)

        self.cloud.after_put = look

    def ended(self) -> tuple[int, str]:
        output, _ = self.process.communicate(timeout=120)
        return self.process.returncode, output

    def resume(self) -> dict[str, Any]:
        """What the next attempt's ticket says."""
        pointer = self.json("checkpoints/latest.json")
        self.cloud.objects["kept"] = self.cloud.objects[pointer["key"]]
        url = f"{self.cloud.url}/bucket/kept?presigned"
        return {"url": url, "step": pointer["step"], "sha256": pointer["sha256"]}


def test_killed_evicted_and_resumed_the_model_is_the_same_byte_by_byte(cloud: Cloud, tmp_path: Path) -> None:
    made = ticket(cloud, training=TRAINING, checkpointSeconds=0.001)
    killed = Pod(cloud, tmp_path, "shop-1", made)
    killed.signal_when_saved(0, signal.SIGKILL)
    assert killed.ended()[0] == -signal.SIGKILL
    assert killed.found("result.json") is None

    first = killed.resume()
    evicted = Pod(cloud, tmp_path, "shop-2", {**made, "resume": first})
    evicted.signal_when_saved(first["step"], signal.SIGTERM)
    code, output = evicted.ended()
    assert code == ExitCode.INTERRUPTED, output
    assert evicted.json("result.json")["error"]["code"] == "Terminated"
    assert f"Resuming from step {first['step']}" in output

    second = evicted.resume()
    assert second["step"] > first["step"]
    last = Pod(cloud, tmp_path, "shop-3", {**made, "checkpointSeconds": 3600, "resume": second})
    code, output = last.ended()
    assert code == ExitCode.SUCCEEDED, output
    whole = Held()
    assert start(whole, made) == ExitCode.SUCCEEDED
    for name in ("result/model.onnx", "result/metrics.json"):
        assert last.found(name) == whole.memory.objects[name]


@pytest.mark.parametrize("name", ["../other", "a/b", "..", ".", "a b", "x" * 129, "ü"])
def test_an_id_that_is_no_name_is_refused_before_it_is_part_of_a_key(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("SPOTLEARN_INSTANCE_ID", name)
    with pytest.raises(PlatformError, match="NotConfigured"):
        identity()
    assert os.environ["SPOTLEARN_INSTANCE_ID"] == name


def test_a_pods_id_is_the_one_given_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPOTLEARN_INSTANCE_ID", "shop-1-7f9c")
    assert identity() == (None, "shop-1-7f9c")
