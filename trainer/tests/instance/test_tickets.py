"""Tickets: waited for, but not for ever; read again when a link in them has ended; never somebody else's."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from trainer.errors import PlatformError
from trainer.instance.download import LinkRefusedError
from trainer.instance.signals import TERMINATED, HaltError
from trainer.instance.store import Found
from trainer.instance.tickets import RENEWALS_MAX, WAIT_SECONDS, MountedTicket, StoredTicket, Tickets, TicketSource
from trainer.tests.cloud import Cloud, running
from trainer.tests.surroundings import Held
from trainer.tests.test_worker import ticket
from trainer.ticket import Ticket, parse_ticket


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with running() as started:
        yield started


@pytest.fixture
def held() -> Held:
    return Held()


def tickets(held: Held, source: TicketSource | None = None) -> Tickets:
    return Tickets(source or StoredTicket(held.memory), held.clock, held.signals)


def put(held: Held, made: dict[str, Any]) -> None:
    held.memory.objects["ticket.json"] = json.dumps(made).encode()


class Away:
    """Storage that fails so many times."""

    def __init__(self, failures: int, then: Found | None) -> None:
        self.failures = failures
        self.then = then

    def read(self, unless: str = "") -> Found | None:
        del unless
        self.failures -= 1
        if self.failures >= 0:
            raise ConnectionError("secret-url")
        return self.then


def test_the_ticket_is_waited_for_with_growing_pauses_but_not_for_ever(held: Held) -> None:
    with pytest.raises(PlatformError, match=r"NoTicket.*in 300 s: it ends"):
        tickets(held).first()
    assert held.clock.waits[0] == 0.2
    assert held.clock.waits[-1] == 2.0
    assert held.clock.waits == sorted(held.clock.waits)
    assert 290 < held.clock.seconds <= WAIT_SECONDS


def test_storage_that_is_away_for_a_moment_is_waited_for_too(held: Held, cloud: Cloud) -> None:
    found = Found(json.dumps(ticket(cloud)).encode(), "1")
    assert tickets(held, Away(3, found)).first().uid == "u-1"
    with pytest.raises(PlatformError, match=r"NoTicket.*Last, it could not be read: .*ConnectionError") as caught:
        tickets(held, Away(10**6, None)).first()
    assert "secret" not in str(caught.value)


def test_who_is_told_to_end_waits_no_longer(held: Held) -> None:
    held.clock.then[10.0] = lambda: held.signals.halt(TERMINATED)
    with pytest.raises(HaltError):
        tickets(held).first()
    assert held.clock.seconds < 13


@pytest.mark.parametrize(("body", "code"), [(b"{", "BadTicket"), (b'{"version": 9}', "TicketVersion"),
                                            (b'{"version": 1}', "BadTicket"), (b"[]", "BadTicket")])  # fmt: skip
def test_a_ticket_that_is_not_understood_is_a_platform_error(held: Held, body: bytes, code: str) -> None:
    held.memory.objects["ticket.json"] = body
    with pytest.raises(PlatformError, match=code):
        tickets(held).first()


@pytest.mark.parametrize("attempt", [0, -1, True, "1", 1.5, None])
def test_a_ticket_has_to_name_an_attempt(cloud: Cloud, attempt: object) -> None:
    made = ticket(cloud)
    made["job"]["attempt"] = attempt
    with pytest.raises(PlatformError, match="BadTicket"):
        parse_ticket(json.dumps(made).encode())
    del made["job"]["attempt"]
    with pytest.raises(PlatformError, match="BadTicket"):
        parse_ticket(json.dumps(made).encode())


def test_a_ticket_hides_its_urls(held: Held, cloud: Cloud) -> None:
    put(held, ticket(cloud, resume={"url": f"{cloud.url}/x?presigned", "step": 1}))
    assert "presigned" not in repr(tickets(held).first())


def test_a_mounted_ticket_is_waited_for_and_half_of_one_is_none(held: Held, cloud: Cloud, tmp_path: Path) -> None:
    path = tmp_path / "mounted" / "ticket.json"
    whole = json.dumps(ticket(cloud))
    path.parent.mkdir()
    held.clock.then[60.0] = lambda: path.write_text(whole[:-1], encoding="utf-8")
    held.clock.then[90.0] = lambda: path.write_text(whole, encoding="utf-8")
    assert tickets(held, MountedTicket(path)).first().attempt == 1
    assert 90 <= held.clock.seconds < 93


def test_a_mounted_ticket_that_does_not_come_ends_the_worker_too(held: Held, tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match="NoTicket"):
        tickets(held, MountedTicket(tmp_path / "ticket.json")).first()
    assert held.clock.seconds <= WAIT_SECONDS


def refusing(ended: set[str]) -> Callable[[Ticket], str]:
    """A transfer that takes any link but those that have ended."""

    def fetch(newest: Ticket) -> str:
        if newest.dataset.url in ended:
            raise LinkRefusedError("DownloadRefused", "The link is no longer valid (HTTP 403).", "")
        return newest.dataset.url

    return fetch


def linked(cloud: Cloud, url: str, **job: object) -> dict[str, Any]:
    made = ticket(cloud)
    made["dataset"]["url"] = url
    made["job"].update(job)
    return made


def test_a_link_that_has_ended_is_replaced_by_the_refreshed_tickets(held: Held, cloud: Cloud) -> None:
    put(held, linked(cloud, "old"))
    ours, notes = tickets(held), list[str]()
    ours.first()
    held.clock.then[100.0] = lambda: put(held, linked(cloud, "new"))
    assert ours.use(refusing({"old"}), notes.append) == "new"
    assert 100 <= held.clock.seconds <= 115
    assert notes == ["The link is no longer valid (HTTP 403). Waiting for a new link", "A new link came"]
    assert ours.use(refusing({"old"}), notes.append) == "new"
    assert len(notes) == 2


def test_a_mounted_ticket_is_read_again_too(held: Held, cloud: Cloud, tmp_path: Path) -> None:
    path = tmp_path / "ticket.json"
    path.write_text(json.dumps(linked(cloud, "old")), encoding="utf-8")
    ours = tickets(held, MountedTicket(path))
    ours.first()
    held.clock.then[30.0] = lambda: path.write_text(json.dumps(linked(cloud, "new")), encoding="utf-8")
    assert ours.use(refusing({"old"}), lambda _: None) == "new"


def test_a_ticket_that_is_not_refreshed_in_time_is_the_refusal(held: Held, cloud: Cloud) -> None:
    put(held, linked(cloud, "old"))
    ours = tickets(held)
    ours.first()
    with pytest.raises(PlatformError, match="DownloadRefused"):
        ours.use(refusing({"old"}), lambda _: None)
    assert 280 < held.clock.seconds <= WAIT_SECONDS
    assert held.clock.waits[-1] == 15.0


def test_links_that_are_all_refused_are_not_tried_for_ever(held: Held, cloud: Cloud) -> None:
    put(held, linked(cloud, "0"))
    ours, tried = tickets(held), list[str]()
    ours.first()

    def fetch(newest: Ticket) -> None:
        tried.append(newest.dataset.url)
        put(held, linked(cloud, str(len(tried))))
        raise LinkRefusedError("DownloadRefused", "", "")

    with pytest.raises(PlatformError, match="DownloadRefused"):
        ours.use(fetch, lambda _: None)
    assert tried == [str(number) for number in range(RENEWALS_MAX + 1)]


@pytest.mark.parametrize("job", [{"uid": "u-2"}, {"attempt": 2}])
def test_a_refreshed_ticket_of_another_job_or_attempt_is_refused(held: Held, cloud: Cloud, job: dict[str, Any]) -> None:
    put(held, linked(cloud, "old"))
    ours = tickets(held)
    ours.first()
    put(held, linked(cloud, "new", **job))
    with pytest.raises(PlatformError, match="ForeignTicket"):
        ours.use(refusing({"old"}), lambda _: None)
