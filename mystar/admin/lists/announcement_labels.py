"""Words for announcements."""

from __future__ import annotations

from collections.abc import Mapping

from mystar.errors import Text

AUDIENCES: Mapping[str, Text] = {
    "everybody": Text("всем", "to everybody"),
    "buyers": Text("покупателям", "to buyers"),
    "creators": Text("креаторам", "to creators"),
    "staff": Text("сотрудникам", "to the staff"),
}
ANNOUNCEMENT_STATES: Mapping[str, Text] = {
    "sending": Text("отправляется", "being sent"),
    "sent": Text("отправлено", "sent"),
    "stopped": Text("остановлено", "stopped"),
}
