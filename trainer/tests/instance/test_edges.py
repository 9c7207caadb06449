"""The edges speak the real protocols: metadata service, S3, CloudWatch Logs, presigned downloads."""

from __future__ import annotations

import hashlib
import io
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from trainer.errors import DataError, JobError, PlatformError
from trainer.instance import download as downloading
from trainer.instance.download import download, fetch_checkpoint
from trainer.instance.heart import Heart, resident_mib
from trainer.instance.logs import CloudWatchSink, JobLog
from trainer.instance.metadata import InstanceMetadata
from trainer.instance.signals import CHECKPOINT_AND_STOP, INTERRUPTION, STOP, Signals
from trainer.instance.store import S3Store, client_for
from trainer.instance.watch import Watch
from trainer.tests.cloud import INSTANCE, PREFIX, Cloud, etag, running
from trainer.tests.shop import LATER
from trainer.tests.surroundings import Held, HeldClock, KeptSink
from trainer.ticket import Dataset, Resume


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    with running() as started:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_ENDPOINT_URL_S3"):
            monkeypatch.delenv(name, raising=False)
        for name, value in started.environment().items():
            monkeypatch.setenv(name, value)
        yield started


def test_the_metadata_service_is_asked_with_a_token_that_is_renewed(cloud: Cloud) -> None:
    metadata = InstanceMetadata()
    assert metadata.instance_id() == INSTANCE
    assert metadata.spot_action() is None
    assert not metadata.rebalance_recommended()
    cloud.token_valid = False
    cloud.spot_action, cloud.rebalance = {"action": "stop", "time": "2026-01-01T00:00:00Z"}, True
    assert metadata.spot_action() == "stop"
    assert metadata.rebalance_recommended()


def test_a_metadata_service_that_is_silent_or_empty_is_a_platform_error(cloud: Cloud) -> None:
    cloud.fail["/latest/meta-data/instance-id"] = [404]
    with pytest.raises(PlatformError, match="NoMetadata"):
        InstanceMetadata().instance_id()
    with pytest.raises(PlatformError, match="NoMetadata"):
        InstanceMetadata("http://127.0.0.1:9").instance_id()


def test_objects_are_written_and_read_with_the_role_of_the_instance(cloud: Cloud) -> None:
    store = S3Store(client_for("s3", "eu-central-1"), "bucket", PREFIX)
    assert store.get("control.json") is None
    store.put("control.json", b"{}")
    found = store.get("control.json")
    assert found is not None
    assert found.body == b"{}"
    assert store.get("control.json", unless=found.etag) is None
    assert cloud.objects[PREFIX + "control.json"] == b"{}"


def test_an_object_that_may_not_be_seen_is_not_there_but_wrong_credentials_are_an_error(cloud: Cloud) -> None:
    store = S3Store(client_for("s3", "eu-central-1"), "bucket", PREFIX)
    cloud.refusal = b"<Error><Code>AccessDenied</Code></Error>"
    cloud.fail["/bucket/"] = [403]
    assert store.get("ticket.json") is None
    cloud.refusal = b"<Error><Code>SignatureDoesNotMatch</Code></Error>"
    cloud.fail["/bucket/"] = [403]
    with pytest.raises(ClientError):
        store.get("ticket.json")


def test_lines_reach_the_log_stream_in_order(cloud: Cloud) -> None:
    cloud.streams.add("s")
    log = JobLog(HeldClock(), len)
    log.line("before\nfolded")
    log.ship_to(CloudWatchSink(client_for("logs", "eu-central-1"), "g", "s"))
    log.line("after")
    log.close()
    assert cloud.logs == ["before folded", "after"]
    assert log.text().decode().splitlines()[1] == "2026-01-01T00:00:00.000Z after"


def test_a_log_service_that_fails_costs_lines_and_nothing_else() -> None:
    sink = KeptSink()
    sink.failures = 1
    log = JobLog(HeldClock(), len)
    log.line("lost")
    log.ship_to(sink)
    log.close()
    assert sink.lines == []
    assert b"could not be shipped: ConnectionError" in log.text()


def data_set(cloud: Cloud, body: bytes, **changes: object) -> Dataset:
    cloud.objects["data"] = body
    fields = {"url": f"{cloud.url}/bucket/data?presigned", "bytes": len(body), "etag": etag(body), "name": "x.csv"}
    return Dataset(**{**fields, **changes})  # type: ignore[arg-type]


def test_a_download_is_repeated_with_pauses_until_it_is_whole(cloud: Cloud, tmp_path: Path) -> None:
    cloud.fail["/bucket/data"] = [503, 500]
    clock, seen = HeldClock(), list[int]()
    download(data_set(cloud, b"a,b\n1,2\n"), tmp_path / "x", clock, seen.append)
    assert (tmp_path / "x").read_bytes() == b"a,b\n1,2\n"
    assert clock.waits == [0.5, 1.0]
    assert seen == [8]


BODY = bytes(range(256)) * 40


def test_a_download_that_breaks_off_goes_on_where_it_was(cloud: Cloud, tmp_path: Path) -> None:
    cloud.cut = [4000, 3000]
    clock, seen = HeldClock(), list[int]()
    download(data_set(cloud, BODY), tmp_path / "x", clock, seen.append)
    assert (tmp_path / "x").read_bytes() == BODY
    assert cloud.ranges == ["", "bytes=4000-", "bytes=7000-"]
    assert seen[-1] == len(BODY)


def test_a_download_that_gets_on_is_never_given_up(cloud: Cloud, tmp_path: Path) -> None:
    cloud.cut = [100] * 30
    download(data_set(cloud, BODY), tmp_path / "x", HeldClock(), lambda _: None)
    assert (tmp_path / "x").read_bytes() == BODY


@pytest.mark.parametrize("unsure", ["no etag", "ranges ignored"])
def test_a_download_begins_again_where_the_rest_cannot_be_trusted(cloud: Cloud, tmp_path: Path, unsure: str) -> None:
    cloud.cut, cloud.ignores_ranges = [4000], unsure == "ranges ignored"
    data = data_set(cloud, BODY, **({"etag": ""} if unsure == "no etag" else {}))
    download(data, tmp_path / "x", HeldClock(), lambda _: None)
    assert (tmp_path / "x").read_bytes() == BODY


def test_an_object_changed_in_mid_download_is_never_mixed_with_the_old_one(cloud: Cloud, tmp_path: Path) -> None:
    data = data_set(cloud, BODY)
    cloud.cut = [4000]

    def change(_: int) -> None:
        cloud.objects["data"] = BODY[::-1]

    with pytest.raises(DataError, match="DatasetChanged"):
        download(data, tmp_path / "x", HeldClock(), change)


def test_more_than_was_said_is_not_taken(cloud: Cloud, tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match=r"DownloadFailed.*\(8 bytes instead of 5\)"):
        download(data_set(cloud, b"a,b\n1,2\n", bytes=5), tmp_path / "x", HeldClock(), lambda _: None)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("place", ["", "bytes 0-4/8", "bytes none"])
def test_a_part_that_was_not_asked_for_is_not_appended(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    class Part(io.BytesIO):
        def __init__(self) -> None:
            super().__init__(b"a,b\n1")
            self.status, self.headers = 206, {"Content-Range": place}

    (tmp_path / "x").write_bytes(b"a,b")
    monkeypatch.setattr(downloading, "_open", lambda _url, _headers: Part())
    with pytest.raises(PlatformError, match="another part"):
        download(data_set(cloud, b"a,b\n1,2\n"), tmp_path / "x", HeldClock(), lambda _: None)
    assert (tmp_path / "x").read_bytes() == b"a,b"


@pytest.mark.parametrize(
    ("changes", "statuses", "code"),
    [
        ({"etag": '"old"'}, [], "DatasetChanged"),
        ({}, [404], "DatasetGone"),
        ({}, [403], "DownloadRefused"),
        ({}, [500] * 9, "DownloadFailed"),
        ({"bytes": 5}, [], "DownloadFailed"),
        ({"url": "http://127.0.0.1:9/secret"}, [], "DownloadFailed"),
    ],
)
def test_what_cannot_be_downloaded_is_said_without_the_link(
    cloud: Cloud, tmp_path: Path, changes: dict[str, object], statuses: list[int], code: str
) -> None:
    cloud.fail["/bucket/data"] = statuses
    with pytest.raises(JobError) as caught:
        download(data_set(cloud, b"a,b\n", **changes), tmp_path / "x", HeldClock(), lambda _: None)
    assert caught.value.code == code
    assert "http" not in str(caught.value)
    assert isinstance(caught.value, DataError) == code.startswith("Dataset")


def test_a_checkpoint_is_fetched_to_memory(cloud: Cloud) -> None:
    cloud.objects["saved"] = b"state"
    resume = Resume(f"{cloud.url}/bucket/saved?presigned", 7, hashlib.sha256(b"state").hexdigest())
    assert fetch_checkpoint(resume, HeldClock()) == b"state"
    assert downloading.ATTEMPTS == 5


def test_half_a_checkpoint_is_fetched_again(cloud: Cloud) -> None:
    cloud.objects["saved"] = b"state"
    cloud.cut = [2, 0]
    assert fetch_checkpoint(Resume(f"{cloud.url}/bucket/saved?presigned", 7), HeldClock()) == b"state"


@pytest.mark.parametrize(
    ("statuses", "sha256", "code"),
    [
        ([404], None, "CheckpointGone"),
        ([412], None, "CheckpointChanged"),
        ([403], None, "DownloadRefused"),
        ([500] * 9, None, "DownloadFailed"),
        ([], "0" * 64, "CheckpointDamaged"),
    ],
)
def test_only_a_checkpoint_that_is_lost_is_a_data_error(
    cloud: Cloud, statuses: list[int], sha256: str | None, code: str
) -> None:
    cloud.objects["saved"] = b"state"
    cloud.fail["/bucket/saved"] = statuses
    with pytest.raises(JobError) as caught:
        fetch_checkpoint(Resume(f"{cloud.url}/bucket/saved?presigned", 7, sha256), HeldClock())
    assert caught.value.code == code
    assert "http" not in str(caught.value)
    assert isinstance(caught.value, DataError) == code.startswith("Checkpoint")


def heart(held: Held) -> Heart:
    return Heart(held.memory, held.clock, held.signals, 5, LATER, lambda: None, held.log.line)


def test_the_heart_hears_what_the_operator_wants_and_says_it_did() -> None:
    held = Held()
    beating = heart(held)
    beating.beat()
    held.memory.objects["control.json"] = b'{"generation": 1, "desired": "Run", "reason": ""}'
    beating.beat()
    assert held.signals.halted() is None
    held.memory.objects["control.json"] = b'{"generation": 2, "desired": "CheckpointAndStop", "reason": "budget"}'
    beating.beat()
    assert held.signals.halted() is CHECKPOINT_AND_STOP
    held.memory.objects["control.json"] = b'{"generation": 3, "desired": "Stop", "reason": "deleted"}'
    beating.beat()
    assert held.signals.halted() is STOP
    assert [beat["controlGeneration"] for beat in held.memory.heartbeats] == [0, 1, 2, 3]
    assert held.memory.heartbeats[-1]["memoryMiB"] == pytest.approx(resident_mib(), rel=0.2)


def test_a_halt_is_final_but_the_heart_says_that_it_read_the_newer_wish() -> None:
    held = Held()
    beating = heart(held)
    held.memory.objects["control.json"] = b'{"generation": 4, "desired": "CheckpointAndStop", "reason": "suspend"}'
    beating.beat()
    held.memory.objects["control.json"] = b'{"generation": 5, "desired": "Run", "reason": "resumed"}'
    beating.beat()
    assert held.signals.halted() is CHECKPOINT_AND_STOP
    assert held.memory.heartbeats[-1]["controlGeneration"] == 5


def test_the_alive_file_is_touched_by_what_arrived_only(tmp_path: Path) -> None:
    held = Held()
    alive = tmp_path / "alive"
    alive.touch()
    os.utime(alive, (1, 1))
    beating = Heart(held.memory, held.clock, held.signals, 5, LATER, lambda: None, held.log.line, alive)
    held.memory.refuse.add("heartbeat.json")
    beating.beat()
    assert alive.stat().st_mtime == 1
    held.memory.refuse.clear()
    held.memory.objects["control.json"] = b"rubbish"
    beating.beat()
    assert alive.stat().st_mtime > 1
    lost = Heart(held.memory, held.clock, held.signals, 5, LATER, lambda: None, held.log.line, tmp_path / "no" / "file")
    lost.beat()
    assert len(held.memory.heartbeats) == 2


@pytest.mark.parametrize("number", [float("nan"), float("inf"), None])
def test_a_model_that_diverges_does_not_silence_the_heart(number: float | None) -> None:
    held = Held()
    beating = heart(held)
    beating.show(loss=number, metric=("log_loss", number) if number else None)
    beating.beat()
    assert (held.memory.heartbeats[0]["loss"], held.memory.heartbeats[0]["metric"]) == (None, None)
    beating.show(loss=0.5, metric=("log_loss", 0.5))
    beating.beat()
    assert held.memory.heartbeats[1]["loss"] == 0.5
    assert held.memory.heartbeats[1]["metric"] == {"name": "log_loss", "value": 0.5}


def test_a_heartbeat_that_fails_is_noted_and_mended_by_the_next() -> None:
    held = Held()
    held.memory.refuse.add("heartbeat.json")
    beating = heart(held)
    beating.beat()
    held.memory.refuse.clear()
    beating.beat()
    assert [beat["sequence"] for beat in held.memory.heartbeats] == [2]
    text = held.log.text()
    assert b"Heartbeat failed: ConnectionError" in text
    assert b"secret" not in text


def test_a_notice_halts_and_a_recommendation_only_saves() -> None:
    held, notes = Held(), list[str]()
    watch = Watch(held.notices, held.signals, held.clock, notes.append)
    held.notices.silent = True
    watch.look()
    held.notices.silent, held.notices.rebalance = False, True
    watch.look()
    watch.look()
    assert held.signals.halted() is None
    assert held.signals.take_save()
    assert not held.signals.take_save()
    held.notices.action = "terminate"
    watch.look()
    watch.look()
    assert held.signals.halted() is INTERRUPTION
    assert len(notes) == 2


def test_the_first_halt_stays_unless_nothing_is_to_be_saved() -> None:
    signals = Signals(HeldClock())
    signals.halt(INTERRUPTION)
    signals.halt(CHECKPOINT_AND_STOP)
    assert signals.halted() is INTERRUPTION
    signals.halt(STOP)
    assert signals.halted() is STOP
    assert not signals.overdue(1)


def test_threads_start_and_stop() -> None:
    held = Held()
    beating = heart(held)
    watch = Watch(held.notices, held.signals, held.clock, held.log.line)
    before = threading.active_count()
    beating.start()
    watch.start()
    watch.stop()
    beating.stop()
    assert held.memory.heartbeats
    assert threading.active_count() <= before + 1
