"""Pages of the panel say words: every code that the service can write has its Russian and its English."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from aiohttp import web

import mystar
from mystar.admin.lists import audit_labels, code_labels, labels
from mystar.admin.lists import reports as report_labels
from mystar.admin.lists.announcement_labels import AUDIENCES
from mystar.admin.lists.route_labels import PANEL_ROUTES, route_words
from mystar.app import contracts
from mystar.audit.model import ACTIONS
from mystar.contracts.panel import CONTRACT
from mystar.earnings.payouts.model import Status as PayoutStatus
from mystar.errors import Text
from mystar.kit.keys import OUTBOX
from mystar.kit.postgres.database import Database
from mystar.orders.state_machine import Action
from mystar.receipts.gateways.yookassa import _FISCAL
from mystar.sandbox.yookassa.checkout import TEST_CARDS
from mystar.sandbox.yookassa.payouts import REASONS

SOURCE = Path(mystar.__file__).parent
#: What fills the placeholder of an action that is put together.
FILLED = {
    "factor_{}": ("added", "removed"),
    "balance_{}": ("adjustment", "write_off"),
    "earning_{}": ("stop", "resume", "paid_before"),
    "payout_{}": (*map(str, PayoutStatus), "approved_first"),
    "taxonomy_{}": ("added", "changed", "deleted"),
}
#: Names of the arguments of `AuditService.record`, and of what its callers pass on.
NO_DETAILS = {"actor_id", "before", "after", None}
#: The words of each column whose values a constraint of the database lists.
COLUMNS: Mapping[str, Mapping[str, Text]] = {
    "accounts_role_check": labels.ROLES,
    "data_exports_status_check": code_labels.EXPORT_STATES,
    "earning_entries_account_check": labels.EARNING_ACCOUNTS,
    "chargebacks_bearer_check": labels.BEARERS,
    "files_kind_check": labels.FILE_KINDS,
    "ledger_entries_account_check": labels.LEDGER_ACCOUNTS,
    "ledger_entries_reason_check": labels.LEDGER_REASONS,
    "order_events_role_check": labels.PARTIES,
    "orders_kind_check": labels.ORDER_KINDS,
    "orders_money_check": labels.MONEY,
    "orders_status_check": labels.ORDER_STATUSES,
    "payments_goal_check": labels.GOALS,
    "payments_method_check": code_labels.METHODS,
    "payments_status_check": labels.PAYMENT_STATUSES,
    "payout_details_kind_check": code_labels.DESTINATIONS,
    "payout_parts_status_check": labels.PAYOUT_STATUSES,
    "payout_queue_reason_check": code_labels.PROVIDER_REASONS,
    "payouts_provider_check": code_labels.PAYOUT_WAYS,
    "payouts_status_check": labels.PAYOUT_STATUSES,
    "receipts_kind_check": labels.RECEIPT_KINDS,
    "receipts_scheme_check": code_labels.SCHEMES,
    "receipts_status_check": labels.RECEIPT_STATUSES,
    "announcements_audience_check": AUDIENCES,
    "services_kind_check": labels.SERVICE_KINDS,
    "report_cases_kind_check": report_labels.REPORTED_KINDS,
    "report_cases_decision_check": report_labels.DECISIONS,
    "reports_reason_check": report_labels.REPORT_REASONS,
}


def calls(folder: str, *names: str) -> Iterator[ast.Call]:
    for file in (SOURCE / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in names:
                yield node


def texts(node: ast.AST) -> Iterator[str]:
    """The constant texts in an expression; an f-string with {} where something is filled in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(one.value if isinstance(one, ast.Constant) else "{}" for one in node.values)
    elif isinstance(node, ast.IfExp):
        yield from texts(node.body)
        yield from texts(node.orelse)


def test_every_event_of_an_order_has_words() -> None:
    written = {
        text
        for call in calls("orders", "add_event")
        for one in call.keywords
        if one.arg == "action"
        for text in texts(one.value)
    }
    studio = {call.args[2].value for call in calls("orders/studio", "_add_event")}  # type: ignore[attr-defined]
    assert {"place", "queue", "process"} <= written | studio
    assert {*map(str, Action), *written, *studio} == set(labels.ACTIONS)


def test_every_entry_of_the_audit_log_has_words() -> None:
    acts, names = set(), set()
    for call in (
        *calls("audit", "record", "record_separately"),
        *calls("privacy", "record"),
        *calls("admin", "record"),
    ):
        place = 0 if getattr(call.func, "attr", "") == "record_separately" else 1
        acts |= {text for one in call.args[place : place + 1] for text in texts(one)}
        names |= {one.arg for one in call.keywords}
    acts = {act.replace("{}", filled) for act in acts for filled in FILLED.get(act, ("",))}
    assert acts <= set(ACTIONS), acts - set(ACTIONS)
    assert set(ACTIONS) == set(audit_labels.AUDIT_ACTIONS)
    assert names - NO_DETAILS <= set(audit_labels.DETAILS), names - NO_DETAILS - set(audit_labels.DETAILS)


async def test_every_value_that_the_database_allows_has_words(db: Database) -> None:
    found = await db.all(
        "select conname, pg_get_constraintdef(oid) as rule from pg_constraint where conname = any(%(names)s::text[])",
        names=list(COLUMNS),
    )
    assert {one["conname"] for one in found} == set(COLUMNS)
    for one in found:
        values = set(re.findall(r"'(\w+)'::text", one["rule"]))
        assert len(values) > 1
        assert values <= set(COLUMNS[one["conname"]]), one


def test_codes_of_the_provider_and_routes_have_words() -> None:
    assert {*REASONS, *filter(None, TEST_CARDS.values())} <= set(code_labels.PROVIDER_REASONS)
    assert set(_FISCAL) == set(code_labels.FISCAL)
    differences = {text for call in calls("payments", "record_discrepancy") for text in texts(call.args[0])}
    tree = ast.parse((SOURCE / "payments/state_machine.py").read_text())
    (mismatch,) = [one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef) and one.name == "mismatch"]
    kinds = {
        text for one in ast.walk(mismatch) if isinstance(one, ast.Return) and one.value for text in texts(one.value)
    }
    assert differences | kinds <= set(code_labels.DISCREPANCIES)
    posts = {one.name for one in CONTRACT.routes if one.method == "POST"}
    assert set(PANEL_ROUTES) <= posts
    assert all(route_words(name) != route_words("admin.overview") for name in posts)
    for contract in contracts():
        for one in contract.routes:
            assert one.name not in route_words(one.name)


def test_every_topic_of_the_outbox_has_words(api: object, app: web.Application) -> None:
    assert set(app[OUTBOX]._handlers) <= set(code_labels.TOPICS)
