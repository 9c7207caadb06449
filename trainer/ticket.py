"""The job ticket: what the operator asks of this instance (cloud/contract/ticket.schema.json)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from trainer.clock import parse_iso
from trainer.errors import PlatformError

VERSION = 1
SEARCH_SECONDS = 600.0
INTERRUPTIONS_PER_HOUR = 0.05
"""When the ticket does not say. Amazon's advisor gives 5 to 20 % a month; the pools that are cheapest now are worse."""


@dataclass(frozen=True)
class Request:
    """`training` of the ticket."""

    target: str
    model: str
    features: tuple[str, ...] = ()
    task: str = "auto"
    hyperparameters: dict[str, object] = field(default_factory=dict)
    split: str = "random"
    seed: int = 0
    search_seconds: float = SEARCH_SECONDS
    """How long `auto` may compare, in seconds of its cost model."""


@dataclass(frozen=True)
class Dataset:
    """Where the data is. `url` is a secret."""

    url: str = field(repr=False)
    bytes: int
    etag: str
    name: str


@dataclass(frozen=True)
class Resume:
    """The newest checkpoint of an earlier attempt. `url` is a secret."""

    url: str = field(repr=False)
    step: int
    sha256: str | None = None


@dataclass(frozen=True)
class Ticket:
    """One job for one instance."""

    namespace: str
    job: str
    uid: str
    attempt: int
    dataset: Dataset
    training: Request
    resume: Resume | None
    log_group: str
    log_stream: str
    heartbeat_seconds: float
    checkpoint_seconds: float
    not_after: datetime
    interruptions_per_hour: float = INTERRUPTIONS_PER_HOUR


def parse_ticket(body: bytes) -> Ticket:
    """Raises PlatformError when the operator wrote something this worker does not understand."""
    try:
        raw = json.loads(body)
        if raw["version"] != VERSION:
            raise PlatformError(
                "TicketVersion",
                f"The job ticket has version {raw['version']}, this worker reads {VERSION}.",
                "Deploy worker and operator from the same release.",
            )
        return _ticket(raw)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PlatformError(
            "BadTicket",
            f"The job ticket cannot be read ({type(error).__name__}).",
            "Deploy worker and operator from the same release.",
        ) from error


def _attempt(value: object) -> int:
    """A ticket that names no attempt is nobody's: two attempts could take each other's results for their own."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError("no attempt")
    return value


def _ticket(raw: dict[str, Any]) -> Ticket:
    training, dataset, resume = raw["training"], raw["dataset"], raw["resume"]
    return Ticket(
        namespace=raw["job"]["namespace"],
        job=raw["job"]["name"],
        uid=raw["job"]["uid"],
        attempt=_attempt(raw["job"]["attempt"]),
        dataset=Dataset(dataset["url"], int(dataset["bytes"]), dataset["etag"], dataset["name"]),
        training=Request(
            target=training["target"],
            model=training["model"],
            features=tuple(training["features"]),
            task=training["task"],
            hyperparameters=dict(training["hyperparameters"]),
            split=training["split"],
            seed=int(training["seed"]) % 2**32,
            search_seconds=float(training.get("searchSeconds", SEARCH_SECONDS)),
        ),
        resume=Resume(resume["url"], int(resume["step"]), resume.get("sha256")) if resume else None,
        log_group=raw["log"]["group"],
        log_stream=raw["log"]["stream"],
        heartbeat_seconds=float(raw["heartbeatSeconds"]),
        checkpoint_seconds=float(raw["checkpointSeconds"]),
        not_after=parse_iso(raw["notAfter"]),
        interruptions_per_hour=float(raw.get("interruptionsPerHour", INTERRUPTIONS_PER_HOUR)),
    )
