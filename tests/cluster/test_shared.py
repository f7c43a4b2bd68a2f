"""What `scripts/cluster shared` says of what it has seen: it must be able to say that something is wrong."""

from __future__ import annotations

import pytest

from tests.cluster.findings import Finding, Reply, counted_together, in_time, never_stale, one_effect, ran_once
from tests.cluster.shared import SETTINGS
from tests.cluster.shared_state import ALLOWED


def replies(*statuses: int, body: bytes = b"7") -> list[Reply]:
    return [Reply(number % 3, status, body) for number, status in enumerate(statuses)]


def test_a_limit_is_counted_together_when_no_more_are_granted_than_allowed() -> None:
    right = counted_together(replies(201, 201, 429, 429, 201, 429), 3)
    assert (right.wrong, right.figure) == ([], "3 allowed, 6 sent: 1 + 2 + 0 granted")
    assert counted_together(replies(201, 201, 201, 201), 3).wrong == ["4 of 3 were granted"]
    assert counted_together(replies(201, 429), 3).wrong == ["1 of 3 were granted"]
    assert counted_together(replies(201, 201, 201, 503), 3).wrong == ["1 were answered 503"]


def test_a_key_has_one_effect_when_there_is_one_order_and_one_answer() -> None:
    right = one_effect([replies(201, 409, 409), replies(201, 201, 201)], [1, 1])
    assert (right.wrong, right.figure) == ([], "2 keys, 6 requests, 2 orders; 2 were told to wait")
    different = [Reply(0, 201, b"7"), Reply(1, 201, b"8")]
    for answers, orders in (
        (replies(201, 409), 2),
        (replies(201, 409), 0),
        (different, 1),
        (replies(409, 409), 1),
        (replies(201, 500), 1),
    ):
        assert len(one_effect([answers], [orders]).wrong) == 1, (answers, orders)


def test_answers_that_are_out_of_date_and_none_at_all_are_wrong() -> None:
    assert never_stale("pages", 6, 3, []).wrong == []
    assert never_stale("pages", 6, 3, ["an older title"]).wrong == ["an older title"]
    assert never_stale("pages", 0, 0, []).wrong == ["nothing was read"]


def test_times_are_late_and_not_wrong_so_that_a_busy_machine_does_not_decide() -> None:
    right = in_time("sockets", [0.01, 0.02, 0.5], 1.0)
    assert (right.figure, right.wrong, right.late) == ("median 20 ms, longest 500 ms of 3", (), [])
    assert in_time("sockets", [0.01, 1.5], 1.0).late == ["longer than 1.0 s"]
    assert in_time("sockets", [], 1.0).wrong == ["nothing was measured"]


def test_what_is_due_is_done_once_and_by_a_job_that_every_service_runs() -> None:
    assert ran_once("mails", ["a", "b"], {"a": 1, "b": 1, "c": 5}).wrong == []
    assert ran_once("mails", ["a", "b"], {"a": 2}).wrong == ["a: 2 times", "b: 0 times"]
    assert ran_once("mails", ["a"], {"a": 1}, ["service2"]).wrong == ["service2 never ran the job"]
    assert ran_once("mails", [], {}).wrong == ["nothing was due"]


@pytest.mark.parametrize(
    ("finding", "end"),
    [
        (Finding("mails", "2 due, 2 done"), "| holds |"),
        (Finding("mails", "2 due, 1 done", ["b: 0 times"]), "| b: 0 times |"),
        (Finding("sockets", "median 2 s", (), ["longer than 1.0 s"]), "| longer than 1.0 s |"),
    ],
)
def test_a_line_says_what_is_wrong(finding: Finding, end: str) -> None:
    assert str(finding).endswith(end)


def test_news_come_by_the_bus_and_the_limit_is_the_one_that_is_counted() -> None:
    """Otherwise a service that finds the end of a session by itself would hide that it was not told."""
    assert min(int(str(SETTINGS[f"SOCKETS__{name}_SECONDS"])) for name in ("RECHECK", "SWEEP")) >= 60
    assert SETTINGS["LIMITS__MESSAGE"] == f"{ALLOWED}/hour"
