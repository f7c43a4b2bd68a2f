"""Promises S: security."""

from __future__ import annotations

from tests.promises.proofs import FULL, Command, Promise, faults, tests

_HOSTILE = tests("operations/test_hostile_clients.py", "operations/test_hostile_bodies.py")
_SCAN = "bandit reads the code, pip-audit the dependencies, and every page is asked for what ZAP's baseline looks at"

PROMISES = (
    Promise("S1", (tests("accounts/test_rotation.py"),)),
    Promise(
        "S2",
        (
            tests(
                "accounts/test_rotation.py::test_a_session_ends_when_idle_and_after_ninety_days",
                "accounts/test_sessions.py",
            ),
        ),
    ),
    Promise(
        "S3",
        (
            tests(
                "accounts/test_password_rule.py",
                "accounts/test_leaked_passwords.py",
                "kit/test_passwords.py",
                "accounts/test_login_throttle.py::test_other_requests_are_served_during_fifty_log_ins",
            ),
        ),
        not_shown="a lag below 50 ms during 50 log-ins is not measured: on two busy cores it says more of the machine",
    ),
    Promise(
        "S4",
        (
            tests(
                "accounts/test_login_throttle.py",
                "kit/test_rate_limits.py",
                "operations/test_cors_and_proxies.py::test_hundreds_of_forged_addresses_get_ten_guesses",
            ),
        ),
        not_shown="100,000 guesses from 1,000 addresses are not made",
    ),
    Promise(
        "S5",
        (
            tests(
                "accounts/test_login_throttle.py::test_refused_log_ins_cannot_be_told_apart",
                "accounts/test_login_throttle.py::test_requesting_a_link_does_not_reveal_whether_the_account_exists",
                "kit/test_passwords.py::test_a_refusal_takes_as_long_with_an_imported_hash",
            ),
        ),
        not_shown="times are measured by `scripts/bench`, not here",
    ),
    Promise(
        "S6",
        (
            tests(
                "accounts/test_mailed_links.py",
                "accounts/test_login_throttle.py::test_a_new_link_does_not_reset_the_limit",
                "kit/test_tokens.py::test_the_token_of_a_mailed_link_is_made_from_its_seed_and_the_key",
            ),
        ),
    ),
    Promise("S7", (tests("accounts/oauth/test_callbacks.py", "accounts/oauth/test_linking.py"),)),
    Promise("S8", (tests("operations/test_secrets.py", "kit/test_observability.py"),)),
    Promise("S9", (tests("kit/test_tokens.py", "accounts/test_sessions.py::test_forged_tokens_are_refused"),)),
    Promise("S10", (tests("access/test_matrix.py"),)),
    Promise(
        "S11",
        (
            tests(
                "orders/test_placing.py::test_clients_cannot_set_price_parties_or_state",
                "contracts/greetings/test_accounts.py::test_registration_ignores_star_and_staff_fields",
                "contracts/greetings/orders/test_placing.py::test_read_only_fields_of_an_order_are_ignored",
                "reviews/test_reviews.py::test_read_only_fields_of_a_review_are_ignored",
            ),
        ),
        not_shown="the dangerous fields are tried, not every field",
    ),
    Promise(
        "S12",
        (
            tests(
                "files/test_detection.py",
                "files/test_decoder.py",
                "files/test_market.py",
                "files/test_storage.py::test_symbolic_links_are_not_followed",
                "contracts/greetings/uploads/test_hostile_files.py",
                "contracts/greetings/uploads/test_hostile_forms.py",
            ),
        ),
        not_shown="there is no corpus of 200 files",
    ),
    Promise(
        "S13",
        (
            tests(
                "realtime/test_websocket.py::test_pages_of_other_sites_may_not_connect",
                "realtime/test_websocket.py::test_an_unpublished_end_of_a_session_is_noticed",
                "realtime/test_websocket.py::test_tokens_of_handshakes_never_reach_the_log",
            ),
        ),
    ),
    Promise(
        "S15",
        (faults("fuzz", "hostile requests to every operation of the OpenAPI document, by every role"),),
        (faults("fuzz", "hostile requests to every operation of the OpenAPI document, by every role", full=True),),
    ),
    Promise("S16", (faults("scanners", _SCAN),), not_shown="ZAP is not run; pip-audit needs a vulnerability service"),
    Promise("S17", (_HOSTILE,), not_shown="smuggling through a proxy is not tried"),
    Promise("S21", (tests("privacy/test_erasure.py", "privacy/test_export.py"),)),
    Promise(
        "S22",
        (
            tests(
                "accounts/factors/test_sign_in.py",
                "accounts/factors/test_totp.py",
                "accounts/factors/test_passkeys.py",
                "admin/test_second_factor.py",
                "admin/test_access.py::test_actions_that_give_something_away_need_step_up",
            ),
        ),
    ),
    Promise("S23", (tests("accounts/test_recovery.py"),)),
    Promise("S18", (tests("audit/test_entries.py", "audit/test_chain.py"),)),
    Promise(
        "S19",
        (
            tests(
                "kit/test_http.py::test_forwarded_addresses_are_accepted_only_from_trusted_proxies",
                "operations/test_cors_and_proxies.py::test_a_forged_forwarded_header_does_not_evade_limits",
                "operations/test_cors_and_proxies.py::test_hundreds_of_forged_addresses_get_ten_guesses",
            ),
        ),
    ),
    Promise(
        "S20",
        (tests("attacks/test_attacks.py"),),
        (Command("each attack for 20 s beside a normal client", ("tests.attacks",), r"^(\d+ errors.*)$", FULL),),
        only_full="p99 of a normal client; the short form checks failures and memory",
    ),
)
