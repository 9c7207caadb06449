"""Fetches what a presigned URL points to: the data set to disk, an earlier attempt's checkpoint to memory.

URLs are secrets: they are in no message, and foreign exceptions that quote them are not chained into ours. A link that
is no longer valid is `LinkRefusedError`: `tickets.py` then asks for another.
"""

from __future__ import annotations

import hashlib
import http.client
import re
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, TypeVar

from trainer.clock import Clock
from trainer.errors import TRY_AGAIN, DataError, PlatformError
from trainer.ticket import Dataset, Resume

ATTEMPTS = 5
"""In a row, without a byte that was not there before."""
FIRST_PAUSE_SECONDS = 0.5
TIMEOUT_SECONDS = 30.0
BLOCK_BYTES = 1024 * 1024
UPLOAD_AGAIN = "Upload the data set again and start a new job."
FROM_THE_BEGINNING = "The training begins anew."
Result = TypeVar("Result")


class TransferError(Exception):
    """Worth another try; says what happened without the URL."""


class LinkRefusedError(PlatformError):
    """The URL was signed too long ago, or by credentials that have ended. A new one may work."""


def download(dataset: Dataset, to: Path, clock: Clock, report: Callable[[int], None]) -> None:
    """Raises DataError when the object has changed or gone, else PlatformError; reports bytes so far.

    Goes on from what `to` already holds: it is of the same object, for every answer had to match the ETag.
    """
    while True:
        held = _held(to, dataset)
        try:
            return _try_repeatedly(lambda: _receive(dataset, to, report), clock, dataset.name, "Dataset")
        except PlatformError as error:
            if isinstance(error, LinkRefusedError) or _held(to, dataset) <= held:
                raise


def _held(path: Path, dataset: Dataset) -> int:
    """Bytes to go on from: none without an ETag to hold the rest to."""
    size = path.stat().st_size if path.exists() else 0
    return size if dataset.etag and size < dataset.bytes else 0


def _receive(dataset: Dataset, to: Path, report: Callable[[int], None]) -> None:
    received = _held(to, dataset)
    headers = {"If-Match": dataset.etag} if dataset.etag else {}
    if received:
        headers["Range"] = f"bytes={received}-"
    with _open(dataset.url, headers) as response:
        received = _begins_at(response, received)
        with to.open("ab" if received else "wb") as file:
            while block := response.read(BLOCK_BYTES):
                file.write(block)
                received += len(block)
                report(received)
    if received != dataset.bytes:
        if received > dataset.bytes:
            to.unlink()
        raise TransferError(f"{received} bytes instead of {dataset.bytes}")


def _begins_at(response: Any, wanted: int) -> int:
    """Which byte an answer begins with: the wanted one, or the first when the server sends the whole all the same."""
    if response.status == 200:
        return 0
    place = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    if response.status != 206 or place is None or int(place[1]) != wanted:
        raise TransferError("another part than was asked for")
    return wanted


def fetch_checkpoint(resume: Resume, clock: Clock) -> bytes:
    """Raises DataError when it has gone or is not what was written, else PlatformError."""

    def receive() -> bytes:
        with _open(resume.url, {}) as response:
            return response.read()

    body = _try_repeatedly(receive, clock, "the checkpoint", "Checkpoint")
    if resume.sha256 and hashlib.sha256(body).hexdigest() != resume.sha256:
        raise DataError("CheckpointDamaged", "The checkpoint is not the one that was written.", FROM_THE_BEGINNING)
    return body


def _open(url: str, headers: dict[str, str]) -> IO[bytes]:
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the operator's own URL
    response: IO[bytes] = urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS)  # noqa: S310
    return response


def _try_repeatedly(receive: Callable[[], Result], clock: Clock, name: str, what: str) -> Result:
    pause, last = FIRST_PAUSE_SECONDS, ""
    for attempt in range(ATTEMPTS):
        if attempt:
            clock.wait(threading.Event(), pause)
            pause *= 2
        try:
            return receive()
        except urllib.error.HTTPError as error:
            error.close()
            refusal = _refusal(error.code, name, what)
            last = f"HTTP {error.code}"
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError, ssl.SSLError) as error:
            refusal, last = None, type(error).__name__
        except TransferError as error:
            refusal, last = None, str(error)
        if refusal:
            raise refusal
    raise PlatformError("DownloadFailed", f"{name} could not be downloaded in {ATTEMPTS} attempts ({last}).", TRY_AGAIN)


def _refusal(status: int, name: str, what: str) -> DataError | PlatformError | None:
    """What no repetition would mend. `what`: Dataset or Checkpoint."""
    then = UPLOAD_AGAIN if what == "Dataset" else FROM_THE_BEGINNING
    if status == 412:
        return DataError(f"{what}Changed", f"{name} was changed after the job was created.", then)
    if status == 404:
        return DataError(f"{what}Gone", f"{name} does not exist any more.", then)
    if status in {400, 401, 403}:
        message = f"The link to {name} is no longer valid (HTTP {status})."
        return LinkRefusedError("DownloadRefused", message, TRY_AGAIN)
    return None
