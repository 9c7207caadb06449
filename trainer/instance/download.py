"""Fetches what a presigned URL points to: the data set to disk, an earlier attempt's checkpoint to memory.

URLs are secrets: they are in no message, and foreign exceptions that quote them are not chained into ours.
"""

from __future__ import annotations

import http.client
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import IO, TypeVar

from trainer.clock import Clock
from trainer.errors import TRY_AGAIN, DataError, PlatformError
from trainer.ticket import Dataset

ATTEMPTS = 5
FIRST_PAUSE_SECONDS = 0.5
TIMEOUT_SECONDS = 30.0
BLOCK_BYTES = 1024 * 1024
UPLOAD_AGAIN = "Upload the data set again and start a new job."
Result = TypeVar("Result")


class TransferError(Exception):
    """Worth another try; says what happened without the URL."""


def download(dataset: Dataset, to: Path, clock: Clock, report: Callable[[int], None]) -> None:
    """Raises DataError when the object has changed or gone, else PlatformError; reports bytes so far."""

    def fetch(response: IO[bytes]) -> None:
        received = 0
        with to.open("wb") as file:
            while block := response.read(BLOCK_BYTES):
                file.write(block)
                received += len(block)
                report(received)
        if received != dataset.bytes:
            raise TransferError(f"{received} bytes instead of {dataset.bytes}")

    _try_repeatedly(dataset.url, {"If-Match": dataset.etag}, fetch, clock, dataset.name)


def fetch_bytes(url: str, clock: Clock, name: str) -> bytes:
    """A whole object in memory."""
    return _try_repeatedly(url, {}, lambda response: response.read(), clock, name)


def _try_repeatedly(
    url: str, headers: dict[str, str], fetch: Callable[[IO[bytes]], Result], clock: Clock, name: str
) -> Result:
    pause, last = FIRST_PAUSE_SECONDS, ""
    for attempt in range(ATTEMPTS):
        if attempt:
            clock.wait(threading.Event(), pause)
            pause *= 2
        try:
            request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the operator's own URL
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310
                return fetch(response)
        except urllib.error.HTTPError as error:
            error.close()
            refusal = _refusal(error.code, name)
            last = f"HTTP {error.code}"
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
            refusal, last = None, type(error).__name__
        except TransferError as error:
            refusal, last = None, str(error)
        if refusal:
            raise refusal
    raise PlatformError("DownloadFailed", f"{name} could not be downloaded in {ATTEMPTS} attempts ({last}).", TRY_AGAIN)


def _refusal(status: int, name: str) -> DataError | PlatformError | None:
    """What no repetition would mend."""
    if status == 412:
        return DataError("DatasetChanged", f"{name} was changed after the job was created.", UPLOAD_AGAIN)
    if status == 404:
        return DataError("DatasetGone", f"{name} does not exist any more.", UPLOAD_AGAIN)
    if status in {400, 401, 403}:
        return PlatformError("DownloadRefused", f"The link to {name} is no longer valid (HTTP {status}).", TRY_AGAIN)
    return None
