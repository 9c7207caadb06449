"""`python -m trainer`: builds the surroundings from the environment, does the job, exits with its code.

SPOTLEARN_BUCKET, AWS_REGION, SPOTLEARN_ROLE_ID   where this instance's prefix is
SPOTLEARN_INSTANCE_ID   in a pod: its id, which an instance asks its metadata service for; nobody gives notice then
SPOTLEARN_TICKET_FILE   in a pod: the ticket is this file, not an object in the prefix
SPOTLEARN_ALIVE_FILE   on an instance: touched by each heartbeat, for boot.sh
AWS_EC2_METADATA_SERVICE_ENDPOINT, AWS_ENDPOINT_URL   moved endpoints, as botocore has them
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
from pathlib import Path

from trainer.clock import SystemClock
from trainer.errors import ExitCode, PlatformError, translate
from trainer.instance.logs import CloudWatchSink, JobLog
from trainer.instance.metadata import InstanceMetadata
from trainer.instance.signals import TERMINATED, Signals
from trainer.instance.store import S3Store, client_for
from trainer.instance.tickets import MountedTicket, StoredTicket
from trainer.worker import Surroundings, work


def main() -> int:
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    clock = SystemClock()
    log = JobLog(clock)
    signals = Signals(clock)
    signal.signal(signal.SIGTERM, lambda *_: signals.halt(TERMINATED))
    try:
        bucket, region, role = (_setting(name) for name in ("SPOTLEARN_BUCKET", "AWS_REGION", "SPOTLEARN_ROLE_ID"))
        metadata, instance = _identity()
        store = S3Store(client_for("s3", region), bucket, f"instances/{role}:{instance}/")
        mounted, alive = os.environ.get("SPOTLEARN_TICKET_FILE"), os.environ.get("SPOTLEARN_ALIVE_FILE")
        around = Surroundings(
            store=store,
            tickets=MountedTicket(Path(mounted)) if mounted else StoredTicket(store),
            metadata=metadata,
            clock=clock,
            sink_for=lambda group, stream: CloudWatchSink(client_for("logs", region), group, stream),
            log=log,
            signals=signals,
            alive_file=Path(alive) if alive else None,
        )
        return int(work(around))
    except BaseException as error:  # there is no job to tell it to: the console and the exit code
        known = translate(error)
        log.line(f"{known.code}: {known.message} {known.hint}")
        _leave_word(log)
        return int(known.exit_code)


def _leave_word(log: JobLog) -> None:
    """Ships the log of a worker without a job to the instance's own stream, so that the reason can be found."""
    group, region = os.environ.get("SPOTLEARN_LOG_GROUP"), os.environ.get("AWS_REGION")
    if not group or not region:
        return
    with contextlib.suppress(Exception):
        stream = f"instance-{_identity()[1]}"
        log.ship_to(CloudWatchSink(client_for("logs", region), group, stream))
        log.close()


def _identity() -> tuple[InstanceMetadata | None, str]:
    """Whom to ask for notices (None in a pod), and this instance's id."""
    given = os.environ.get("SPOTLEARN_INSTANCE_ID", "")
    if not given:
        metadata = InstanceMetadata()
        return metadata, metadata.instance_id()
    if not re.fullmatch(r"[\w.-]{1,128}", given, re.ASCII) or set(given) == {"."}:
        raise PlatformError("NotConfigured", "SPOTLEARN_INSTANCE_ID is not a name.", "Give the pod's own name.")
    return None, given


def _setting(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise PlatformError("NotConfigured", f"{name} is not set.", "Start the worker with its boot script.")
    return value


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.exit(int(ExitCode(code)))
