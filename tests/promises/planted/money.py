"""Faults of money and orders."""

from __future__ import annotations

from tests.promises.planting import Fault

_PAYMENTS, _ORDERS, _KIT = "tests/payments", "tests/orders", "mystar/kit"

FAULTS = (
    # What the books of the harness must notice.
    Fault(
        "key-ignored",
        "M3",
        f"{_KIT}/web/idempotency.py",
        "        if name is None:\n            return await handler(request)",
        "        if True:\n            return await handler(request)",
        ("a_key_has_one_answer", "acknowledged_orders_exist_once"),
    ),
    Fault(
        "mails-sent-twice",
        "M1",
        f"{_KIT}/outbox/mail.py",
        "                refused, _ = await self._smtp.send_message(mail)",
        "                await self._smtp.send_message(mail)\n"
        "                refused, _ = await self._smtp.send_message(mail)",
        ("every_mail_arrives_once",),
    ),
    Fault(
        "no-audit-entry-for-money",
        "M1",
        "mystar/audit/listeners.py",
        "        events.on(MoneyMoved, self._money_moved)\n",
        "",
        ("every_move_is_audited",),
    ),
    Fault(
        "notifications-missing",
        "M1",
        "mystar/notifications/listeners.py",
        "        for fact in _RULES:\n            events.on(fact, self._order_moved)",
        "        for fact in list(_RULES)[1:]:\n            events.on(fact, self._order_moved)",
        ("every_event_is_notified_once",),
    ),
    Fault(
        "capture-forgotten-in-the-ledger",
        "M1",
        "mystar/payments/state_machine.py",
        'moves = (LedgerMove("capture", captured), LedgerMove("release", payment.amount - captured))',
        'moves = (LedgerMove("release", payment.amount - captured),)',
        ("ledger_equals_journal",),
    ),
    Fault(
        "money-kept-after-a-rejection",
        "M1",
        "mystar/orders/state_machine.py",
        "    Rule(Action.REJECT, Role.CREATOR, _PENDING, Status.REJECTED, goal=Goal.REVERSE),",
        "    Rule(Action.REJECT, Role.CREATOR, _PENDING, Status.REJECTED),",
        ("money_ends_as_acknowledged", "orders_reach_their_goal"),
    ),
    # What tests must notice.
    Fault(
        "another-key-at-each-attempt",
        "M6",
        "mystar/payments/tasks.py",
        "key = str(message.idempotency_key)",
        "key = __import__('uuid').uuid4().hex",
        (f"{_PAYMENTS}/test_provider_failures.py",),
    ),
    Fault(
        "ledger-without-its-triggers",
        "M2",
        f"{_KIT}/postgres/migrations.py",
        "                applied.append(migration.id)\n",
        "                applied.append(migration.id)\n"
        '                if migration.id == "0006_payments":\n'
        "                    with contextlib.closing(_connect(dsn)) as bare, bare.cursor() as cursor:\n"
        '                        cursor.execute("alter table ledger_entries disable trigger all")\n',
        (f"{_PAYMENTS}/test_ledger.py",),
    ),
    Fault(
        "two-with-one-key",
        "M3",
        f"{_KIT}/web/idempotency.py",
        "        known = await IdempotencyRepository(self._db).find(key)\n        if known is not None:\n"
        "            if REQUEST",
        "        known = None\n        if known is not None:\n            if REQUEST",
        ("tests/kit/test_idempotency.py",),
    ),
    Fault(
        "every-notification-is-news",
        "M4",
        "mystar/payments/state_machine.py",
        "    for reached in STATUS_PATHS.get((payment.status, status), ()):",
        "    for reached in STATUS_PATHS.get((payment.status, status), (status,) if status == 'held' else ()):",
        (f"{_PAYMENTS}/test_notifications.py::test_webhook_return_and_poll_in_every_order_are_one_change",),
    ),
    Fault(
        "notifications-from-everywhere",
        "M5",
        "mystar/payments/service.py",
        "        if self._webhook_networks and not inside(sender, self._webhook_networks):",
        "        if False:",
        (f"{_PAYMENTS}/test_notifications.py::test_notifications_from_other_networks_cause_no_request",),
    ),
    Fault(
        "holds-are-never-watched",
        "M7",
        "mystar/payments/state_machine.py",
        '    return payment.goal == "hold" and moment is not None and moment <= now',
        "    return False",
        (f"{_PAYMENTS}/test_polling_and_expiry.py",),
    ),
    Fault(
        "both-of-two-actions-win",
        "M8",
        "mystar/orders/queries.sql",
        "where orders.id = %(id)s for no key update of orders;",
        "where orders.id = %(id)s;",
        (f"{_ORDERS}/test_races.py",),
    ),
    Fault(
        "a-cancelled-order-is-accepted",
        "M9",
        "mystar/orders/state_machine.py",
        "    Rule(Action.ACCEPT, Role.CREATOR, _PENDING, Status.ACCEPTED),",
        "    Rule(Action.ACCEPT, Role.CREATOR, (*_PENDING, Status.CANCELLED), Status.ACCEPTED),",
        (
            f"{_ORDERS}/test_state_machine.py::test_every_state_actor_and_action_has_the_documented_result",
            f"{_ORDERS}/test_every_transition.py",
        ),
    ),
    Fault(
        "the-client-names-the-price",
        "M10",
        "mystar/orders/placing.py",
        "    if seen not in (None, price):",
        "    if seen is not None:\n        return seen\n    if False:",
        ("tests/contracts/greetings/orders/test_placing.py::test_a_stale_price_is_refused_with_the_current_one",),
    ),
    Fault(
        "reconciliation-overlooks-refunds",
        "M11",
        "mystar/payments/reconciliation.py",
        "    if snapshot.refunded != payment.refunded:",
        "    if False:",
        (f"{_PAYMENTS}/test_reconciliation.py",),
    ),
    Fault(
        "kopecks-are-lost",
        "M12",
        f"{_KIT}/money.py",
        'return f"{sign}{amount // 100}.{amount % 100:02d}"',
        'return f"{sign}{amount // 100}.{amount % 100 // 10 * 10:02d}"',
        ("tests/kit/test_money.py",),
    ),
    Fault(
        "completed-orders-are-not-counted",
        "M13",
        "mystar/orders/transitions.py",
        "            if moved.status is Status.COMPLETED and moved.creator_id:",
        "            if False:",
        (f"{_ORDERS}/test_money.py::test_a_service_is_charged_by_the_approval_and_counted",),
    ),
)
