"""Erasure: what stands in its way, how it is withdrawn, and that nothing of the person is left (docs/privacy.md)."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

from aiohttp import web

from mystar.accounts.keys import ACCOUNTS
from mystar.accounts.model import ClientInfo
from mystar.app import broken_invariants
from mystar.audit.keys import AUDIT
from mystar.audit.model import Filters
from mystar.files.keys import FILES
from mystar.kit.keys import DATABASE
from mystar.kit.postgres.database import Tx
from mystar.privacy.keys import ERASURES, EXPORT_BUILDER, EXPORTS
from mystar.privacy.model import Requester
from mystar.settings import Settings
from tests.chat.chat_client import opened
from tests.conftest import Api
from tests.factory import PASSWORD, Factory, Person, actor
from tests.privacy.sample_people import BUYER_WORDS, CREATOR_WORDS, SamplePeople
from tests.privacy.table_scan import found_in
from tests.sandbox_process import SandboxProcess
from tests.waiting import behind

ERASURE = "/api/v1/users/me/erasure/"
BY_LETTER = Requester("operator", reason="A letter")


async def erase(app: web.Application, person: Person) -> None:
    await app[ERASURES].request_for(person.id, BY_LETTER)
    await app[ERASURES].erase_now(person.id)


async def asked(api: Api, person: Person, **body: Any) -> dict[str, Any]:
    answer = await api.post(ERASURE, {"password": PASSWORD, **body}, as_=person)
    return {"status_code": answer.status, **await answer.json()}


async def fall_due(app: web.Application, person: Person) -> None:
    await app[DATABASE].execute("update erasures set due_at = now() where account_id = %(id)s", id=person.id)
    assert await app[ERASURES].erase_next() == 1


async def test_no_table_has_data_of_an_erased_person(
    api: Api, app: web.Application, factory: Factory, settings: Settings
) -> None:
    people = await SamplePeople(app, api, factory).create()
    database = app[DATABASE]
    await people.settle()
    for person in (people.creator, people.buyer):
        await app[EXPORTS].request_for(person.id, BY_LETTER)
        await app[EXPORT_BUILDER].build_next()
    texts = {
        people.creator: people.creator_names + CREATOR_WORDS,
        people.buyer: people.buyer_names + BUYER_WORDS,
    }
    kept = await database.value("select key from files where name like 'Комета%%'")
    for person, needles in texts.items():
        everywhere = await found_in(database, needles)
        assert set.union(*everywhere.values()) == {needle.lower() for needle in needles}, (
            "these people have all of them"
        )
        await erase(app, person)
        # The mail that tells of it leaves nothing once it is sent.
        await people.settle()
        assert await found_in(database, needles) == {}
        assert await broken_invariants(app) == []

    # What is left of the bytes: the video that the buyer had ordered.
    await app[FILES].sweep()
    media = settings.data_dir / "media"
    assert [str(path.relative_to(media)) for path in _files(media)] == [kept]


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_pages_of_an_erased_creator_are_not_found(api: Api, app: web.Application, factory: Factory) -> None:
    people = await SamplePeople(app, api, factory).create()
    creator, buyer, alias = people.creator, people.buyer, f"deleted-{people.creator.id}"
    creator_id = await app[DATABASE].value("select id from creators where account_id = %(id)s", id=creator.id)
    pages = (
        f"/api/v1/creators/{creator_id}/",
        f"/api/v1/creators/{creator_id}/reviews/",
        f"/api/v1/services/{people.service_id}/",
        f"/api/v1/services/{people.service_id}/reviews/",
        f"/api/star/id/?id={creator.id}",
    )
    assert {(await api.get(page, as_=buyer)).status for page in pages} == {200}
    await erase(app, creator)
    assert {page: (await api.get(page, as_=buyer)).status for page in pages} == dict.fromkeys(pages, 404)
    for search in ("Mira", "Самшит", "ролик"):
        assert (await (await api.get("/api/v1/services/", params={"search": search})).json())["count"] == 0

    # The order stays, with its sum, its delivery and what the buyer wrote.
    order = await (await api.get(f"/api/v1/orders/{people.order_id}/", as_=buyer)).json()
    assert (order["status"], order["creator"]["username"]) == ("completed", alias)
    deliveries = await (await api.get(f"/api/v1/orders/{people.order_id}/deliveries/", as_=buyer)).json()
    (delivery,) = deliveries["results"] if isinstance(deliveries, dict) else deliveries
    assert [one["name"] for one in delivery["files"]] == [f"file-{delivery['files'][0]['id']}.jpg"]

    # The buyer keeps the conversation and its own messages; those of the creator are deleted ones.
    talk = f"/api/v1/conversations/{people.conversation_id}/"
    messages = (await (await api.get(f"{talk}messages/", as_=buyer)).json())["results"]
    said = [(one["sender"]["id"] == creator.id, bool(one["message"])) for one in messages]
    assert sorted(said) == [(False, True), (True, False), (True, False)], "the second one was an offer"
    changes = await (await api.get(f"{talk}changes/", as_=buyer)).text()
    assert "deleted" in changes
    assert (await api.post(f"{talk}messages/", {"message": "Где Вы?"}, as_=buyer)).status == 403

    # Nobody signs in, and the e-mail may register anew.
    log_in = {"username": creator.email, "password": PASSWORD}
    assert (await api.post("/api/auth/token/", log_in)).status == 401
    assert (await api.get("/api/v1/users/me/", as_=creator)).status == 401
    again = {"username": "Mira O'Bell", "email": creator.email, "phone": "+79161112233", "password": PASSWORD}
    assert (await api.post("/api/auth/register/", again)).status == 201
    assert await app[EXPORTS].latest(creator.id) is None


async def test_an_erasure_is_refused_with_its_obstacles(api: Api, app: web.Application, factory: Factory) -> None:
    star, buyer = await factory.star(), await factory.person()
    order_id = await factory.order(buyer, star)
    for person in (star, buyer):
        refused = await asked(api, person)
        assert (refused["status_code"], refused["code"]) == (409, "erasure_blocked")
        assert [(one["code"], one["ids"]) for one in refused["obstacles"]] == [("open_orders", [order_id])]
        assert refused["obstacles"][0]["message"]
        state = await (await api.get(ERASURE, as_=person)).json()
        assert (state["is_requested"], len(state["obstacles"])) == (False, 1)
    database = app[DATABASE]
    await database.execute("update orders set status = 'cancelled', cancelled_at = now()")
    await database.execute(
        "insert into payments (order_id, payer_id, amount, description, return_url, status, provider_id)"
        " values (%(order)s, %(buyer)s, 100, '', '', 'held', 'p-1')",
        order=order_id,
        buyer=buyer.id,
    )
    await database.execute("update creator_balances set available = 500 where creator_id = %(id)s", id=star.id)
    codes = {one["code"] for one in (await asked(api, star))["obstacles"]}
    assert codes == {"unfinished_payments", "balance_not_settled"}
    staff = await factory.staff("operator")
    assert [one["code"] for one in (await asked(api, staff))["obstacles"]] == ["staff_role"]


async def test_an_erasure_needs_the_password_and_is_withdrawn_by_signing_in_or_by_the_mailed_link(
    api: Api, app: web.Application, factory: Factory, sandbox_process: SandboxProcess
) -> None:
    star = await factory.star(channel="market")
    database = app[DATABASE]
    await database.execute("update sessions set authenticated_at = now() - interval '1 hour'")
    assert (await api.post(ERASURE, {}, as_=star)).status == 403
    assert (await asked(api, star, password="wrong-Password-1"))["status_code"] == 422
    assert not await database.value("select count(*) from erasures")

    assert (await asked(api, star))["status_code"] == 202
    assert (await api.get("/api/v1/users/me/", as_=star)).status == 401, "all sessions end"
    assert not await database.value("select count(*) from services where is_listed"), "nothing more is sold"
    assert await app[ERASURES].erase_next() == 0, "not before the waiting period is over"
    await app[ACCOUNTS].log_in(ClientInfo(), "market", star.email, PASSWORD)
    assert await database.value("select count(*) from services where is_listed") == 1
    assert (await app[ERASURES].state(star.id))[0] is None
    await sandbox_process.wait_for_mail(star.email, "остаётся")

    await sandbox_process.clear_mails()
    await app[ERASURES].request_for(star.id, BY_LETTER)
    mail = await sandbox_process.wait_for_mail(star.email, "удаление")
    (token,) = {found for link in mail["links"] for found in re.findall(r"token=(\w+)", link)}
    page = await api.get(f"/api/auth/withdraw-erasure/?token={token}", headers={"Accept": "text/html"})
    assert token in await page.text()
    assert (await api.post("/api/auth/withdraw-erasure/", {"token": "a" * 48})).status == 404
    assert (await api.post("/api/auth/withdraw-erasure/", {"token": token})).status == 200
    assert (await api.post("/api/auth/withdraw-erasure/", {"token": token})).status == 404, "once"
    assert (await app[ERASURES].state(star.id))[0] is None

    actions = [
        entry.event.action for entry in await app[AUDIT].tail(100) if entry.event.subject == f"account:{star.id}"
    ]
    assert actions.count("erasure_requested") == actions.count("erasure_withdrawn") == 2


async def test_a_due_erasure_is_postponed_while_it_has_obstacles(
    api: Api, app: web.Application, factory: Factory, sandbox_process: SandboxProcess
) -> None:
    star, buyer = await factory.star(), await factory.person()
    assert (await asked(api, buyer))["status_code"] == 202
    order_id = await factory.order(buyer, star)
    await fall_due(app, buyer)
    mail = await sandbox_process.wait_for_mail(buyer.email, "нельзя удалить")
    assert "заказы" in mail["text"]
    erasure, _ = await app[ERASURES].state(buyer.id)
    assert erasure
    assert erasure.due_at - erasure.requested_at < timedelta(days=2)
    await sandbox_process.clear_mails()
    await fall_due(app, buyer)
    await app[DATABASE].execute("update orders set status = 'cancelled' where id = %(id)s", id=order_id)
    await fall_due(app, buyer)
    assert await app[DATABASE].value("select erased_at is not null from accounts where id = %(id)s", id=buyer.id)
    await sandbox_process.wait_for_mail(buyer.email, "удалена")
    assert not await sandbox_process.mails(buyer.email, "нельзя удалить"), "told once"


async def test_an_erasure_that_fails_holds_up_no_others(app: web.Application, factory: Factory) -> None:
    failing, other = await factory.person(), await factory.person()
    for person in (failing, other):
        await app[ERASURES].request_for(person.id, BY_LETTER)
    await app[DATABASE].execute(
        "update erasures set due_at = now() - make_interval(mins => (account_id = %(id)s)::int)", id=failing.id
    )
    await app[DATABASE].execute(
        "create function refuse_erasure() returns trigger language plpgsql as $$"
        " begin raise exception 'something refers to it'; end $$;"
        " create trigger refuse_erasure before update on accounts for each row"
        f" when (new.erased_at is not null and new.id = {failing.id}) execute function refuse_erasure()"
    )
    while await app[ERASURES].erase_next():
        pass
    erased = await app[DATABASE].all("select id from accounts where erased_at is not null")
    assert [row["id"] for row in erased] == [other.id]
    await app[DATABASE].execute("drop trigger refuse_erasure on accounts")
    await fall_due(app, failing)
    assert await app[DATABASE].value("select erased_at is not null from accounts where id = %(id)s", id=failing.id)


async def test_a_report_that_waits_for_an_erasure_keeps_nothing_of_the_person(
    api: Api, app: web.Application, factory: Factory
) -> None:
    person, reporter, erasures = await factory.person(), await factory.person(channel="market"), app[ERASURES]
    await erasures.request_for(person.id, BY_LETTER)

    async def being_erased(tx: Tx) -> None:
        await erasures._erase(tx, await erasures._accounts.lock(tx, person.id))

    async def report() -> int:
        body = {"kind": "person", "object_id": person.id, "reason": "insult"}
        return (await api.post("/api/v1/reports/", body, as_=reporter)).status

    assert await behind(app[DATABASE], being_erased, report) == 404
    assert await app[DATABASE].value("select count(*) from reports") == 0


async def test_mails_that_wait_for_others_keep_their_address_and_their_parts(
    app: web.Application, factory: Factory
) -> None:
    """A user name may be a word of an address, or the name of a field."""
    person, db = await factory.person("text"), app[DATABASE]
    mail = {
        "to": "text@shop.example",
        "reply_to": person.email,
        "subject": "From text",
        "text": "Text wrote",
        "html": "text",
    }
    push = {"data": {"title": "text", "body": "Of text", "tag": "text-1"}, "text": 1}
    put = (
        "insert into outbox (topic, payload, next_attempt_at) values (%(topic)s, %(payload)s, now() + interval '1 day')"
    )
    for topic, payload in (("mail", mail), ("push", push)):
        await db.execute(put, topic=topic, payload=json.dumps(payload))
    await erase(app, person)
    waiting = {
        row["topic"]: row["payload"] for row in await db.all("select topic, payload from outbox where done_at is null")
    }
    alias = f"deleted-{person.id}"
    assert waiting["mail"] == {
        **{"to": "text@shop.example", "subject": f"From {alias}", "text": f"{alias} wrote", "html": alias}
    }
    assert waiting["push"] == {"data": {"title": alias, "body": f"Of {alias}", "tag": "text-1"}, "text": 1}


async def test_a_name_that_is_digits_or_a_field_leaves_documents_readable(
    api: Api, app: web.Application, factory: Factory
) -> None:
    person, other, db = await factory.person("1000"), await factory.person(), app[DATABASE]
    chat = await opened(api, other, person)
    data = {"conversation_id": chat, "offer_id": 1000, "price": "1000.00", "title": "For 1000"}
    await db.execute(
        "insert into notifications (id, account_id, kind, data, subject, subject_id, created_at)"
        " values (1, %(id)s, 'offer_declined', %(data)s, 'conversation', %(chat)s, now())",
        **{"id": other.id, "data": json.dumps(data), "chat": chat},
    )
    await erase(app, person)
    alias = f"deleted-{person.id}"
    assert await db.value("select data from notifications where id = 1") == {**data, "title": f"For {alias}"}
    options = [{"id": None, "name": "Price", "description": "By price", "price": 1000}]
    redacted = "select redacted_json(%(options)s::jsonb, array['price', '1000'], %(alias)s)"
    assert await db.value(redacted, options=json.dumps(options), alias=alias) == [
        {"id": None, "name": alias, "description": f"By {alias}", "price": 1000}
    ]


async def test_mails_to_an_address_that_another_account_has_now_are_kept(
    app: web.Application, factory: Factory
) -> None:
    person, heir, db = await factory.person(), await factory.person(email="handed-on@shop.example"), app[DATABASE]
    await db.execute(
        "insert into contact_changes (account_id, field, old_value, digest, changed_at, expires_at)"
        " values (%(id)s, 'email', %(email)s, 'x', now(), now())",
        **{"id": person.id, "email": heir.email},
    )
    mail = {"to": heir.email, "subject": "x", "text": heir.email, "html": "x"}
    put = "insert into outbox (topic, payload, next_attempt_at) values ('mail', %(mail)s, now() + interval '1 day')"
    await db.execute(put, mail=json.dumps(mail))
    await erase(app, person)
    assert await db.value("select payload from outbox where done_at is null and topic = 'mail'") == mail


async def test_two_processes_erase_an_account_once(app: web.Application, factory: Factory, api: Api) -> None:
    people = [await factory.person() for _ in range(3)]
    for person in people:
        await app[ERASURES].request_for(person.id, BY_LETTER)
    await app[DATABASE].execute("update erasures set due_at = now()")
    done = await asyncio.gather(*(app[ERASURES].erase_next() for _ in range(6)))
    while await app[ERASURES].erase_next():
        pass
    assert sum(done) <= 3
    entries = await app[AUDIT].entries(actor(people[0], "owner"), Filters(action="account_erased"), _page())
    assert sorted(entry.event.subject for entry in entries.rows) == [f"account:{one.id}" for one in people]
    assert await app[AUDIT].verify() == []


def _page() -> Any:
    from mystar.kit.web.pagination import PageRequest

    return PageRequest(size=50)


async def test_a_redacted_entry_cannot_be_replaced_by_another(app: web.Application, factory: Factory, api: Api) -> None:
    people = await SamplePeople(app, api, factory).create()
    await erase(app, people.creator)
    database = app[DATABASE]
    redacted = await database.value("select id from audit_entries where redaction_number is not null limit 1")
    assert await app[AUDIT].verify() == []
    await database.execute(
        'update audit_entries set details = \'{"before": "x"}\', redaction_number = redaction_number + 1'
        " where id = %(id)s",
        id=redacted,
    )
    (found,) = await app[AUDIT].verify()
    assert found.entry_id == redacted
