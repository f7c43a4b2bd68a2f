"""Promises F: files and the API."""

from __future__ import annotations

from tests.promises.proofs import Promise, tests

PROMISES = (
    Promise(
        "F1",
        (
            tests(
                "files/test_streaming.py",
                "files/test_s3.py::test_two_hundred_megabytes_are_streamed_in_little_memory",
                "contracts/greetings/uploads/test_hostile_forms.py::test_a_cut_connection_leaves_nothing",
            ),
        ),
        not_shown="200 MB are sent, not 500",
    ),
    Promise("F2", (tests("kit/test_ranges.py", "files/test_media.py::test_ranges_over_http_are_slices"),)),
    Promise(
        "F3",
        (
            tests(
                "files/test_sweeper.py",
                "files/test_storage.py::test_a_cancelled_upload_leaves_nothing",
                "files/test_storage.py::test_a_failed_upload_leaves_nothing",
                "files/test_storage.py::test_remains_of_a_crash_are_purged_when_old",
                "portfolio/test_files.py",
            ),
        ),
        not_shown="1,000 aborted uploads are not made",
    ),
    Promise(
        "F4",
        (
            tests(
                "test_system.py::test_the_document_is_valid_openapi_and_describes_every_route",
                "contracts/test_openapi_complete.py",
            ),
        ),
        not_shown="that every documented status is reached is not shown",
    ),
    Promise(
        "F5",
        (
            tests(
                "test_system.py::test_an_unknown_address_is_refused_in_the_shape_of_its_dialect",
                "test_system.py::test_a_wrong_method_names_the_allowed_ones",
                "test_system.py::test_greetings_answer_errors_as_an_array_of_one",
                "test_system.py::test_a_request_id_of_the_client_is_kept_if_it_is_valid",
                "operations/test_hostile_clients.py::test_a_malformed_request_is_answered_in_the_dialect_of_its_path",
                "test_documentation.py::test_the_reference_of_errors_is_current",
            ),
        ),
    ),
    Promise("F6", (tests("access/test_lost_updates.py", "contracts/market/test_conditional.py"),)),
    Promise(
        "F7",
        (
            tests(
                "chat/test_messages.py::test_changes_after_a_position_are_listed_in_order",
                "chat/test_messages.py::test_a_long_log_is_paginated",
                "notifications/test_log.py::test_a_reader_misses_nothing_while_many_write",
            ),
        ),
        not_shown="100 inserts a second over 50,000 rows are not made",
    ),
)
