"""`python -m trainer`: builds the surroundings from the environment, does the job, exits with its code.

SPOTLEARN_BUCKET, AWS_REGION, SPOTLEARN_ROLE_ID   where this instance's prefix is
SPOTLEARN_INSTANCE_ID   in a pod: its id, which an instance asks its metadata service for; nobody gives notice then
SPOTLEARN_TICKET_FILE   in a pod: the ticket is this file, not an object in the prefix
BUNDLE_KEY   on an instance: the bundle's place in the bucket; its packs lie beside it
SPOTLEARN_BOOT_AT   on an instance: when boot.sh began, in seconds since 1970
SPOTLEARN_ALIVE_FILE   on an instance: touched by each heartbeat, for boot.sh
AWS_EC2_METADATA_SERVICE_ENDPOINT, AWS_ENDPOINT_URL   moved endpoints, as botocore has them
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from pathlib import Path

from trainer.clock import SystemClock
from trainer.errors import ExitCode, translate
from trainer.instance.identity import identity, own_store, setting
from trainer.instance.logs import CloudWatchSink, JobLog
from trainer.instance.packs import packs_of
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
        metadata, instance = identity()
        store, region = own_store(instance), setting("AWS_REGION")
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
            packs=packs_of(Path(__file__).resolve().parents[1], _beside_bundle, log.line),
        )
        _tell_start(log)
        return int(work(around))
    except BaseException as error:  # there is no job to tell it to: the console and the exit code
        known = translate(error)
        log.line(f"{known.code}: {known.message} {known.hint}")
        _leave_word(log)
        return int(known.exit_code)


def _beside_bundle(file: str) -> bytes | None:
    """An object of the folder that the bundle came from."""
    folder = setting("BUNDLE_KEY").rpartition("/")[0] + "/"
    found = S3Store(client_for("s3", setting("AWS_REGION")), setting("SPOTLEARN_BUCKET"), folder).get(file)
    return found.body if found else None


def _tell_start(log: JobLog) -> None:
    """How long the boot script, which says when it began, and the imports took."""
    with contextlib.suppress(KeyError, ValueError):
        log.line(f"Started in {max(time.time() - float(os.environ['SPOTLEARN_BOOT_AT']), 0):.1f} s")


def _leave_word(log: JobLog) -> None:
    """Ships the log of a worker without a job to the instance's own stream, so that the reason can be found."""
    group, region = os.environ.get("SPOTLEARN_LOG_GROUP"), os.environ.get("AWS_REGION")
    if not group or not region:
        return
    with contextlib.suppress(Exception):
        stream = f"instance-{identity()[1]}"
        log.ship_to(CloudWatchSink(client_for("logs", region), group, stream))
        log.close()


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.exit(int(ExitCode(code)))
