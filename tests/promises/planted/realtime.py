"""Faults of chat, notifications and sockets."""

from __future__ import annotations

from tests.promises.planting import Fault

_REALTIME, _KIT = "tests/realtime", "mystar/kit/realtime"

FAULTS = (
    Fault(
        "a-message-in-twenty-is-lost",
        "T1",
        f"{_KIT}/topic_reader.py",
        "            if frame is not None:\n                connection.send(frame)",
        "            if frame is not None and entry.position % 20:\n                connection.send(frame)",
        (f"{_REALTIME}/test_several_processes.py::test_every_message_reaches_every_device_once_despite_kills",),
    ),
    Fault(
        "messages-out-of-order",
        "T1",
        f"{_KIT}/topic_reader.py",
        "    for entry in entries:\n        frames: dict[Encoder, bytes | None] = {}\n"
        "        for connection in connections:\n"
        "            if connection.position >= entry.position:\n                continue\n",
        "    for entry in reversed(entries):\n        frames: dict[Encoder, bytes | None] = {}\n"
        "        for connection in connections:\n",
        (f"{_REALTIME}/test_several_processes.py::test_every_message_reaches_every_device_once_despite_kills",),
    ),
    Fault(
        "a-repeated-send-is-a-copy",
        "T2",
        "mystar/chat/repository.py",
        "            client_id=client_id,\n            now=now,",
        "            client_id=client_id and f'{client_id} {now}',\n            now=now,",
        ("tests/chat/test_messages.py::test_a_repeated_send_returns_the_first_message",),
    ),
    Fault(
        "a-gap-is-not-told",
        "T3",
        "mystar/notifications/sockets.py",
        "        if has_gap:",
        "        if False:",
        (f"{_REALTIME}/test_notifications.py::test_purged_notifications_are_a_gap",),
    ),
    Fault(
        "nothing-is-read-after-the-replay",
        "T4",
        f"{_KIT}/topic_reader.py",
        "                behind = bool(self.connections) and connection.position < self.position",
        "                behind = False",
        (f"{_REALTIME}/test_conversation.py::test_a_message_sent_while_a_replay_ends_is_not_missed",),
    ),
    Fault(
        "slow-readers-are-kept",
        "T5",
        f"{_KIT}/connection.py",
        "        if self.waiting + len(frame) > self._outbox_bytes:",
        "        if False:",
        (
            f"{_REALTIME}/test_websocket.py::test_a_client_that_does_not_read_is_closed_and_others_are_not_delayed",
            f"{_REALTIME}/test_pressure.py",
        ),
    ),
    Fault(
        "nothing-is-replayed",
        "T6",
        f"{_KIT}/topic_reader.py",
        "        connection.position = position\n        behind, notified",
        "        connection.position = self.position or position\n        behind, notified",
        (f"{_REALTIME}/test_crowd.py::test_all_sockets_reconnect_at_once_and_catch_up",),
    ),
    Fault(
        "no-heartbeat",
        "T7",
        f"{_KIT}/websocket.py",
        "        heartbeat=settings.heartbeat_seconds,",
        "        heartbeat=None,",
        (f"{_REALTIME}/test_websocket.py::test_a_client_without_pongs_is_closed",),
    ),
    Fault(
        "an-ended-session-listens-on",
        "T8",
        f"{_KIT}/hub.py",
        "            if session_id in (None, connection.session_id):\n                connection.close(code)",
        "            if False:\n                connection.close(code)",
        (
            f"{_REALTIME}/test_websocket.py::test_nothing_is_sent_after_the_end_of_a_session",
            f"{_REALTIME}/test_websocket.py::test_the_end_of_a_session_closes_its_websockets",
        ),
    ),
    Fault(
        "typing-is-told-to-everybody",
        "T9",
        f"{_KIT}/hub.py",
        "        reader = self._readers.get((kind, key))\n"
        "        return iter(tuple(reader.connections) if reader is not None else ())",
        "        return iter([one for of_kind, reader in self._readers.items() for one in reader.connections])",
        (f"{_REALTIME}/test_crowd.py::test_events_reach_members_only",),
    ),
    Fault(
        "sockets-are-not-told-of-a-stop",
        "T10",
        f"{_KIT}/hub.py",
        "            connection.close(CloseCode.GOING_AWAY, reason)",
        "            connection._transport.abort()",
        (f"{_REALTIME}/test_websocket.py::test_a_stopping_process_closes_websockets_with_try_again_later",),
    ),
    Fault(
        "frames-without-a-limit",
        "T11",
        f"{_KIT}/websocket.py",
        "    if protocol.frame_guard is not None:",
        "    if False:",
        (f"{_REALTIME}/test_frames.py::test_too_many_frames_close_the_websocket",),
    ),
)
