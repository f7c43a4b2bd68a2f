"""Every mail there is, in both languages: its subject, its one button, the sum, the deadline and the plain text."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from aiohttp import web

import mystar
from mystar.chat.keys import OFFERS
from mystar.chat.offers.model import OfferDraft
from mystar.kit.clock import MOSCOW
from mystar.kit.keys import DATABASE
from mystar.kit.moments import moment_text
from mystar.kit.outbox.letters import Letter, plain
from mystar.kit.outbox.letters import html as html_of
from mystar.kit.outbox.mail import mail_letter
from mystar.kit.outbox.texts import TextStore, built_in_mails
from mystar.notifications.kinds import Kind
from mystar.notifications.listeners import _MAILED
from mystar.notifications.mail_content import SUM, MailContent, Reading, one_line, rubles, written
from mystar.notifications.mail_texts import BUTTONS, MAIL_TEXTS, SENTENCES
from mystar.orders.keys import ORDERS
from mystar.settings import Settings
from mystar.texts.library import editable
from mystar.texts.model import checked
from mystar.texts.samples import preview
from tests.chat.chat_client import opened
from tests.conftest import Api
from tests.factory import Factory, actor
from tests.orders.market import open_market
from tests.sandbox_process import SandboxProcess

MAILS = Path(mystar.__file__).parent / "templates" / "mail"
SITE = "https://site.example"
#: Days without the name of their month, and sums without their thousands.
_DIGITS = re.compile(r"\d\.\d\d\.\d{4}|\d{4}-\d\d|\d{4,}\s₽|\d{4,} RUB")
#: "вы" has one spelling: it is large only where a sentence begins.
_FORMAL = re.compile(r"(?<=[\w,;)—–] )(Вы|Вас|Вам|Вами|Ваш\w*)\b")
#: Mails without a button, and why.
WITHOUT_BUTTON = {
    **dict.fromkeys(
        ("password_changed", "password_changed_sign_ins_left", "identity_linked", "session_copied"),
        "a security notice: what to do is done in the settings, not behind a link in a mail",
    ),
    **{f"second_factor_{what}_{kind}": "as before" for what in ("added", "removed") for kind in ("passkey", "totp")},
    **{f"second_factor_{what}": "as before" for what in ("codes_renewed", "recovery_code_used", "reset", "guessed")},
    "phone_released": "as before",
    "phone_changed_for_good": "cannot be undone by a link: the address may be a stranger's",
    "email_changed_for_good": "as before",
    "account_erased": "there is nothing left to act upon",
    "erasure_withdrawn": "there is nothing to act upon",
    "erasure_postponed": "it goes on by itself",
    "commission_changed": "there is nothing to act upon",
    "support_question": "answered by a reply, see its Reply-To",
    "star_request": "answered by a reply, see its Reply-To",
}
#: Kinds that the digest tells of, with the words of the notification as its subject.
IN_DIGEST = {
    *(Kind.ORDER_EDITED, Kind.REVIEW, Kind.REVIEW_REPLY),
    *(Kind.REPORT_DISMISSED, Kind.REPORT_UPHELD, Kind.WARNING),
    *(Kind.OFFER_DECLINED, Kind.OFFER_WITHDRAWN, Kind.OFFER_EXPIRED),
}
#: The mails of a kind, where they have other names.
MAILS_OF = {
    Kind.NEW_ORDER: {"order_placed"},
    Kind.ORDER_ACCEPTED: {"order_accepted", "order_accepted_unpaid"},
    Kind.ORDER_PAID: {"order_paid", "payment_received"},
    Kind.PAYMENT_FAILED: {"payment_failed", "payment_refused"},
    Kind.DELIVERY: {"order_delivered"},
}
#: Letters of events that have a deadline.
WITH_DEADLINE = {
    *("order_placed", "order_paid", "payment_received", "order_delivered", "revision_requested", "offer"),
}
DEADLINE = datetime(2030, 5, 5, 11, 30, tzinfo=UTC)


def draft() -> MailContent:
    names = dict.fromkeys(("star", "customer", "sender", "why", "destination", "thing"), "Лира <b>")
    return MailContent(
        {**names, "number": 7, "what": "Ролик & <i>кадр", "amount": rubles(1_500_050), "part": rubles(100)},
        [(SUM, rubles(1_500_050))],
        link=f"{SITE}/orders/7",
        deadline=DEADLINE,
    )


def rendered(letter: Letter, language: str) -> tuple[str, str, str]:
    """Subject, text and HTML."""
    return f"MySTAR: {letter.subject}", plain(letter, language, "MySTAR"), html_of(letter, language, "MySTAR")


@pytest.mark.parametrize("language", ["ru", "en"])
def test_every_mail_has_its_own_subject_one_button_the_sum_and_the_deadline(language: str) -> None:
    subjects = {}
    amount = "15\N{NO-BREAK SPACE}000,50\N{NO-BREAK SPACE}₽" if language == "ru" else "15,000.50 RUB"
    for name in MAIL_TEXTS:
        subject, text, html = rendered(written(name, draft(), Reading("olga", language, MOSCOW), TextStore()), language)
        assert subjects.setdefault(subject, name) == name, f"{name} and {subjects[subject]}: {subject}"
        assert len(subject) > len("MySTAR: ") + 5
        assert html.count('class="button"') == 1, name
        assert f'href="{SITE}/orders/7"' in html, name
        assert text.count(f"{SITE}/orders/7") == 1, name
        assert amount in text, name
        deadline = "5 мая 2030, 14:30 по Москве" if language == "ru" else "5 May 2030, 14:30 Moscow time"
        assert (deadline in text) == (name in WITH_DEADLINE) == (deadline in html), name
        _reads_well(text.replace("Лира <b>", "").replace("Ролик & <i>кадр", ""), name)
        assert "<b>" not in html
        assert "<i>" not in html
        foreign = r"[А-Яа-яё]" if language == "en" else r"\b(the|order|your|you)\b"
        assert not re.search(foreign, text.replace("Лира <b>", "").replace("Ролик & <i>кадр", "")), text


def _reads_well(text: str, name: str) -> None:
    """Without HTML, unfilled places or more than one empty line."""
    for leftover in ("<", "&lt;", "&amp;", "&nbsp;", "{{", "{%", "None", "\n\n\n"):
        assert leftover not in text, f"{name}: {leftover!r} in {text}"


def test_every_kind_of_notification_has_a_mail_or_a_text_in_the_digest() -> None:
    for kind in Kind:
        mails = MAILS_OF.get(kind, {str(kind)})
        # An announcement is mailed in its own words, to those who want mails.
        own = kind is Kind.ANNOUNCEMENT
        assert own or (mails <= MAIL_TEXTS.keys()) != (kind in IN_DIGEST), kind
    for language in ("ru", "en"):
        said = {kind: preview(f"notification.{kind}")[language].text for kind in IN_DIGEST}
        assert len(set(said.values())) == len(said)
        for kind, line in said.items():
            assert any(one in line for one in ("№", "no. ", "Ролик", "video", "Реклама", "advertises")), kind
            _reads_well(line, str(kind))
    assert {kind for kind in _MAILED if kind in IN_DIGEST} == set()


def test_all_that_is_sent_can_be_changed_and_has_a_sample_in_both_languages() -> None:
    """A mail is made of a file or of an entry of `MAIL_TEXTS`, a notification of `WORDS`: there is no other way."""
    sent = {f"mail.{file.name.partition('.')[0]}" for file in MAILS.glob("*.txt")}
    sent |= {f"notice.{name}" for name in MAIL_TEXTS} | {f"notification.{kind}" for kind in Kind}
    sent |= {f"sentence.{name}" for name in SENTENCES} | {f"button.{name}" for name in BUTTONS}
    assert sent == editable().keys()
    titles, subjects = set(), set()
    for name, text in editable().items():
        assert checked(text, text.built_in) == text.built_in, name
        assert not re.search(r"\{\{|\{%", str(text.built_in)), name
        titles.add((text.group, text.title))
        for language, mail in preview(name).items():
            assert not {"{", "}", "…"} & set(mail.subject + mail.text), name
            _reads_well(mail.text, name)
            foreign = r"[А-Яа-яё]" if language == "en" else r"\b(the|order|your|you)\b"
            assert not re.search(foreign, mail.subject + mail.text), f"{name}: {mail}"
            for wrong in (_DIGITS, _FORMAL):
                assert not wrong.search(f"{mail.subject}\n{mail.text}"), f"{name}: {mail}"
            if name.startswith("mail."):
                assert mail.subject.startswith("MySTAR: ") or name == "mail.reset_password"
                has_button = name.removeprefix("mail.") not in WITHOUT_BUTTON
                assert (mail.html.count('class="button"'), mail.text.count("https://example.com/x\n")) == (
                    (1, 1) if has_button else (0, 0)
                ), name
                subjects.add((language, mail.subject))
    assert len(titles) == len(editable())
    # Those of one event in two forms share a subject.
    assert len(subjects) == 2 * (len(built_in_mails()) - 3)


def test_words_that_owners_and_people_type_are_no_html() -> None:
    parts = {
        language: {**texts, "body": "<b>{text}</b>"} for language, texts in built_in_mails()["announcement"].items()
    }
    texts = TextStore()
    texts.current = {"mail.announcement": parts}
    values = {"brand": "x", "subject": "x", "text": "<script>", "username": "<i>", "link": SITE}
    made = html_of(mail_letter("announcement", "ru", values, texts), "ru", "x")
    assert "&lt;b&gt;&lt;script&gt;&lt;/b&gt;" in made
    assert "<script>" not in made


@pytest.mark.parametrize(
    ("zone", "russian", "english"),
    [
        (MOSCOW, "5 мая 2030, 14:30 по Москве", "5 May 2030, 14:30 Moscow time"),
        (ZoneInfo("Asia/Kolkata"), "5 мая 2030, 17:00 (UTC+5:30)", "5 May 2030, 17:00 (UTC+5:30)"),
        (ZoneInfo("America/New_York"), "5 мая 2030, 07:30 (UTC-4)", "5 May 2030, 07:30 (UTC-4)"),
        (UTC, "5 мая 2030, 11:30 (UTC)", "5 May 2030, 11:30 (UTC)"),
    ],
)
def test_a_moment_is_written_in_words_in_the_time_zone_of_the_reader(zone: Any, russian: str, english: str) -> None:
    assert moment_text(DEADLINE, "ru", zone) == russian
    assert moment_text(DEADLINE, "en", zone) == english


def test_a_subject_is_one_short_line() -> None:
    assert one_line("a\r\nBcc: x@y.z\n\nb") == "a Bcc: x@y.z b"
    assert len(one_line("x" * 500)) == 150


async def mails_of(app: web.Application, address: str) -> list[dict[str, Any]]:
    rows = await app[DATABASE].all("select payload from outbox where topic = 'mail' order by id")
    return [row["payload"] for row in rows if row["payload"]["to"] == address]


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    return make_settings(HTTP__SITE_URL=SITE)


async def test_people_choose_the_language_and_the_zone_of_their_mails_in_every_profile(
    api: Api, app: web.Application, factory: Factory
) -> None:
    market = await open_market(app, api, factory)
    creator = market.creator
    changed = await api.patch("/api/v1/users/me/", {"locale": "en-GB", "time_zone": "Asia/Almaty"}, as_=creator)
    assert changed.status == 200, await changed.text()
    assert ((await changed.json())["locale"], (await changed.json())["time_zone"]) == ("en", "Asia/Almaty")
    order = await market.place()
    mail = (await mails_of(app, creator.email))[-1]
    assert (mail["language"], mail["reply_to"]) == ("en", "support@localhost")
    assert mail["subject"] == f"UGC Market: new order no. {order['id']} — Ролик для блога, 1,000 RUB"
    assert f"Accept or decline: {SITE}/orders/{order['id']}" in mail["text"]
    deadline = await app[DATABASE].value("select deadline_at from orders where id = %(id)s", id=order["id"])
    assert f"Answer by: {moment_text(deadline, 'en', ZoneInfo('Asia/Almaty'))}" in mail["text"]
    assert "(UTC+5)" in mail["text"]
    for body in ({"locale": "de"}, {"time_zone": "Mars/Olympus"}, {"time_zone": "../../etc/passwd"}):
        refused = await api.patch("/api/v1/users/me/", body, as_=creator)
        assert refused.status == 422, body
    # The other dialects that edit profiles.
    path = f"/api/profiles/profiles/{creator.id}/"
    studio = await factory.person(channel="studio")
    changed = await api.patch(path.replace(str(creator.id), str(studio.id)), {"locale": "en"}, as_=studio)
    assert (await changed.json())["locale"] == "en"
    greeting = await factory.person()
    await api.put("/api/personal/", {"locale": "en", "time_zone": "Europe/London"}, as_=greeting)
    seen = await (await api.get("/api/personal/", as_=greeting)).json()
    assert (seen["locale"], seen["time_zone"]) == ("en", "Europe/London")


async def test_offers_revisions_disputes_and_partial_refunds_are_mailed_at_once(
    api: Api, app: web.Application, factory: Factory, sandbox_process: SandboxProcess
) -> None:
    market = await open_market(app, api, factory)
    buyer, creator, staff = market.buyer, market.creator, actor(await factory.staff(), "owner")
    talk = await opened(api, buyer, creator)
    terms = OfferDraft(market.service_id, "Три ролика", "С титрами", 120_000, 5)
    offer, _ = await app[OFFERS].send(actor(creator), talk, terms, language="ru")
    mail = (await mails_of(app, buyer.email))[-1]
    assert mail["subject"] == f"UGC Market: {creator.username} предлагает: Три ролика, 1 200 ₽"
    assert f"Посмотреть предложение: {SITE}/conversations/{talk}" in mail["text"]
    assert f"Примите до: {moment_text(offer.expires_at, 'ru', MOSCOW)}" in mail["text"]
    assert mail["unsubscribe"]
    # No second mail or notification for the message that shows it.
    assert len(await mails_of(app, buyer.email)) == 1
    order, _ = await app[OFFERS].accept(actor(buyer), offer.id)
    assert "ваше предложение принято: заказ" in (await mails_of(app, creator.email))[-1]["subject"]
    assert app[ORDERS].link_to_pay(order) in (await mails_of(app, buyer.email))[-1]["text"]
    await factory.hold(order, sandbox_process)
    assert f"вы оплатили заказ №{order} — Три ролика" in (await mails_of(app, buyer.email))[-1]["subject"]
    await market.deliver(order)
    await market.act(order, "request-revision", {"reason": "Тише"}, as_=buyer)
    mail = (await mails_of(app, creator.email))[-1]
    assert mail["subject"] == f"UGC Market: нужна доработка: заказ №{order} — Три ролика"
    assert "Сдайте до: " in mail["text"]
    await market.deliver(order)
    await market.act(order, "dispute", {"reason": "Не то"}, as_=buyer)
    assert "открыт спор по заказу" in (await mails_of(app, creator.email))[-1]["subject"]
    await app[ORDERS].approve(staff, order)
    for person in (buyer, creator):
        assert "спор по заказу" in (await mails_of(app, person.email))[-1]["subject"]
    await app[ORDERS].refund(staff, order, 20_000, "Звук")
    for person in (buyer, creator):
        mail = (await mails_of(app, person.email))[-1]
        assert mail["subject"] == f"UGC Market: возвращена часть денег за заказ №{order} — 200 ₽"
        assert "возвращено 200\N{NO-BREAK SPACE}₽ из 1\N{NO-BREAK SPACE}200\N{NO-BREAK SPACE}₽" in mail["text"]
    subjects = [mail["subject"] for mail in await mails_of(app, buyer.email)]
    # Two deliveries, and one of each of the others.
    assert (len(subjects), len(set(subjects))) == (7, 6)


async def test_an_answer_to_a_support_mail_goes_to_the_sender(
    api: Api, app: web.Application, sandbox_process: SandboxProcess
) -> None:
    body = {"username": "Ольга\r\nBcc: a@b.c", "email": "olga@example.com", "text": "Где заказ?"}
    assert (await api.post("/api/support/", body)).status == 200
    mail = await sandbox_process.wait_for_mail("support@localhost", "Ольга")
    assert mail["headers"]["Reply-To"] == "olga@example.com"
    assert mail["headers"].get("Bcc") is None
    assert "\n" not in mail["subject"]


def test_a_deadline_far_away_keeps_its_year() -> None:
    assert "2031" in moment_text(DEADLINE + timedelta(days=365), "ru", MOSCOW)
