"""The sections of the configuration about watching the service: types, bounds and meaning."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from yarl import URL

from mystar.kit.setting_kinds import Section, is_mailbox, is_web_address, must_be


class AlarmSettings(Section):
    """What the owners are mailed about, see docs/operate/incidents.md."""

    #: Where alarms are mailed besides the owners' own addresses; empty = to the owners alone.
    mailbox: Annotated[str, must_be("an e-mail address, or empty", lambda box: not box or is_mailbox(box))] = ""
    #: The language of these mails; owners have theirs.
    language: Literal["ru", "en"]
    #: Mails about one subject in a day, such as one topic of the outbox; the next one waits until the day is over.
    mails_per_day: int = Field(ge=1, le=100)
    #: The age of the oldest unsent row of a topic of the outbox from which it is an alarm.
    outbox_seconds: float = Field(gt=0)
    #: Bytes of the data directory's disk below which it is an alarm.
    free_disk_bytes: int = Field(ge=0)
    #: The age of the last `mystar backup` from which it is late; counted from the first one on; 0 = not watched.
    backup_hours: float = Field(ge=0)


class TelemetrySettings(Section):
    """Services outside that traces and errors are sent to. Empty = nothing is, and nothing is imported for it."""

    #: A collector of OpenTelemetry, such as http://127.0.0.1:4318, by OTLP over HTTP. Needs `mystar[tracing]`.
    otlp_url: Annotated[str, must_be("a web address, or empty", lambda url: not url or is_web_address(url))] = ""
    #: Headers of these requests, such as `authorization=Bearer …,x-scope=1`.
    otlp_headers: Annotated[
        str, must_be("name=value, separated by commas", lambda text: all("=" in one for one in text.split(",") if one))
    ] = ""
    #: The part of traces that is kept, 0 to 1.
    trace_ratio: float = Field(ge=0, le=1)
    #: Where errors are reported, in the protocol of Sentry: https://KEY@HOST/PROJECT. Needs `mystar[sentry]`.
    sentry_dsn: Annotated[str, must_be("https://KEY@HOST/PROJECT, or empty", lambda dsn: not dsn or _is_dsn(dsn))] = ""

    @property
    def headers(self) -> dict[str, str]:
        pairs = (one.partition("=") for one in self.otlp_headers.split(",") if one)
        return {name.strip(): value.strip() for name, _, value in pairs}


def _is_dsn(text: str) -> bool:
    url = URL(text)
    return url.scheme in ("http", "https") and bool(url.user and url.host) and url.path.rpartition("/")[2].isdigit()


class LogSettings(Section):
    #: The least important level that is logged.
    level: Literal["debug", "info", "warning", "error"]
    #: JSON for machines, text for people.
    format: Literal["json", "text"]
    #: A line for every request.
    requests: bool
