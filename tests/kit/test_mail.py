"""Mails from the template to the mailbox, and failures on the way."""

from __future__ import annotations

import base64
import quopri
import re
import uuid
from collections.abc import AsyncIterator, Iterator
from email.policy import SMTP
from typing import Any

import aiosmtplib
import pytest

from mystar.kit.clock import Clock
from mystar.kit.outbox.mail import TOPIC, Mailer, SmtpSender
from mystar.kit.outbox.model import GiveUp, OutboxMessage
from mystar.kit.outbox.outbox import Outbox
from mystar.kit.postgres.database import Database
from tests.sandbox_process import SandboxProcess, sandbox_in


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """A mail server with settable faults, so not the one that all tests share."""
    with sandbox_in(tmp_path_factory.mktemp("sandbox")) as process:
        yield process


@pytest.fixture
async def smtp(sandbox: SandboxProcess) -> AsyncIterator[SmtpSender]:
    sender = SmtpSender(Clock(), host=sandbox.smtp_host, port=sandbox.smtp_port, timeout=5)
    yield sender
    await sender.close()
    await sandbox.faults()


def message(to: str, **changes: Any) -> OutboxMessage:
    payload = {
        "to": to,
        "from": "mystar <noreply@stars.example>",
        "subject": "Ваш заказ",
        "text": "Здравствуйте!\n",
        "html": "<p>Здравствуйте!</p>",
        "language": "ru",
        **changes,
    }
    return OutboxMessage(1, TOPIC, None, uuid.uuid4(), payload, 1)


def recipient() -> str:
    return f"{uuid.uuid4().hex}@people.example"


async def test_a_mail_arrives_with_all_of_its_parts(smtp: SmtpSender, sandbox: SandboxProcess) -> None:
    to = recipient()
    sent = message(to)
    await smtp.send(sent)
    mail = await sandbox.wait_for_mail(to)
    assert mail["subject"] == "Ваш заказ"
    assert "Здравствуйте!" in mail["text"]
    assert "<p>Здравствуйте!</p>" in mail["html"]


@pytest.mark.parametrize("words", ["деньги за заказ №1024 возвращены — 15 000 ₽", "a payout of 15,000 RUB was sent"])
def test_a_subject_of_any_length_keeps_its_spaces_and_fits_its_lines(words: str) -> None:
    """Read by the rules of RFC 2047 that mail programs know, not by the library that wrote it."""
    text = f"MySTAR: {words} · {words}" if not words.isascii() else f"MySTAR: {words}, and {words}"
    sender = SmtpSender(Clock(), host="localhost", port=1)
    for length in range(1, len(text) + 1):
        subject = text[:length].strip()
        sent = sender._mail(message(recipient(), subject=subject)).as_bytes(policy=SMTP)
        head = (sent.partition(b"\r\n\r\n")[0] + b"\r\n").decode("ascii")
        written = re.search(r"^Subject: (.*(?:\r\n[ \t].*)*)\r\n", head, re.MULTILINE)
        assert written is not None
        assert max(map(len, head[: written.end()].splitlines())) <= 78
        assert _read(written[1]) == subject


def _read(header: str) -> str:
    """Encoded words are joined, the white space between two of them is not part of the text."""
    unfolded = re.sub(r"\r\n(?=[ \t])", "", header)
    pairs = re.sub(r"(?<=\?=)\s+(?==\?)", "", unfolded)
    return re.sub(r"=\?utf-8\?(b|q)\?(.*?)\?=", _decoded, pairs, flags=re.IGNORECASE)


def _decoded(word: re.Match[str]) -> str:
    raw = base64.b64decode(word[2]) if word[1].lower() == "b" else quopri.decodestring(word[2].replace("_", " "))
    return raw.decode()


async def test_mails_share_one_connection_and_a_lost_one_is_replaced(smtp: SmtpSender, sandbox: SandboxProcess) -> None:
    to = recipient()
    for _ in range(3):
        await smtp.send(message(to))
    sandbox.restart()
    await smtp.send(message(to))
    assert len(await sandbox.mails(to)) >= 1


async def test_a_permanently_refused_mailbox_is_given_up(smtp: SmtpSender, sandbox: SandboxProcess) -> None:
    await sandbox.faults(smtp={"permanent": 1.0})
    with pytest.raises(GiveUp, match="550"):
        await smtp.send(message(recipient()))
    await sandbox.faults()
    await smtp.send(message(recipient()))


async def test_a_temporary_refusal_is_retried(smtp: SmtpSender, sandbox: SandboxProcess) -> None:
    to = recipient()
    await sandbox.faults(smtp={"temporary": 1.0})
    with pytest.raises(aiosmtplib.SMTPResponseException):
        await smtp.send(message(to))
    assert await sandbox.mails(to) == []
    await sandbox.faults()
    await smtp.send(message(to))
    assert len(await sandbox.mails(to)) == 1


async def test_a_mail_with_unknown_outcome_keeps_its_message_id(smtp: SmtpSender, sandbox: SandboxProcess) -> None:
    to = recipient()
    sent = message(to)
    await sandbox.faults(smtp={"lost_answer": 1.0})
    with pytest.raises(aiosmtplib.SMTPException):
        await smtp.send(sent)
    await sandbox.faults()
    await smtp.send(sent)
    names = {mail["headers"]["Message-ID"] for mail in await sandbox.mails(to)}
    assert names == {f"<{sent.idempotency_key.hex}@stars.example>"}


async def test_an_unreachable_server_is_retried(sandbox: SandboxProcess) -> None:
    smtp = SmtpSender(Clock(), host=sandbox.smtp_host, port=1, timeout=2)
    with pytest.raises(aiosmtplib.SMTPConnectError):
        await smtp.send(message(recipient()))
    await smtp.close()


async def test_sending_inside_a_transaction_is_refused(smtp: SmtpSender, db: Database) -> None:
    with pytest.raises(RuntimeError, match="inside a transaction"):
        async with db.transaction():
            await smtp.send(message(recipient()))


@pytest.mark.parametrize(("language", "subject"), [("ru", "MySTAR"), ("en", "Password Reset for MySTAR")])
async def test_a_mail_is_rendered_when_it_is_queued(db: Database, language: str, subject: str) -> None:
    mailer = Mailer(
        Outbox(db, Clock()), sender="mystar <noreply@stars.example>", brand={"market": "MySTAR"}.__getitem__
    )
    name = "<b>Марина</b>\r\nBcc: all@people.example"
    async with db.transaction() as tx:
        link = "https://stars.example/reset?token=x&y=1"
        await mailer.queue(tx, "reset_password", recipient(), language, username=name, link=link, hours=24)
    payload = await db.value("select payload from outbox")
    assert subject in payload["subject"]
    assert "Bcc" not in payload["subject"]
    assert payload["language"] == language
    assert link in payload["text"]
    assert "&lt;b&gt;Марина" in payload["html"], "what people write is text, not HTML"


async def test_a_missing_template_value_raises(db: Database) -> None:
    mailer = Mailer(
        Outbox(db, Clock()), sender="mystar <noreply@stars.example>", brand={"market": "MySTAR"}.__getitem__
    )
    with pytest.raises(Exception, match="'link'"):
        async with db.transaction() as tx:
            await mailer.queue(tx, "reset_password", recipient(), "en", username="x", hours=24)
    assert await db.value("select count(*) from outbox") == 0
