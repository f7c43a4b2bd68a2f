"""Promises T: chat, notifications, sockets."""

from __future__ import annotations

from tests.promises.proofs import FULL, Command, Promise, Proof, faults, tests


def _pressure(kind: str, what: str) -> Command:
    return Command(what, ("tests.realtime.pressure", kind), limit=FULL)


def _both(short: Proof, *further: Command) -> tuple[Proof, ...]:
    return (short, *further)


_MESSAGES = ("tests.realtime", "--seed", "{seed}", "--bus", "postgres")
_DEVICES = tests("realtime/test_several_processes.py::test_every_message_reaches_every_device_once_despite_kills")
_RETRIES = tests(
    "chat/test_messages.py::test_a_repeated_send_returns_the_first_message",
    "chat/test_messages.py::test_a_send_repeated_a_month_later_returns_the_first_message",
    "chat/test_messages.py::test_many_retries_send_each_message_once",
    "chat/test_crowd.py",
)
_SLOW = tests(
    "realtime/test_websocket.py::test_a_client_that_does_not_read_is_closed_and_others_are_not_delayed",
    "realtime/test_pressure.py",
)
_BACK = tests("realtime/test_crowd.py::test_all_sockets_reconnect_at_once_and_catch_up")
_DEAD = tests("realtime/test_websocket.py::test_a_client_without_pongs_is_closed")
_FRAMES = tests(
    "realtime/test_frames.py::test_a_too_long_frame_closes_the_websocket",
    "realtime/test_frames.py::test_too_many_frames_close_the_websocket",
    "realtime/test_frames.py::test_empty_continuation_frames_count",
    "realtime/test_frames.py::test_an_unmasked_frame_is_a_protocol_error",
    "realtime/test_frames.py::test_malformed_frames_close_only_their_connection",
    "realtime/test_frames.py::test_random_frames_never_break_the_service",
    "realtime/test_frames.py::test_compression_is_not_agreed_to",
    "realtime/test_pressure.py",
)

PROMISES = (
    Promise(
        "T1",
        (_DEVICES, faults("redis-killed", "conversations over three processes while Redis is killed")),
        (
            Command("20,000 messages, 20 kills, 200 cuts, three processes", _MESSAGES, limit=FULL),
            faults("redis-killed", "conversations over three processes while Redis is killed", full=True),
        ),
    ),
    Promise("T2", (_RETRIES,), (_RETRIES, Command("as T1, a fifth said twice", _MESSAGES, limit=FULL))),
    Promise(
        "T3",
        (
            tests(
                "realtime/test_conversation.py::test_missed_messages_come_first_in_order_and_once",
                "realtime/test_conversation.py::test_too_many_missed_messages_are_a_gap",
                "realtime/test_conversation.py::test_missed_changes_are_replayed_to_connections_with_events",
                "realtime/test_notifications.py::test_missed_notifications_are_replayed_in_order",
                "realtime/test_notifications.py::test_purged_notifications_are_a_gap",
                "realtime/test_bus.py::test_a_cut_connection_always_reports_a_gap",
                "realtime/test_bus.py::test_too_many_waiting_messages_become_a_gap",
            ),
        ),
    ),
    Promise(
        "T4",
        (
            tests(
                "chat/test_log.py",
                "realtime/test_crowd.py::test_a_read_state_plus_live_events_is_the_current_state",
                "realtime/test_conversation.py::test_a_connection_opened_while_others_write_misses_nothing",
                "realtime/test_conversation.py::test_a_message_sent_while_a_replay_ends_is_not_missed",
            ),
        ),
    ),
    Promise("T5", (_SLOW,), _both(_SLOW, _pressure("slow", "200 readers that stop reading beside 800 others"))),
    Promise("T6", (_BACK,), _both(_BACK, _pressure("storm", "5,000 sockets break at once"))),
    Promise("T7", (_DEAD,), _both(_DEAD, _pressure("idle", "5,000 idle sockets, 200 of them dead"))),
    Promise(
        "T8",
        (
            tests(
                "realtime/test_websocket.py::test_nothing_is_sent_after_the_end_of_a_session",
                "realtime/test_websocket.py::test_blocking_an_account_closes_all_its_websockets",
                "realtime/test_websocket.py::test_the_end_of_a_session_closes_its_websockets",
                "realtime/test_several_processes.py::test_messages_and_ends_of_sessions_reach_other_processes",
                "realtime/test_bus.py::test_ended_sessions_are_closed_while_the_bus_is_silent",
            ),
        ),
    ),
    Promise(
        "T9",
        (
            tests(
                "realtime/test_crowd.py::test_events_reach_members_only",
                "realtime/test_conversation.py::test_messages_stay_in_their_conversation",
                "realtime/test_notifications.py::test_each_connection_gets_its_own_language",
            ),
        ),
        not_shown="of notifications, the kind `message` only",
    ),
    Promise(
        "T10",
        (
            tests(
                "realtime/test_several_processes.py::test_a_rolling_restart_fails_no_request_and_loses_no_message",
                "realtime/test_shutdown.py",
                "realtime/test_websocket.py::test_a_stopping_process_closes_websockets_with_try_again_later",
                "operations/test_serving.py::test_a_signal_to_stop_lets_requests_in_flight_end",
            ),
        ),
    ),
    Promise("T11", (_FRAMES,), _both(_FRAMES, _pressure("hostile", "100,000 hostile frames"))),
)
