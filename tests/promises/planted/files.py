"""Faults of files and the API."""

from __future__ import annotations

from tests.promises.planting import Fault

FAULTS = (
    Fault(
        "files-are-gathered-in-memory",
        "F1",
        "mystar/kit/storage/local.py",
        "        if len(self._buffered) >= CHUNK:",
        "        if len(self._buffered) >= CHUNK * 100_000:",
        ("tests/files/test_streaming.py",),
    ),
    Fault(
        "ranges-end-too-early",
        "F2",
        "mystar/kit/web/ranges.py",
        "int(first), min(size, int(last) + 1) if last else size",
        "int(first), min(size, int(last)) if last else size",
        ("tests/kit/test_ranges.py",),
    ),
    Fault(
        "strays-stay",
        "F3",
        "mystar/files/service.py",
        "            if kept.stored_at < young:",
        "            if False:",
        ("tests/files/test_sweeper.py::test_bytes_without_a_row_are_deleted_after_a_day",),
    ),
    Fault(
        "an-answer-is-not-described",
        "F4",
        "mystar/chat/handlers.py",
        '@docs(tags=TAGS, summary="Read a conversation")',
        "@docs(tags=TAGS)",
        ("tests/contracts/test_openapi_complete.py",),
    ),
    Fault(
        "errors-without-a-request-id",
        "F5",
        "mystar/kit/web/observability.py",
        '        response.headers["X-Request-ID"] = request[REQUEST_ID]',
        "        pass",
        ("tests/test_system.py::test_a_request_id_of_the_client_is_kept_if_it_is_valid",),
    ),
    Fault(
        "if-match-is-ignored",
        "F6",
        "mystar/kit/web/etags.py",
        "            if current is None or not is_among(tags, current):",
        "            if False:",
        ("tests/contracts/market/test_conditional.py", "tests/access/test_lost_updates.py"),
    ),
    Fault(
        "a-page-skips-its-first-row",
        "F7",
        "mystar/chat/queries.sql",
        "conversation_id = %(conversation_id)s and position > %(position)s\n         order by position",
        "conversation_id = %(conversation_id)s and position > %(position)s + 1\n         order by position",
        ("tests/chat/test_messages.py::test_changes_after_a_position_are_listed_in_order",),
    ),
)
