"""Promises M: money and orders."""

from __future__ import annotations

from tests.promises.proofs import FULL, Command, Promise, faults, tests

_KILLS = tests("test_kills.py", "test_payout_kills.py")
_ORDERS = "1,000 orders, service killed 100 times, provider fails by plan"
_PAYOUTS = "60 payouts, service killed 100 times"
_HARNESS = ("tests.harness", "--seed", "{seed}", "--orders")
_SILENT = faults("provider-lies", "orders while the provider answers 500 after the work, late or never")

PROMISES = (
    Promise(
        "M1",
        (_KILLS,),
        (
            Command(_ORDERS, (*_HARNESS, "1000", "--kills", "100"), limit=FULL),
            Command(_PAYOUTS, ("tests.harness", "--seed", "{seed}", "--payouts", "60", "--kills", "100"), limit=FULL),
            faults("postgres-killed", "PostgreSQL is killed under orders", full=True, alone=True),
        ),
    ),
    Promise(
        "M2",
        (
            tests(
                "payments/test_ledger.py",
                "payments/test_state_machine.py::test_snapshots_in_any_order_add_up_to_the_whole",
                "earnings/test_payout_debts.py::test_concurrent_operations_keep_the_ledger_balanced",
            ),
        ),
        not_shown="10,000 random steps are made in memory, fewer in a database",
    ),
    Promise(
        "M3",
        (tests("kit/test_idempotency.py", "orders/test_idempotency.py", "contracts/market/test_idempotency.py"),),
        not_shown="200 at once are sent a few times, not in 100 rounds",
    ),
    Promise(
        "M4",
        (
            tests(
                "payments/test_notifications.py::test_webhook_return_and_poll_in_every_order_are_one_change",
                "payments/test_notifications.py::test_late_and_repeated_notifications_change_nothing",
                "contracts/greetings/payments/test_notifications.py::test_duplicate_and_unordered_notifications_have_one_effect",
            ),
        ),
    ),
    Promise(
        "M5",
        (
            tests(
                "payments/test_notifications.py::test_a_hundred_forged_notifications_change_nothing",
                "payments/test_notifications.py::test_notifications_from_other_networks_cause_no_request",
                "payments/test_notifications.py::test_a_payment_of_another_order_is_refused",
                "contracts/greetings/payments/test_notifications.py::test_notifications_are_accepted_from_the_provider_s_networks_only",
            ),
        ),
    ),
    Promise(
        "M6",
        (tests("payments/test_provider_failures.py", "earnings/test_sending.py"), _SILENT),
        (
            tests("payments/test_provider_failures.py", "earnings/test_sending.py"),
            Command(
                "1,000 orders, a third of the provider's answers lost", (*_HARNESS, "1000", "--kills", "0"), limit=FULL
            ),
        ),
    ),
    Promise(
        "M7",
        (
            tests(
                "orders/test_deadlines.py::test_no_hold_of_a_thousand_orders_ends_unnoticed",
                "payments/test_polling_and_expiry.py",
            ),
        ),
    ),
    Promise(
        "M8", (tests("orders/test_races.py", "payments/test_refunds.py::test_one_of_two_concurrent_refunds_succeeds"),)
    ),
    Promise(
        "M9",
        (
            tests(
                "orders/test_state_machine.py::test_every_state_actor_and_action_has_the_documented_result",
                "orders/test_every_transition.py",
            ),
        ),
    ),
    Promise(
        "M10",
        (
            tests(
                "orders/test_placing.py::test_clients_cannot_set_price_parties_or_state",
                "contracts/greetings/orders/test_placing.py::test_read_only_fields_of_an_order_are_ignored",
                "contracts/greetings/orders/test_placing.py::test_a_stale_price_is_refused_with_the_current_one",
                "reviews/test_reviews.py::test_read_only_fields_of_a_review_are_ignored",
            ),
        ),
        not_shown="no test mutates every field of every request",
    ),
    Promise(
        "M11",
        (
            tests(
                "payments/test_reconciliation.py",
                "earnings/test_sending.py::test_reconciliation_finds_planted_differences_and_invents_none",
                "earnings/test_sending.py::test_reconciliation_finds_fifty_planted_differences_among_a_thousand_payouts",
            ),
        ),
        not_shown="50 differences among 1,000 are planted for payouts; for payments one of each kind",
    ),
    Promise(
        "M12",
        (
            tests(
                "kit/test_money.py",
                "earnings/test_formulas.py",
                "payments/test_refunds.py",
                "orders/test_refunds.py::test_the_shown_amounts_add_up",
            ),
        ),
    ),
    Promise(
        "M13",
        (
            tests(
                "reviews/test_reviews.py::test_a_recount_of_votes_and_reviews_finds_planted_differences_only",
                "orders/test_money.py::test_a_recount_finds_planted_differences_and_no_others",
                "orders/test_money.py::test_a_service_is_charged_by_the_approval_and_counted",
                "test_kills.py::test_no_money_is_lost_or_doubled_when_the_service_is_killed_repeatedly",
            ),
        ),
    ),
)
