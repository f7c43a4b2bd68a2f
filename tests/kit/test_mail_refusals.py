"""A mail server that refuses for good: mails are kept when it refuses this installation, and given up otherwise."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from mystar.kit.outbox.mail import TOPIC, Mailer, SmtpSender
from mystar.kit.outbox.model import GiveUp, OutboxMessage, Postpone
from mystar.kit.outbox.outbox import Outbox
from mystar.kit.postgres.database import Database
from tests.clock import FrozenClock
from tests.waiting import eventually

USUAL = {"EHLO": "250 refusing.example", "MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go on", ".": "250 kept"}
ABOUT_US = [
    ("MAIL", "553 5.7.1 Sender address rejected: not owned by auth user"),
    ("MAIL", "550 5.7.1 Unauthenticated senders not allowed"),
    ("MAIL", "530 5.7.0 Authentication required"),
    ("MAIL", "501 5.1.7 Bad sender address syntax"),
    ("RCPT", "554 5.7.1 Relay access denied"),
    ("RCPT", "550 relaying denied"),
    ("EHLO", "550 5.7.1 EHLO from a dynamic address"),
    ("greeting", "554 5.7.1 Your address is on a list"),
]
ABOUT_THE_MAIL = [
    ("RCPT", "550 5.1.1 no such user"),
    ("RCPT", "550 No such mailbox here"),
    ("RCPT", "552 5.2.2 mailbox full"),
    (".", "550 5.7.1 looks like spam"),
    (".", "552 5.3.4 too big"),
]


class RefusingServer:
    """An SMTP server with settable ``answers`` at greeting, EHLO, MAIL, RCPT, DATA and ``.``, the end of a content."""

    def __init__(self) -> None:
        self.answers: dict[str, str] = {}
        self.recipients: list[str] = []
        self.connections = 0
        self._writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        writer.write(self.answers.get("greeting", "220 refusing.example").encode() + b"\r\n")
        in_content = False
        async for received in reader:
            line = received.decode().rstrip()
            if in_content and line != ".":
                continue
            verb = line.split()[0].upper().replace("HELO", "EHLO")
            answer = self.answers.get(verb, USUAL.get(verb, "250 ok"))
            if verb == "RCPT":
                self.recipients.append(line)
            in_content = verb == "DATA"
            writer.write(answer.encode() + b"\r\n")

    async def close(self) -> None:
        for writer in self._writers:
            writer.close()
            await writer.wait_closed()


@pytest.fixture
async def server() -> AsyncIterator[tuple[RefusingServer, int]]:
    refusing = RefusingServer()
    listening = await asyncio.start_server(refusing.serve, "127.0.0.1", 0)
    yield refusing, listening.sockets[0].getsockname()[1]
    listening.close()
    await refusing.close()


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(datetime(2026, 11, 29, 12, tzinfo=UTC))


def message(to: str = "anna@example.com", **changes: Any) -> OutboxMessage:
    texts = {"subject": "s", "text": "t\n", "html": "<p>t</p>", "language": "en"}
    payload = {"to": to, "from": "mystar <noreply@stars.example>", **texts, **changes}
    return OutboxMessage(1, TOPIC, None, uuid.uuid4(), payload, 1)


@pytest.mark.parametrize(("step", "answer"), ABOUT_US)
async def test_a_refusal_of_this_installation_keeps_the_mail_and_raises_an_alarm(
    server: tuple[RefusingServer, int], clock: FrozenClock, step: str, answer: str
) -> None:
    refusing, port = server
    registry = CollectorRegistry()
    smtp = SmtpSender(clock, host="127.0.0.1", port=port, timeout=5, registry=registry)
    refusing.answers = {step: answer}
    with pytest.raises(Postpone):
        await smtp.send(message())
    assert registry.get_sample_value("mystar_mail_refused") == 1
    tries = refusing.connections
    with pytest.raises(Postpone):
        await smtp.send(message())
    assert refusing.connections == tries, "the server is left alone for a while"

    refusing.answers = {}
    clock.moment += timedelta(minutes=2)
    await smtp.send(message())
    assert registry.get_sample_value("mystar_mail_refused") == 0
    await smtp.close()


@pytest.mark.parametrize(("step", "answer"), ABOUT_THE_MAIL)
async def test_a_refusal_of_a_recipient_or_a_content_gives_that_mail_up(
    server: tuple[RefusingServer, int], clock: FrozenClock, step: str, answer: str
) -> None:
    refusing, port = server
    smtp = SmtpSender(clock, host="127.0.0.1", port=port, timeout=5)
    refusing.answers = {step: answer}
    with pytest.raises(GiveUp):
        await smtp.send(message())
    refusing.answers = {}
    await smtp.send(message())
    await smtp.close()


@pytest.mark.parametrize(
    ("address", "mailed"),
    [
        ("u@faß.example.com", "u@xn--fa-hia.example.com"),
        ("u@κόσμος.example.com", "u@xn--vxaejmc7c.example.com"),
        ("u@тест.рф", "u@xn--e1aybc.xn--p1ai"),
        ("u@people.example", "u@people.example"),
    ],
)
async def test_a_domain_is_written_as_idna_2008_does(
    server: tuple[RefusingServer, int], clock: FrozenClock, address: str, mailed: str
) -> None:
    refusing, port = server
    smtp = SmtpSender(clock, host="127.0.0.1", port=port, timeout=5)
    await smtp.send(message(address))
    assert mailed in refusing.recipients[0]
    await smtp.close()


async def test_mails_to_one_recipient_arrive_in_their_order_after_an_outage(
    server: tuple[RefusingServer, int], db: Database, clock: FrozenClock
) -> None:
    _, port = server
    sent: list[str] = []
    smtp = SmtpSender(clock, host="127.0.0.1", port=port, timeout=5)
    outbox = Outbox(db, clock)
    busy = True

    async def send(message: OutboxMessage) -> None:
        if busy and message.payload["to"] == "anna@example.com":
            raise RuntimeError("busy")
        await smtp.send(message)
        sent.append(message.payload["text"].strip())

    outbox.handle(TOPIC, send)
    mailer = Mailer(outbox, sender="mystar <noreply@stars.example>", brand=str.upper)

    async def queue(number: int, to: str) -> int:
        link = f"https://stars.example/{number}"
        async with db.transaction() as tx:
            await mailer.queue(tx, "reset_password", to, "en", username="x", link=link, hours=24)
        return await db.value("select max(id) from outbox")

    clock.moment = datetime.now(UTC) + timedelta(minutes=1)
    first = await queue(0, "anna@example.com")
    outbox.start()
    await eventually(lambda: db.value("select last_error is not null from outbox where id = %(id)s", id=first))
    busy = False
    # After some attempts the first one waits for an hour, and the second one is due at once.
    await db.execute("update outbox set next_attempt_at = now() + interval '1 hour' where id = %(id)s", id=first)
    second = await queue(1, "anna@example.com")
    third = await queue(2, "boris@example.com")
    clock.moment += timedelta(minutes=1)
    assert await outbox.wait(third, 10)
    assert len(sent) == 1, "one recipient's trouble is not another's"
    clock.moment += timedelta(hours=1)
    assert await outbox.wait(second, 20)
    await outbox.stop()
    assert ["/2" in sent[0], "/0" in sent[1], "/1" in sent[2]] == [True, True, True]
    await smtp.close()
