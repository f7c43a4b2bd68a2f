"""Reports of errors: what is logged as an error goes to Sentry, without anything that persons have given."""

from __future__ import annotations

import logging
from typing import Any

import sentry_sdk
from sentry_sdk.integrations.logging import LoggingIntegration

from mystar.kit.tracing import REQUEST
from mystar.kit.web.observability import without_secrets

_SECONDS = 2.0
#: Of an event; everything else, such as users, requests, breadcrumbs and servers' names, is dropped.
_KEPT = ("event_id", "timestamp", "platform", "level", "logger", "release", "environment", "sdk")
_OF_A_FRAME = ("filename", "abs_path", "module", "function", "lineno", "in_app")


def start(dsn: str, environment: str, release: str) -> None:
    """Report every record of the level ERROR and above, from a thread of its own."""
    sentry_sdk.init(
        dsn,
        environment=environment,
        release=f"mystar@{release}",
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[LoggingIntegration(level=None, event_level=logging.ERROR)],
        before_send=scrubbed,
        max_breadcrumbs=0,
        max_request_body_size="never",
        include_local_variables=False,
        include_source_context=False,
        auto_session_tracking=False,
        send_client_reports=False,
        server_name="",
    )


def stop() -> None:
    """Send what waits, two seconds at most. Blocks."""
    client = sentry_sdk.get_client()
    client.close(timeout=_SECONDS)
    sentry_sdk.get_global_scope().set_client(None)


def scrubbed(event: Any, _hint: Any) -> Any:
    """What is reported: where it happened, not with what.

    Texts of exceptions hold e-mails and the contents of rows ("Key (email)=(…) already exists"), so only their classes
    are sent; of a log record the text before its values are put in. The whole is in the log, under the request's id.
    """
    kept = {name: event[name] for name in _KEPT if name in event}
    message = str((event.get("logentry") or {}).get("message", ""))
    kept["logentry"] = {"message": without_secrets(message)}
    raised = [
        {
            "type": one.get("type"),
            "module": one.get("module"),
            "stacktrace": {"frames": [_frame(frame) for frame in (one.get("stacktrace") or {}).get("frames", ())]},
        }
        for one in (event.get("exception") or {}).get("values", ())
    ]
    if raised:
        kept["exception"] = {"values": raised}
    kept["tags"] = {"request_id": REQUEST.get()} if REQUEST.get() else {}
    return kept


def _frame(frame: Any) -> dict[str, Any]:
    return {name: frame[name] for name in _OF_A_FRAME if name in frame}
