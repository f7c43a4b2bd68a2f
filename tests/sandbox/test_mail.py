import asyncio
from email.message import EmailMessage
from pathlib import Path

import aiohttp
import aiosmtplib
import pytest

from mystar.sandbox.process import listen, running
from tests.sandbox.conftest import Sandbox


def letter(to: str = "anna@example.com", subject: str = "Подтвердите Ваш Email", **headers: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Моя звезда <star@example.com>"
    message["To"], message["Subject"], message["Message-ID"] = to, subject, "<1@example.com>"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content("Здравствуйте!\nВот ссылка: http://star.example/confirm?token=a1. Ждём Вас!")
    message.add_alternative('<p>Нажмите <a href="http://star.example/confirm?token=a1&b=2">сюда</a>', subtype="html")
    return message


async def test_a_mail_arrives_with_both_its_parts(sandbox: Sandbox) -> None:
    await sandbox.send(letter(Reply_To="help@example.com"))

    [mail] = await sandbox.mails()
    assert mail["id"] == 1
    assert mail["from"] == "star@example.com"
    assert mail["to"] == ["anna@example.com"]
    assert mail["subject"] == "Подтвердите Ваш Email"
    assert mail["text"].startswith("Здравствуйте!\nВот ссылка: ")
    assert "<p>Нажмите" in mail["html"]
    assert mail["links"] == ["http://star.example/confirm?token=a1", "http://star.example/confirm?token=a1&b=2"]
    assert mail["received_at"] == "2026-11-21T12:00:00+00:00"
    assert mail["message_id"] == "<1@example.com>"
    assert mail["headers"]["From"] == "Моя звезда <star@example.com>"
    assert mail["headers"]["Reply-To"] == "help@example.com"
    assert await sandbox.call("GET", "/mail/1.json") == mail


async def test_mails_are_found_by_whole_address_and_part_of_subject(sandbox: Sandbox) -> None:
    for to, subject in (("a@x.ru", "Первое"), ("b@x.ru", "Второе"), ("a@x.ru", "Третье письмо")):
        await sandbox.send(letter(to, subject))

    assert [mail["subject"] for mail in await sandbox.mails()] == ["Третье письмо", "Второе", "Первое"]
    assert [mail["subject"] for mail in await sandbox.mails("A@X.ru")] == ["Третье письмо", "Первое"]
    assert [mail["to"] for mail in await sandbox.mails(subject="ПИСЬМО")] == [["a@x.ru"]]
    assert len(await sandbox.mails(limit=2)) == 2
    assert await sandbox.mails("x.ru") == []


async def test_the_page_of_mails_finds_words_in_addresses_subjects_and_texts(sandbox: Sandbox) -> None:
    for to, subject, text in (
        ("anna@example.com", "Заказ 7", "Кира ждёт"),
        ("b@example.com", "Заказ 8", "Уже не ждёт"),
    ):
        message = EmailMessage()
        message["To"], message["From"], message["Subject"] = to, "shop@example.com", subject
        message.set_content(text)
        await sandbox.send(message)
    for words, subjects in (("ANNA", {"7"}), ("заказ кира", {"7"}), ("ждёт", {"7", "8"}), ("нет такого", set())):
        _, page = await _page(sandbox, f"/mail/?search={words}")
        assert {number for number in "78" if f">Заказ {number}</a>" in page} == subjects
        assert f'value="{words}"' in page


async def test_bcc_recipients_are_shown(sandbox: Sandbox) -> None:
    await sandbox.send(letter(), recipients=["anna@example.com", "boss@example.com"])

    assert (await sandbox.wait_for_mail("boss@example.com"))["headers"]["To"] == "anna@example.com"


async def test_waiting_for_a_mail_ends_with_it_or_with_an_error(sandbox: Sandbox) -> None:
    waiting = asyncio.create_task(sandbox.wait_for_mail("anna@example.com", "подтвердите"))
    await sandbox.send(letter())

    assert (await waiting)["id"] == 1
    with pytest.raises(AssertionError, match="no mail to anna"):
        await sandbox.wait_for_mail("anna@example.com", "reset", timeout=0.1)


async def test_the_mailbox_keeps_a_thousand_mails(sandbox: Sandbox) -> None:
    async with aiosmtplib.SMTP(hostname=sandbox.smtp_host, port=sandbox.smtp_port) as smtp:
        for _ in range(1001):
            await smtp.sendmail("a@x.ru", ["b@x.ru"], b"Subject: x")

    mails = await sandbox.mails()
    assert (len(mails), mails[0]["id"], mails[-1]["id"]) == (1000, 1001, 2)


async def test_numbers_continue_after_the_mailbox_is_cleared(sandbox: Sandbox) -> None:
    await sandbox.send(letter())
    await sandbox.clear_mails()
    assert await sandbox.mails() == []

    await sandbox.send(letter())

    assert [mail["id"] for mail in await sandbox.mails()] == [2]


async def test_any_name_and_password_are_accepted(sandbox: Sandbox) -> None:
    await sandbox.send(letter(), username="anybody", password="anything")

    assert len(await sandbox.mails()) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no headers at all",
        b"Subject: =?utf-8?b?!!!?=\r\n\r\nx",
        b"Subject: =?nonsense?q?x?=\r\nFrom: <<>>\r\nTo: ,,,\r\n\r\nx",
        b"Content-Type: text/plain; charset=nonsense\r\n\r\n\xd0\x9f\xff",
        b"Content-Type: multipart/alternative; boundary=b\r\n\r\nno parts",
        b"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!!",
        b"Message-ID: nonsense <>\r\nDate: never\r\n\r\n",
        b"Subject: \xd0\x9f\xd1\x80\r\n\r\n\xd0\x9f",
        # What Python's own parser fails on.
        b'From: "\r\n\r\nx',
        b"From: a:;@b <\r\n\r\nx",
        b"Message-ID: \t<)]?<@>\r\n\r\nx",
        b'Content-Type: text/plain; charset="a\x00b"\r\n\r\nx',
    ],
)
async def test_a_malformed_mail_is_kept(sandbox: Sandbox, content: bytes) -> None:
    async with aiosmtplib.SMTP(hostname=sandbox.smtp_host, port=sandbox.smtp_port) as smtp:
        await smtp.sendmail("a@x.ru", ["b@x.ru"], content)

    assert [mail["to"] for mail in await sandbox.mails()] == [["b@x.ru"]]
    assert (await _page(sandbox, "/mail/1/"))[0] == 200


# faults


async def test_the_sink_can_refuse_temporarily(sandbox: Sandbox) -> None:
    await sandbox.faults(smtp={"temporary": 1})
    with pytest.raises(aiosmtplib.SMTPDataError) as refusal:
        await sandbox.send(letter())

    assert refusal.value.code == 451
    assert await sandbox.mails() == []


async def test_the_sink_can_refuse_permanently(sandbox: Sandbox) -> None:
    await sandbox.faults(smtp={"permanent": 1})
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refusal:
        await sandbox.send(letter())

    assert [refused.code for refused in refusal.value.recipients] == [550]


async def test_the_answer_can_get_lost_after_the_work(sandbox: Sandbox) -> None:
    await sandbox.faults(smtp={"lost_answer": 1})
    with pytest.raises(aiosmtplib.SMTPServerDisconnected):
        await sandbox.send(letter())

    assert len(await sandbox.mails()) == 1


async def test_the_sink_can_be_slow(sandbox: Sandbox) -> None:
    await sandbox.faults(smtp={"delay_seconds": 30})
    with pytest.raises(aiosmtplib.SMTPReadTimeoutError):
        await sandbox.send(letter(), timeout=0.3)


async def test_the_sink_can_be_down(sandbox: Sandbox) -> None:
    await sandbox.faults(smtp={"down": True})
    with pytest.raises(aiosmtplib.SMTPException):
        await sandbox.send(letter())

    await sandbox.faults()
    await sandbox.send(letter())


async def test_an_idle_connection_does_not_keep_the_sandbox_from_stopping(tmp_path: Path) -> None:
    async with asyncio.timeout(5):
        with listen("127.0.0.1", 0) as http, listen("127.0.0.1", 0) as smtp:
            async with running(http, smtp, data_dir=tmp_path) as addresses:
                host, _, port = addresses.smtp.rpartition(":")
                reader, writer = await asyncio.open_connection(host, port)
                assert (await reader.readline()).startswith(b"220")

        assert await reader.read() == b""
        writer.close()


# pages


async def test_pages_show_a_mail_in_the_readers_language(sandbox: Sandbox) -> None:
    await sandbox.send(letter())

    status, listing = await _page(sandbox, "/mail/")
    _, english = await _page(sandbox, "/mail/1/", "en-GB, ru;q=0.8")
    _, russian = await _page(sandbox, "/mail/1/", "ru, en;q=0.8")

    assert status == 200
    assert '<a href="/mail/1/">Подтвердите Ваш Email</a>' in listing
    assert '<a class="link" href="http://star.example/confirm?token=a1&amp;b=2"' in english
    assert '<html lang="en">' in english
    assert "All mail" in english
    assert "Все письма" in russian


async def test_a_mail_cannot_run_scripts_on_the_page(sandbox: Sandbox) -> None:
    message = EmailMessage()
    message["Subject"] = "<script>alert(1)</script>"
    message.set_content("javascript:alert(1)")
    message.add_alternative('"><script>alert(1)</script><a href="javascript:alert(2)">x</a>', subtype="html")
    await sandbox.send(message, sender="a@x.ru", recipients=["b@x.ru"])

    _, page = await _page(sandbox, "/mail/1/")

    assert "<script" not in page
    assert 'href="javascript' not in page
    assert "allow-scripts" not in page


async def test_invalid_requests_are_errors(sandbox: Sandbox) -> None:
    for path, status in (
        ("/mail.json?limit=0", 400),
        ("/mail.json?limit=x", 400),
        ("/mail/7.json", 404),
        ("/mail/7/", 404),
        ("/mail/x/", 404),
    ):
        assert (await _page(sandbox, path))[0] == status, path


async def _page(sandbox: Sandbox, path: str, language: str = "ru") -> tuple[int, str]:
    headers = {"Accept-Language": language}
    async with aiohttp.ClientSession(headers=headers) as session, session.get(sandbox.http + path) as answer:
        return answer.status, await answer.text()
