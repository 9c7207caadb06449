"""The boot script, run as the machine runs it: static but for its place, a process with a `shutdown` shim on PATH."""

from __future__ import annotations

import hashlib
import io
import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainer import __main__ as program
from trainer import bundle
from trainer.errors import ExitCode
from trainer.packaging.archive import write
from trainer.tests.cloud import PREFIX, ROLE, Cloud, running
from trainer.tests.surroundings import eventually
from trainer.tests.test_worker import ticket

BOOT = Path(__file__).resolve().parents[1] / "boot.sh"


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with running() as started:
        yield started


class Machine:
    """A folder that stands for an instance."""

    def __init__(self, folder: Path, cloud: Cloud, bundle_body: bytes, sha256: str = "", **arm64: str) -> None:
        self.folder = folder
        self.cloud = cloud
        cloud.objects["artefacts/worker/x.tar.gz"] = bundle_body
        values = {"BUCKET": "bucket", "REGION": "eu-central-1", "ROLE_ID": ROLE, "LOG_GROUP": "/log/group",
                  "BUNDLE_KEY": "artefacts/worker/x.tar.gz",
                  "BUNDLE_SHA256": sha256 or hashlib.sha256(bundle_body).hexdigest()}  # fmt: skip
        values |= {f"{name}_ARM64": values[name] for name in ("BUNDLE_KEY", "BUNDLE_SHA256")} | arm64
        script = BOOT.read_text(encoding="utf-8")
        for name, value in values.items():
            assert f"{{{{{name}}}}}" in script
            script = script.replace(f"{{{{{name}}}}}", value)
        (folder / "boot.sh").write_text(script, encoding="utf-8")
        (folder / "bin").mkdir()
        self.shim("shutdown", f'echo "$@" >> "{folder}/shutdown.log"')
        self.shim("poweroff", f'echo "poweroff $@" >> "{folder}/shutdown.log"')
        (folder / "tmp").mkdir()

    def shim(self, command: str, line: str) -> None:
        """Stands for a command of the machine's; a real one would reach the machine that tests."""
        path = self.folder / "bin" / command
        path.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
        path.chmod(0o755)

    def boot(self, **environment: str) -> subprocess.Popen[str]:
        path = f"{self.folder / 'bin'}:{Path(sys.executable).parent}:/usr/bin:/bin"
        env = {"PATH": path, "TMPDIR": str(self.folder / "tmp"), "AWS_ENDPOINT_URL": self.cloud.url,
               "AWS_EC2_METADATA_SERVICE_ENDPOINT": self.cloud.url, "PYTHONDONTWRITEBYTECODE": "1",
               **environment}  # fmt: skip
        return subprocess.Popen(
            ["bash", str(self.folder / "boot.sh")], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, cwd=self.folder, start_new_session=True,
        )  # fmt: skip

    @property
    def shut_down(self) -> list[str]:
        log = self.folder / "shutdown.log"
        return log.read_text(encoding="utf-8").split("\n")[:-1] if log.exists() else []


def real_bundle(folder: Path, site_packages: Path | None = None) -> bytes:
    out = folder / "bundle.tar.gz"
    bundle.build(out, site_packages)
    return out.read_bytes()


def made_up_bundle(folder: Path, program_text: str) -> bytes:
    (folder / "trainer").mkdir(parents=True)
    (folder / "trainer" / "__main__.py").write_text(program_text, encoding="utf-8")
    out = folder / "made_up.tar.gz"
    with tarfile.open(out, "w:gz") as archive:
        archive.add(folder / "trainer", "trainer")
    return out.read_bytes()


def test_the_script_has_no_job_in_it_and_fits_into_user_data() -> None:
    script = BOOT.read_bytes()
    assert len(script) < 16_000
    assert script.count(b"{{") == 8


@pytest.mark.parametrize("processor", ["x86_64", "aarch64"])
def test_a_machine_fetches_the_bundle_for_its_processor(cloud: Cloud, tmp_path: Path, processor: str) -> None:
    other = made_up_bundle(tmp_path / "other", "print('made for aarch64')")
    cloud.objects["artefacts/other"] = other
    arm64 = {"BUNDLE_KEY_ARM64": "artefacts/other", "BUNDLE_SHA256_ARM64": hashlib.sha256(other).hexdigest()}
    machine = Machine(tmp_path, cloud, made_up_bundle(tmp_path, "print('made for x86_64')"), **arm64)
    machine.shim("uname", f"echo {processor}")
    booted = machine.boot()
    output, _ = booted.communicate(timeout=30)
    assert booted.returncode == 0, output
    assert f"made for {processor}" in output
    assert machine.shut_down == ["-h now"]


def test_a_machine_boots_trains_uploads_and_shuts_down(cloud: Cloud, tmp_path: Path) -> None:
    made = ticket(cloud, training={"target": "price", "model": "ridge", "hyperparameters": {}})
    cloud.put_json("ticket.json", made)
    machine = Machine(tmp_path, cloud, real_bundle(tmp_path))
    booted = machine.boot()
    output, _ = booted.communicate(timeout=60)
    assert booted.returncode == 0, output
    assert cloud.json("result.json")["outcome"] == "Succeeded"
    assert PREFIX + "result/model.onnx" in cloud.objects
    assert machine.shut_down == ["-h now"]
    assert not list((tmp_path / "tmp").iterdir())
    assert any(line.startswith("Model R2 Score") for line in cloud.logs)
    assert "secret" not in output


def test_a_bundle_with_another_hash_is_not_run(cloud: Cloud, tmp_path: Path) -> None:
    machine = Machine(tmp_path, cloud, made_up_bundle(tmp_path, "print('ran')"), "0" * 64)
    booted = machine.boot()
    output, _ = booted.communicate(timeout=30)
    assert "not run" in output
    assert "ran\n" not in output
    assert booted.returncode == 20
    assert machine.shut_down == ["-h now"]


def test_fetching_is_repeated_while_credentials_are_not_there_yet(cloud: Cloud, tmp_path: Path) -> None:
    cloud.fail["/latest/meta-data/iam"] = [404]
    cloud.fail["/bucket/artefacts"] = [503]
    machine = Machine(tmp_path, cloud, made_up_bundle(tmp_path, "print('ran')"))
    output, _ = machine.boot().communicate(timeout=30)
    assert "attempt 1 failed: HTTP 404" in output
    assert "attempt 2 failed: HTTP 503" in output
    assert "ran\n" in output


def test_sigterm_is_the_workers_to_answer(cloud: Cloud, tmp_path: Path) -> None:
    worker = """
import signal, sys, time
def leave(*_):
    time.sleep(0.2)
    sys.exit(30)
signal.signal(signal.SIGTERM, leave)
print("up", flush=True)
time.sleep(60)
"""
    machine = Machine(tmp_path, cloud, made_up_bundle(tmp_path, worker))
    booted = machine.boot()
    assert booted.stdout
    while "up" not in booted.stdout.readline():
        pass
    booted.send_signal(signal.SIGTERM)
    booted.communicate(timeout=20)
    assert booted.returncode == 30
    assert machine.shut_down == ["-h now"]


def test_the_dead_mans_switch_shuts_down_a_machine_that_hangs(cloud: Cloud, tmp_path: Path) -> None:
    machine = Machine(tmp_path, cloud, made_up_bundle(tmp_path, "import time; time.sleep(30)"))
    booted = machine.boot(SPOTLEARN_LIFETIME_SECONDS="1")
    eventually(lambda: machine.shut_down, 20)
    booted.send_signal(signal.SIGTERM)
    output, _ = booted.communicate(timeout=20)
    assert "lifetime of 1 s is over, shutting down" in output


SILENT = "import time; print('up', flush=True); time.sleep(60)"
BEATING = """
import os, pathlib, time
print("up", flush=True)
alive = pathlib.Path(os.environ["SPOTLEARN_ALIVE_FILE"])
for beat in range(50):
    os.utime(alive, (10_000 - beat, 10_000 - beat))
    time.sleep(0.1)
"""


def test_a_worker_whose_heartbeats_stay_away_takes_its_machine_down(cloud: Cloud, tmp_path: Path) -> None:
    machine = Machine(tmp_path, cloud, made_up_bundle(tmp_path, SILENT))
    booted = machine.boot(SPOTLEARN_IDLE_SECONDS="2")
    eventually(lambda: machine.shut_down, 30)
    booted.send_signal(signal.SIGTERM)
    output, _ = booted.communicate(timeout=20)
    assert "no heartbeat for 2 s, shutting down" in output
    assert "up\n" in output


def test_a_worker_that_beats_keeps_its_machine_even_when_the_clock_is_set_back(cloud: Cloud, tmp_path: Path) -> None:
    machine = Machine(tmp_path, cloud, made_up_bundle(tmp_path, BEATING))
    booted = machine.boot(SPOTLEARN_IDLE_SECONDS="3")
    output, _ = booted.communicate(timeout=60)
    assert booted.returncode == 0, output
    assert "no heartbeat" not in output
    assert machine.shut_down == ["-h now"]


def test_the_switch_outlives_a_boot_script_that_was_killed(cloud: Cloud, tmp_path: Path) -> None:
    machine = Machine(tmp_path, cloud, made_up_bundle(tmp_path, SILENT))
    booted = machine.boot(SPOTLEARN_IDLE_SECONDS="2")
    try:
        assert booted.stdout
        while "up" not in booted.stdout.readline():
            pass
        booted.kill()
        eventually(lambda: machine.shut_down, 30)
    finally:
        os.killpg(booted.pid, signal.SIGKILL)
        booted.communicate(timeout=20)


def test_a_machine_that_will_not_shut_down_is_powered_off(cloud: Cloud, tmp_path: Path) -> None:
    machine = Machine(tmp_path, cloud, made_up_bundle(tmp_path, "print('ran')"))
    machine.shim("shutdown", "exit 1")
    machine.boot().communicate(timeout=30)
    assert machine.shut_down == ["poweroff -f"]


HASTE = """
# A clock that does not wait: five minutes pass at once.
from trainer.clock import SystemClock
passed = [0.0]
monotonic = SystemClock.monotonic
def wait(self, event, seconds):
    passed[0] += seconds
    return event.is_set()
SystemClock.wait = wait
SystemClock.monotonic = lambda self: monotonic(self) + passed[0]
"""


def test_a_machine_that_gets_no_job_in_five_minutes_ends_itself(cloud: Cloud, tmp_path: Path) -> None:
    (tmp_path / "site-packages").mkdir()
    (tmp_path / "site-packages" / "sitecustomize.py").write_text(HASTE, encoding="utf-8")
    machine = Machine(tmp_path, cloud, real_bundle(tmp_path, tmp_path / "site-packages"))
    booted = machine.boot()
    output, _ = booted.communicate(timeout=120)
    assert "NoTicket: No job that it may read was given to this instance in 300 s: it ends." in output
    assert booted.returncode == ExitCode.PLATFORM
    assert machine.shut_down == ["-h now"]
    assert [line for line in cloud.logs if line.startswith("NoTicket")]
    assert not [key for key in cloud.objects if key.startswith(PREFIX)]


def test_a_machine_whose_ticket_is_refreshed_to_another_job_ends_itself(cloud: Cloud, tmp_path: Path) -> None:
    made = ticket(cloud)
    foreign = {**made, "job": {**made["job"], "uid": "u-2"}}
    made["dataset"] = {**made["dataset"], "url": made["dataset"]["url"] + "-long-ago"}
    cloud.put_json("ticket.json", made)
    machine = Machine(tmp_path, cloud, real_bundle(tmp_path))
    booted = machine.boot()
    eventually(lambda: any("Waiting for a new link" in line for line in cloud.logs), 60)
    cloud.put_json("ticket.json", foreign)
    output, _ = booted.communicate(timeout=60)
    assert "ForeignTicket" in output
    assert booted.returncode == ExitCode.PLATFORM
    assert machine.shut_down == ["-h now"]
    assert "long-ago" not in output


def test_a_worker_without_a_job_leaves_word_in_the_log(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.instance.tickets.WAIT_SECONDS", 0.0)
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO()))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {**cloud.environment(), "SPOTLEARN_LOG_GROUP": "g"}.items():
        monkeypatch.setenv(name, value)
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert program.main() == ExitCode.PLATFORM
        assert cloud.logs[0].startswith("NoTicket")
        monkeypatch.delenv("SPOTLEARN_BUCKET")
        assert program.main() == ExitCode.PLATFORM
        cloud.put_json("ticket.json", ticket(cloud))
        monkeypatch.setenv("SPOTLEARN_BUCKET", "bucket")
        assert program.main() == ExitCode.SUCCEEDED
    finally:
        signal.signal(signal.SIGTERM, before)


DYING = """
import os, pathlib, signal, sys
vmstat = pathlib.Path(os.environ["SPOTLEARN_VMSTAT"])
vmstat.write_text(vmstat.read_text().replace("oom_kill 3", sys.argv[1] if sys.argv[1:] else "oom_kill 4"))
os.kill(os.getpid(), signal.SIGKILL)
"""


def dying_bundle(folder: Path, program_text: str) -> bytes:
    """Ours, but for what is started."""
    members = [(path, name) for path, name in bundle.sources() if name != "trainer/__main__.py"]
    (folder / "dying.py").write_text(program_text, encoding="utf-8")
    return write(folder / "dying.tar.gz", [*members, (folder / "dying.py", "trainer/__main__.py")]).path.read_bytes()


@pytest.mark.parametrize(
    ("program_text", "code", "told"),
    [
        (DYING, ExitCode.MEMORY, "OutOfMemory"),
        (DYING.replace("oom_kill 4", "oom_kill 3"), ExitCode.PLATFORM, "WorkerDied"),
        ("import os; os._exit(7)", ExitCode.PLATFORM, "WorkerDied"),
    ],
)
def test_a_worker_that_dies_without_a_result_is_told_of(
    cloud: Cloud, tmp_path: Path, program_text: str, code: int, told: str
) -> None:
    cloud.put_json("ticket.json", ticket(cloud))
    (tmp_path / "vmstat").write_text("nr_free_pages 7\noom_kill 3\n", encoding="utf-8")
    machine = Machine(tmp_path, cloud, dying_bundle(tmp_path, program_text))
    booted = machine.boot(SPOTLEARN_VMSTAT=str(tmp_path / "vmstat"))
    output, _ = booted.communicate(timeout=60)
    assert booted.returncode == code, output
    assert cloud.json("result.json")["error"]["code"] == told
    assert cloud.json("result.json")["exitCode"] == code
    assert machine.shut_down == ["-h now"]


def test_a_worker_that_ended_in_order_is_not_spoken_for(cloud: Cloud, tmp_path: Path) -> None:
    cloud.put_json("ticket.json", ticket(cloud))
    machine = Machine(tmp_path, cloud, dying_bundle(tmp_path, "import sys; sys.exit(31)"))
    booted = machine.boot()
    output, _ = booted.communicate(timeout=30)
    assert booted.returncode == ExitCode.STOPPED, output
    assert PREFIX + "result.json" not in cloud.objects


HEAVY = (
    "sklearn",
    "scipy",
    "onnx",
    "onnxruntime",
    "matplotlib",
    "pyarrow",
    "openpyxl",
    "xgboost",
    "lightgbm",
    "joblib",
)


def test_the_start_imports_nothing_that_only_a_part_of_the_job_needs() -> None:
    look = f"import sys, trainer.__main__; print([name for name in {HEAVY} if name in sys.modules])"
    told = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True, cwd=BOOT.parents[1])
    assert told.stdout.strip() == "[]"
