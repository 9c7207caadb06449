"""Where the job ticket comes from (an object in the instance's prefix, or a file in a pod), and the wait for it.

The first ticket is waited for when the worker starts; a newer one when a link in it is refused, because the operator
refreshes tickets before their links expire. Before: `__main__.py`. Next: `worker.py` does what the ticket asks.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from trainer.clock import Clock
from trainer.errors import TRY_AGAIN, PlatformError, translate
from trainer.instance.download import LinkRefusedError
from trainer.instance.signals import Signals
from trainer.instance.store import Found, Store
from trainer.ticket import Ticket, parse_ticket

WAIT_SECONDS = 300.0
FIRST_PAUSE_SECONDS = 0.2
LAST_PAUSE_SECONDS = 2.0
"""While the instance has no job every moment counts …"""
LAST_RENEWAL_PAUSE_SECONDS = 15.0
"""… but a kubelet takes a minute to bring a changed Secret into a pod."""
RENEWALS_MAX = 5
"""Of the links of one transfer: when so many tickets' links were refused, the next will be too."""
Result = TypeVar("Result")


class TicketSource(Protocol):
    """The newest ticket as bytes and version."""

    def read(self, unless: str = "") -> Found | None:
        """None when there is none, or when it still is the version `unless`."""
        ...


class StoredTicket:
    """`ticket.json` of an instance's own prefix."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def read(self, unless: str = "") -> Found | None:
        return self._store.get("ticket.json", unless)


class MountedTicket:
    """A Secret's key as a file. Half of one counts as none: whoever writes it may not write it at once."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, unless: str = "") -> Found | None:
        try:
            body = self._path.read_bytes()
            json.loads(body)
        except (FileNotFoundError, ValueError):
            return None
        version = hashlib.sha256(body).hexdigest()
        return None if version == unless else Found(body, version)


class Tickets:
    """Waits for tickets, with growing pauses and not for ever; a halt ends every wait (HaltError)."""

    def __init__(self, source: TicketSource, clock: Clock, signals: Signals) -> None:
        self._source = source
        self._clock = clock
        self._signals = signals
        self._version = ""
        self._newest: Ticket | None = None

    def first(self) -> Ticket:
        """Raises PlatformError when there is none in time: the worker ends, and with it the machine."""
        found, trouble = self._wait(LAST_PAUSE_SECONDS)
        if found is None:
            why = f" Last, it could not be read: {trouble}" if trouble else ""
            message = f"No job that it may read was given to this instance in {WAIT_SECONDS:.0f} s: it ends.{why}"
            raise PlatformError("NoTicket", message, TRY_AGAIN)
        self._newest = parse_ticket(found.body)
        return self._newest

    def use(self, fetch: Callable[[Ticket], Result], note: Callable[[str], None]) -> Result:
        """Does what needs a ticket's links. When they are refused, again with those of a newer ticket, if one comes.

        Raises LinkRefusedError (a PlatformError) when none does, and PlatformError when it is another job's.
        """
        assert self._newest
        for _ in range(RENEWALS_MAX):
            try:
                return fetch(self._newest)
            except LinkRefusedError as refused:
                note(f"{refused.message} Waiting for a new link")
                self._newest = self._renewed(self._newest, refused)
                note("A new link came")
        return fetch(self._newest)

    def _renewed(self, held: Ticket, refused: LinkRefusedError) -> Ticket:
        found, _ = self._wait(LAST_RENEWAL_PAUSE_SECONDS)
        if found is None:
            raise refused
        newer = parse_ticket(found.body)
        if (newer.uid, newer.attempt) != (held.uid, held.attempt):
            raise PlatformError("ForeignTicket", "The ticket of this instance now names another job.", TRY_AGAIN)
        return newer

    def _wait(self, longest_pause: float) -> tuple[Found | None, str]:
        """What is newer than the version at hand, or None and what went wrong last."""
        until = self._clock.monotonic() + WAIT_SECONDS
        pause, trouble, never = FIRST_PAUSE_SECONDS, "", threading.Event()
        while True:
            self._signals.obey()
            try:
                found, trouble = self._source.read(self._version), ""
            except Exception as error:  # storage that is away for a moment: the next look may find it back
                found, trouble = None, translate(error).message
            if found:
                self._version = found.etag
                return found, ""
            if self._clock.monotonic() + pause > until:
                return None, trouble
            self._clock.wait(never, pause)
            pause = min(pause * 1.5, longest_pause)
