"""Data to measure with: any number of creators and everything in proportion, by set-based SQL.

For every creator there are a greeting, three services, two customers and five orders; the customers like, vote and
keep favourites. What an order goes through is told by the process that real ones obey, so none has a past that it could
not have had. Who was answered about an order talks with the star. Works have no pictures, since the storage would lack
them.

Notifications get their statements in ``queries.sql`` together with their tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from itertools import accumulate
from typing import Any

import psycopg2
from psycopg2.extras import Json

from mystar.demo import words
from mystar.demo.cast import CATEGORIES
from mystar.kit.postgres import queries
from mystar.kit.postgres.driver import parameters
from mystar.orders.model import Kind, Order, Role
from mystar.orders.placing import new_order
from mystar.orders.state_machine import Action, Terms, deadline_of, decide

QUERIES = queries.load(__package__)
#: Of `cast.PASSWORD`, at the usual cost: computed once for all.
PASSWORD_HASH = "bcrypt-sha256$$2b$12$TQamY5mxRQ0xXSbktfH3Zeta99MyGJe0bAvvYCdmt53aRLM4SVrOC"
#: "scal" in ASCII: the advisory lock of whoever fills.
_LOCK = 0x7363616C
#: Creators in one transaction: what a kill loses, and how many rows the deferred checks at its end have to remember.
_BATCH = 5_000

#: How orders go, by how many in a hundred do, once they are placed. Their money is settled or was never asked for:
#: anything else the poller would take up with the provider.
GREETING_FATES = (
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
SERVICE_FATES = (
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
FATES = ((Kind.GREETING, GREETING_FATES), (Kind.SERVICE, SERVICE_FATES))
_BUYER = {Action.PAY, Action.APPROVE, Action.CANCEL, Action.REVIEW, Action.REQUEST_REVISION, Action.DISPUTE}
_CREATOR = {Action.ACCEPT, Action.REJECT, Action.DELIVER}
_TABLES = (
    "accounts, creators, categories, tags, services, service_options, service_tags, search_words, listed_counts, "
    "creator_likes, creator_favourites, creator_votes, orders, order_events, deliveries, payments, "
    "ledger_entries, conversations, messages"
)
_VALUES: Mapping[str, Any] = {
    "password_hash": PASSWORD_HASH,
    "categories": [category.name for category in CATEGORIES],
    "greeting": words.GREETING,
    "first_names": words.FIRST_NAMES,
    "last_names": words.LAST_NAMES,
    "professions": words.PROFESSIONS,
    "descriptions": words.DESCRIPTIONS,
    "tags": words.TAGS,
    "services": words.SERVICES,
    "purposes": words.PURPOSES,
    "offers": words.OFFERS,
    "options": words.OPTIONS,
    "for_whom": words.FOR_WHOM,
    "wishes": words.WISHES,
    "delivered": words.DELIVERED,
    "messages": words.MESSAGES,
    "skills": words.SKILLS,
    "works": words.WORKS,
    "praise": words.PRAISE,
    "thanks": words.THANKS,
}


def fill(dsn: str, creators: int) -> None:
    """Add so many creators, with their customers and orders, to whatever is there. Blocks for seconds or minutes.

    Ends with fresh statistics, so that the server has nothing left to do but what is measured.

    :raises psycopg2.Error: as the database does; what was added before stays, in whole batches.
    """
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
        connection.autocommit = True
        cursor.execute(f"vacuum (analyze) {_TABLES}")


def _prepare(cursor: Any) -> int:
    """Make what the batches draw from. The number of the first creator to come."""
    fates, steps = _told_fates()
    for name, statement in QUERIES:
        if name.startswith("setup_"):
            cursor.execute(statement, {"fates": Json(fates), "steps": Json(steps)})
    cursor.execute(QUERIES.next_number, {})
    (first,) = cursor.fetchone()
    return int(first)


def _told_fates() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of ``scale_fates`` and ``scale_steps``."""
    fates: list[dict[str, Any]] = []
    steps: list[dict[str, Any]] = []
    for kind, scripts in FATES:
        ceilings = [end / sum(share for share, _ in scripts) for end in accumulate(share for share, _ in scripts)]
        for (_, script), floor, ceiling in zip(scripts, [0.0, *ceilings], ceilings, strict=False):
            order, told = _told(kind, len(fates), script)
            deadline = deadline_of(order)
            end: dict[str, Any] = {"status": order.status, "money": order.money, "money_goal": order.money_goal}
            end |= {"steps": len(told) - 1, "term": getattr(Terms(), deadline.term).days if deadline else None}
            fates.append({"fate": len(fates), "kind": kind, "floor": floor, "ceiling": ceiling, **end})
            steps += told
    return fates, steps


def _told(kind: Kind, fate: int, script: str) -> tuple[Order, list[dict[str, Any]]]:
    """The order at its end, and the steps that led there."""
    order = new_order(kind)
    steps = [{"fate": fate, "step": 0, "action": "place", "actor_role": Role.BUYER, **_change(None, order)}]
    for number, action in enumerate(map(Action, script.split()), 1):
        step = decide(order, action, _doer(action))
        before, order = order, step.taken(order)
        steps.append(
            {"fate": fate, "step": number, "action": action, "actor_role": step.role, **_change(before, order)}
        )
    return order, steps


def _doer(action: Action) -> Role:
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
