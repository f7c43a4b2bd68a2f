"""The sections of the configuration about watching the service: types, bounds and meaning."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mystar.kit.setting_kinds import Section, is_mailbox, must_be


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
