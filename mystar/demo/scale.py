"""Bulk data for measurements: any number of creators and everything else in proportion, by set-based SQL.

Every creator brings a greeting, three services, two customers and five orders; the customers like, vote and keep
favourites. The state machine decides what an order goes through, so that every history is possible. A creator who
has accepted or rejected an order also writes messages. Works have no pictures, since the storage has no files for them.

There are no statements for notifications.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from itertools import accumulate
from typing import Any

import psycopg2
from psycopg2.extensions import set_wait_callback
from psycopg2.extras import Json, wait_select

from mystar.demo import vocabulary
from mystar.demo.fixtures import CATEGORIES
from mystar.kit.postgres import queries
from mystar.kit.postgres.driver import parameters
from mystar.orders.model import Kind, Order, Role
from mystar.orders.placing import new_order
from mystar.orders.state_machine import Action, Terms, deadline_of, decide

QUERIES = queries.load(__package__)
#: Of `fixtures.PASSWORD`, at the usual cost: computed once for all.
PASSWORD_HASH = "bcrypt-sha256$$2b$12$TQamY5mxRQ0xXSbktfH3Zeta99MyGJe0bAvvYCdmt53aRLM4SVrOC"
#: "scal" in ASCII: the advisory lock that is held while filling.
_LOCK = 0x7363616C
#: Creators in one transaction: what a kill loses, and how many rows the deferred checks at its end have to remember.
_BATCH = 5_000

#: The actions after placing an order, by percentage. The money is settled or was never requested: the poller would ask
#: the provider about anything else.
GREETING_OUTCOMES = (
    (18, ""),
    (9, "accept"),
    (12, "pay money_held accept money_captured"),
    (12, "pay money_held accept money_captured deliver"),
    (12, "pay money_held accept money_captured deliver approve"),
    (22, "pay money_held accept money_captured deliver approve review"),
    (5, "reject"),
    (3, "pay money_held reject money_released"),
    (4, "cancel"),
    (3, "pay money_held accept money_captured cancel money_refunded"),
)
SERVICE_OUTCOMES = (
    (15, ""),
    (15, "accept"),
    (10, "accept deliver"),
    (5, "accept deliver request_revision"),
    (2, "accept deliver dispute"),
    (15, "pay money_held accept deliver approve money_captured"),
    (25, "pay money_held accept deliver approve money_captured review"),
    (5, "reject"),
    (4, "pay money_held accept cancel money_released"),
    (4, "cancel"),
)
OUTCOMES = ((Kind.GREETING, GREETING_OUTCOMES), (Kind.SERVICE, SERVICE_OUTCOMES))
_BUYER = {Action.PAY, Action.APPROVE, Action.CANCEL, Action.REVIEW, Action.REQUEST_REVISION, Action.DISPUTE}
_CREATOR = {Action.ACCEPT, Action.REJECT, Action.DELIVER}
_TABLES = (
    "accounts, creators, categories, tags, services, service_options, service_tags, search_words, listed_counts, "
    "creator_likes, creator_favourites, creator_votes, orders, order_events, deliveries, payments, "
    "ledger_entries, earnings, earning_entries, creator_balances, conversations, messages"
)
_VALUES: Mapping[str, Any] = {
    "password_hash": PASSWORD_HASH,
    "categories": [category.name for category in CATEGORIES],
    "greeting": vocabulary.GREETING,
    "first_names": vocabulary.FIRST_NAMES,
    "last_names": vocabulary.LAST_NAMES,
    "professions": vocabulary.PROFESSIONS,
    "descriptions": vocabulary.DESCRIPTIONS,
    "tags": vocabulary.TAGS,
    "services": vocabulary.SERVICES,
    "purposes": vocabulary.PURPOSES,
    "offers": vocabulary.OFFERS,
    "options": vocabulary.OPTIONS,
    "for_whom": vocabulary.FOR_WHOM,
    "wishes": vocabulary.WISHES,
    "delivered": vocabulary.DELIVERED,
    "messages": vocabulary.MESSAGES,
    "skills": vocabulary.SKILLS,
    "works": vocabulary.WORKS,
    "praise": vocabulary.PRAISE,
    "thanks": vocabulary.THANKS,
}


def fill(dsn: str, creators: int, progress: Callable[[int], None] = lambda _: None) -> None:
    """Add that many creators, with their customers and orders, to the existing data. Blocks for seconds or minutes.

    Ctrl-C cancels the statement that runs; what was committed stays.

    Ends with a vacuum and fresh statistics, so that no maintenance disturbs a measurement.

    :param progress: told how many creators were committed.
    :raises psycopg2.Error: from the database; batches that were committed before stay.
    """
    # Without it libpq waits in C, where a signal is not noticed before the statement has ended.
    set_wait_callback(wait_select)
    try:
        _fill(dsn, creators, progress)
    finally:
        set_wait_callback(None)


def _fill(dsn: str, creators: int, progress: Callable[[int], None]) -> None:
    with closing(psycopg2.connect(**parameters(dsn))) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute("select pg_advisory_lock(%s)", (_LOCK,))
        first = _prepare(cursor)
        connection.autocommit = False
        for start in range(first, first + creators, _BATCH):
            numbers = {"first": start, "last": min(start + _BATCH, first + creators) - 1}
            with connection:
                for name, statement in QUERIES:
                    if name.startswith("batch_"):
                        cursor.execute(statement, {**_VALUES, **numbers})
            progress(numbers["last"] - first + 1)
        connection.autocommit = True
        cursor.execute(f"vacuum (analyze) {_TABLES}")


def _prepare(cursor: Any) -> int:
    """Create what the batches draw from. Returns the number of the first new creator."""
    outcomes, steps = _simulated_outcomes()
    for name, statement in QUERIES:
        if name.startswith("setup_"):
            cursor.execute(statement, {"outcomes": Json(outcomes), "steps": Json(steps)})
    cursor.execute(QUERIES.next_number, {})
    (first,) = cursor.fetchone()
    return int(first)


def _simulated_outcomes() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of ``scale_outcomes`` and ``scale_steps``."""
    outcomes: list[dict[str, Any]] = []
    steps: list[dict[str, Any]] = []
    for kind, scripts in OUTCOMES:
        ceilings = [end / sum(share for share, _ in scripts) for end in accumulate(share for share, _ in scripts)]
        for (_, script), floor, ceiling in zip(scripts, [0.0, *ceilings], ceilings, strict=False):
            order, simulated = _simulated(kind, len(outcomes), script)
            deadline = deadline_of(order)
            end: dict[str, Any] = {"status": order.status, "money": order.money, "money_goal": order.money_goal}
            end |= {"steps": len(simulated) - 1, "term": getattr(Terms(), deadline.term).days if deadline else None}
            outcomes.append({"outcome": len(outcomes), "kind": kind, "floor": floor, "ceiling": ceiling, **end})
            steps += simulated
    return outcomes, steps


def _simulated(kind: Kind, outcome: int, script: str) -> tuple[Order, list[dict[str, Any]]]:
    """The order after all actions, and the steps."""
    order = new_order(kind)
    steps = [{"outcome": outcome, "step": 0, "action": "place", "actor_role": Role.BUYER, **_change(None, order)}]
    for number, action in enumerate(map(Action, script.split()), 1):
        step = decide(order, action, _actor_for(action))
        before, order = order, step.taken(order)
        steps.append(
            {"outcome": outcome, "step": number, "action": action, "actor_role": step.role, **_change(before, order)}
        )
    return order, steps


def _actor_for(action: Action) -> Role:
    if action in _BUYER:
        return Role.BUYER
    return Role.CREATOR if action in _CREATOR else Role.SYSTEM


def _change(before: Order | None, after: Order) -> dict[str, str | None]:
    return {
        "from_status": before.status if before else None,
        "to_status": after.status,
        "from_money": before.money if before else None,
        "to_money": after.money,
    }
