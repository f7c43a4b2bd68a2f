"""Actions of staff in the panel, and their effects."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web

from mystar.accounts.keys import ACCOUNTS, STAFF
from mystar.accounts.model import ClientInfo
from mystar.accounts.staff.service import LastOwner
from mystar.files.keys import FILES
from mystar.kit.keys import DATABASE
from mystar.orders.keys import ORDERS
from mystar.reviews.keys import REVIEWS
from tests.admin.conftest import TOKEN, Panel, sign_in
from tests.conftest import Api
from tests.factory import PASSWORD, Factory, Person, actor, picture, video
from tests.waiting import eventually

if TYPE_CHECKING:
    # Imported by pytest itself, which rewrites its assertions.
    from tests.sandbox_process import SandboxClient


async def money(app: web.Application, order_id: int) -> str:
    return str(await app[DATABASE].value("select money from orders where id = %(id)s", id=order_id))


async def captured_order(app: web.Application, factory: Factory, sandbox: SandboxClient) -> tuple[int, Person]:
    """Paid and delivered: its id and the buyer."""
    buyer, star = await factory.person(), await factory.star()
    order_id = await factory.order(buyer, star)
    await factory.hold(order_id, sandbox)
    await app[ORDERS].accept(actor(star), order_id)
    await delivered(app, star, order_id)
    await eventually(lambda: is_(app, order_id, "captured"))
    return order_id, buyer


async def delivered(app: web.Application, star: Person, order_id: int) -> None:
    async def film() -> AsyncIterator[bytes]:
        yield video()

    file = await app[FILES].receive(actor(star), film(), kinds=("video",), folder="videos", name="a.mp4", public=False)
    await app[ORDERS].deliver(actor(star), order_id, message="Готово", file_ids=[file.id])


async def is_(app: web.Application, order_id: int, state: str) -> bool:
    return await money(app, order_id) == state


async def test_a_payment_is_refunded_in_part_and_then_in_full(
    app: web.Application, factory: Factory, sandbox: SandboxClient, operator: Panel
) -> None:
    order_id, _ = await captured_order(app, factory, sandbox)
    path = f"/admin/orders/{order_id}/"
    page = await operator.page(path)
    assert "15\u00a0000\u00a0₽" in page
    seen = re.findall(r'name="seen" value="(\d+)"', page)[0]

    assert await operator.do(f"{path}refund/", amount="500,50", reason="Плохой звук", seen=seen) == path
    # The same form once more does nothing, nor does nonsense.
    assert (await operator.post(f"{path}refund/", amount="500,50", seen=seen)).status == 409
    page = await operator.page(path)
    assert "Плохой звук" in page
    assert "500,50\u00a0₽" in page
    seen = re.findall(r'name="seen" value="(\d+)"', page)[0]
    for amount in ("0", "-5", "a lot", "1e3", "0.001"):
        assert (await operator.post(f"{path}refund/", amount=amount, seen=seen)).status == 422, amount
    assert (await operator.post(f"{path}refund/", amount="20000", seen=seen)).status in (409, 422)
    assert await app[DATABASE].value("select refunded from payments") == 50_050

    await operator.do(f"{path}refund/", amount="", reason="", seen=seen)
    await eventually(lambda: is_(app, order_id, "refunded"))
    assert await app[DATABASE].value("select refunded from payments") == 1_500_000
    assert "refund" not in re.findall(rf"{path}(\w+)/", await operator.page(path))


async def test_a_hold_is_captured_or_released(
    app: web.Application, factory: Factory, sandbox: SandboxClient, operator: Panel
) -> None:
    star = await factory.star()
    taken, freed = [await factory.order(await factory.person(), star) for _ in range(2)]
    for order_id in (taken, freed):
        await factory.hold(order_id, sandbox)
    # After a dispute, so that staff have something to decide.
    await app[DATABASE].execute("update orders set status = 'disputed', delivered_at = now()")
    assert f"/admin/orders/{taken}/" in await operator.page("/admin/disputes/")

    assert await operator.do(f"/admin/orders/{taken}/capture/") == f"/admin/orders/{taken}/"
    await eventually(lambda: is_(app, taken, "captured"))
    await operator.do(f"/admin/orders/{taken}/approve/")
    await operator.do(f"/admin/orders/{freed}/cancel/", reason="Звезда заболела")
    await eventually(lambda: is_(app, freed, "released"))
    page = await operator.page(f"/admin/orders/{freed}/")
    assert "Звезда заболела" in page
    assert "Споров, которые ждут решения, нет." in await operator.page("/admin/disputes/")
    assert (await operator.post(f"/admin/orders/{freed}/approve/")).status == 409
    # The payment's own page shows where the money went.
    assert "отпуск" in await operator.page("/admin/payments/2/")
    assert await operator.do("/admin/payments/2/refresh/") == "/admin/payments/2/"


async def test_staff_cannot_decide_their_own_orders(app: web.Application, factory: Factory, operator: Panel) -> None:
    order_id = await factory.order(operator.person, await factory.star())
    assert f"/admin/orders/{order_id}/cancel/" not in await operator.page(f"/admin/orders/{order_id}/")


async def test_a_blocked_account_cannot_log_in_until_unblocked(
    api: Api, app: web.Application, factory: Factory, operator: Panel
) -> None:
    person = await factory.person()
    path = f"/admin/accounts/{person.id}/"
    assert f'action="{path}block/"' in await operator.page(path)
    assert await operator.do(f"{path}block/") == path
    assert (await api.get("/api/v1/users/me/", as_=person)).status == 401
    assert "заблокирован" in await operator.page(path)
    assert person.username in await operator.page("/admin/accounts/?blocked=yes")
    await operator.do(f"{path}unblock/")
    await app[ACCOUNTS].log_in(ClientInfo(), "market", person.email, PASSWORD)
    # Not their own account, and staff accounts only by owners.
    assert (await operator.post(f"/admin/accounts/{operator.person.id}/block/")).status == 403
    assert (await operator.post(f"/admin/accounts/{(await factory.staff('viewer')).id}/block/")).status == 403


async def test_staff_end_one_session_of_an_account(api: Api, factory: Factory, operator: Panel) -> None:
    person = await factory.person()
    page = await operator.page(f"/admin/accounts/{person.id}/")
    (path,) = re.findall(r'action="(/admin/accounts/\d+/sessions/[0-9a-f-]+/end/)"', page)
    await operator.do(path)
    assert (await api.get("/api/v1/users/me/", as_=person)).status == 401
    assert "Активных сеансов нет." in await operator.page(f"/admin/accounts/{person.id}/")
    assert (await operator.post(path)).status == 404


async def test_owners_manage_staff(api: Api, app: web.Application, factory: Factory, owner: Panel) -> None:
    made = await owner.do(
        "/admin/staff/", username="newcomer", email="new@example.com", password=PASSWORD, role="operator"
    )
    assert "newcomer" in await owner.page("/admin/staff/")
    account_id = int(made.split("/")[3])
    newcomer = await sign_in(api, Person(account_id, "newcomer", "new@example.com", PASSWORD, "", None))

    await owner.do(f"{made}role/", role="viewer")
    assert (await newcomer.get("/admin/orders/")).status == 303  # needs a new sign-in
    newcomer = await sign_in(api, newcomer.person)
    assert (await newcomer.post("/admin/accounts/1/block/")).status == 403

    await owner.do(f"{made}role/", role="")
    assert "newcomer" not in await owner.page("/admin/staff/")
    assert (await owner.post(f"{made}role/", role="emperor")).status == 422
    assert (await owner.post(f"/admin/accounts/{owner.person.id}/role/", role="viewer")).status == 403
    assert (await owner.post("/admin/staff/", username="x", password="12345", role="viewer")).status == 422


async def test_of_two_owners_who_remove_each_other_one_remains(factory: Factory, app: web.Application) -> None:
    chiefs = [actor(await factory.staff("owner"), "owner") for _ in range(2)]
    # Calls the service: over HTTP, the first request would end the other's session.
    actions = [
        app[STAFF].set_role(chief, other.id, None) for chief, other in zip(chiefs, reversed(chiefs), strict=True)
    ]
    done = await asyncio.gather(*actions, return_exceptions=True)
    assert sum(isinstance(one, LastOwner) for one in done) == 1
    assert await app[DATABASE].value("select count(*) from accounts where role = 'owner'") == 1


async def test_categories_tags_and_skills_are_edited(app: web.Application, factory: Factory, operator: Panel) -> None:
    for kind, further in (("categories", {"position": "3"}), ("tags", {}), ("skills", {"description": "Пою"})):
        made = await operator.do(f"/admin/{kind}/", name="Новое", **further)
        assert "Новое" in await operator.page(f"/admin/{kind}/?q=нов" if kind != "categories" else "/admin/categories/")
        await operator.do(made, name="Другое", **further)
        assert "<h1>Другое</h1>" in await operator.page(made)
        again = await operator.post(f"/admin/{kind}/", name="Другое", **further)
        assert again.status == 409, kind
        assert (await operator.post(made, name="", **further)).status == 422
        assert (await operator.post(made, name="x" * 300, **further)).status == 422
        assert await operator.do(f"{made}delete/") == f"/admin/{kind}/"
        await operator.page(made, 404)
        assert (await operator.post(made, name="Третье", **further)).status == 404
    refused = await operator.post(
        "/admin/categories/", name="Ещё", position="-5", headers={"Sec-Fetch-Site": "same-origin"}
    )
    assert "Введите целое число от 0 до 1000000." in await refused.text()


async def test_a_category_gets_a_picture(api: Api, app: web.Application, operator: Panel) -> None:
    def form(name: str, data: bytes) -> aiohttp.FormData:
        form = aiohttp.FormData({"form_token": operator.token, "name": "Музыка"})
        form.add_field("photo", io.BytesIO(data), filename=name)
        return form

    made = await operator._ask("POST", "/admin/categories/", data=form("note.png", picture("PNG")))
    path = made.headers["Location"].removesuffix("?done=1")
    (shown,) = re.findall(r'src="(/media/categories/[^"]+)"', await operator.page(path))
    assert (await api.get(shown)).status == 200
    # Another picture replaces it; a file of another kind does not.
    refused = await operator._ask("POST", path, data=form("note.png", b"<svg onload=alert(1)>"))
    assert refused.status in (415, 422)
    assert (await operator._ask("POST", path, data=form("b.jpeg", picture()))).status == 303
    (later,) = re.findall(r'src="(/media/categories/[^"]+)"', await operator.page(path))
    assert later != shown
    assert (await operator._ask("POST", path, data=form("b.jpeg", bytes(2_000_000)))).status == 413
    assert (await operator._ask("POST", path, data={"form_token": operator.token, "name": "Песни"})).status == 303
    assert later in await operator.page(path)


async def test_services_and_reviews_are_hidden_and_shown(
    api: Api, app: web.Application, factory: Factory, sandbox: SandboxClient, operator: Panel
) -> None:
    order_id, buyer = await captured_order(app, factory, sandbox)
    service_id = await app[DATABASE].value("select service_id from orders")
    path = f"/admin/services/{service_id}/"
    await operator.do(f"{path}listing/", is_listed="no")
    assert "скрыто нами" in await operator.page(path)
    assert f"/admin/services/{service_id}/" in await operator.page("/admin/services/?withheld=yes")
    assert await (await api.get("/api/star/getlist/")).json() == []
    await operator.do(f"{path}listing/", is_listed="yes")
    assert len(await (await api.get("/api/star/getlist/")).json()) == 1

    await app[ORDERS].approve(actor(buyer), order_id)
    review = await app[REVIEWS].write(actor(buyer), order_id, rating=2, words="Не то имя")
    path = f"/admin/reviews/{review.id}/"
    await operator.do(f"{path}listing/", is_listed="no")
    assert "Не то имя" in await operator.page("/admin/reviews/?hidden=yes")
    assert await app[DATABASE].value("select rating_count from creators") == 0
    await operator.do(f"{path}listing/", is_listed="yes")
    assert await app[DATABASE].value("select rating_count from creators") == 1
    assert (await operator.post("/admin/reviews/999/listing/", is_listed="no")).status == 404


async def test_a_creator_is_marked_as_top(app: web.Application, factory: Factory, operator: Panel) -> None:
    await factory.star()
    await operator.do("/admin/creators/1/top/", is_top="yes")
    assert "в топе" in await operator.page("/admin/creators/1/")
    assert "/admin/creators/1/" in await operator.page("/admin/creators/?top=yes")
    await operator.do("/admin/creators/1/top/", is_top="no")
    assert not await app[DATABASE].value("select is_top from creators")


async def test_outbox_messages_are_retried_and_mails_repeated(
    app: web.Application, factory: Factory, sandbox: SandboxClient, operator: Panel
) -> None:
    star = await factory.star()
    await factory.order(await factory.person(), star)
    db = app[DATABASE]

    async def sent() -> bool:
        return bool(await db.value("select done_at is not null from outbox where id = 1"))

    await eventually(sent)
    assert "Ссылки видит только получатель." in await operator.page("/admin/outbox/1/")
    repeated = await operator.do("/admin/outbox/1/repeat/")
    assert repeated != "/admin/outbox/1/"
    assert (await operator.post("/admin/outbox/1/retry/")).status == 409
    await db.execute("update outbox set done_at = null, failed_at = now(), last_error = '550' where id = 1")
    assert "Не удалось отправить" in await operator.page("/admin/")
    assert (await operator.post("/admin/outbox/1/repeat/")).status == 409
    assert await operator.do("/admin/outbox/1/retry/") == "/admin/outbox/1/"
    await eventually(sent)
    assert (await operator.post("/admin/outbox/999/retry/")).status == 404


async def test_links_of_mails_are_not_shown_to_staff(
    api: Api, app: web.Application, factory: Factory, operator: Panel
) -> None:
    person = await factory.person()
    await app[ACCOUNTS].ask_confirmation(person.email, ClientInfo())
    await api.post("/password_reset/", {"email": person.email})

    async def mails() -> list[int]:
        return [
            row["id"]
            for row in await app[DATABASE].all("select id from outbox where topic in ('mail', 'account_mail')")
        ]

    for letter_id in await eventually(mails):
        page = await operator.page(f"/admin/outbox/{letter_id}/")
        assert "https://…" in page
        assert "token" not in page.replace("form_token", "")
        assert not re.search(r"http://127[^\s\"]*[0-9a-f]{20}", page)


async def test_a_forgotten_proxy_is_logged_counted_and_shown(
    api: Api, viewer: Panel, caplog: pytest.LogCaptureFixture
) -> None:
    assert "TRUSTED_PROXIES" not in await viewer.page("/admin/")
    for number in range(3):
        await api.get("/healthz", headers={"X-Forwarded-For": f"203.0.113.{number}"})
    (warning,) = [one.getMessage() for one in caplog.records if "X-Forwarded-For" in one.getMessage()]
    assert "127.0.0.1" in warning
    assert "MYSTAR_HTTP__TRUSTED_PROXIES" in warning
    assert "mystar_http_untrusted_forwarded_total 3.0" in await (await api.get("/metrics")).text()
    assert "MYSTAR_HTTP__TRUSTED_PROXIES: 127.0.0.1" in await viewer.page("/admin/")


async def test_actions_and_refusals_are_in_the_audit_log(
    app: web.Application, factory: Factory, operator: Panel
) -> None:
    person = await factory.person()
    await operator.do(f"/admin/accounts/{person.id}/block/")
    await operator.do("/admin/tags/", name="журнал")
    assert (await operator.post("/admin/staff/")).status == 403
    assert (await operator.post(f"/admin/accounts/{person.id}/unblock/", form_token="")).status == 403
    logged = await app[DATABASE].all("select act from audit_entries where actor_id = %(id)s", id=operator.person.id)
    assert {"account_blocked", "taxonomy_added", "refused"} <= {row["act"] for row in logged}
    page = await operator.page(f"/admin/audit/?actor={operator.person.id}")
    assert f'<a href="/admin/accounts/{person.id}/">аккаунт №\u00a0{person.id}</a>' in page
    assert "<del>пусто</del> → <ins>журнал</ins>" in page
    assert TOKEN.search(page)


async def test_hiding_and_showing_differ_in_the_audit_log(
    api: Api, app: web.Application, factory: Factory, operator: Panel
) -> None:
    star, buyer = await factory.star(channel="market"), await factory.person()
    order_id = await factory.order(buyer, star)
    database = app[DATABASE]
    await database.execute("update orders set status = 'completed', completed_at = now(), accepted_at = now()")
    review = await app[REVIEWS].write(actor(buyer), order_id, rating=2, words="Не то имя")
    for value in ("no", "yes"):
        await operator.do("/admin/services/1/listing/", is_listed=value)
        await operator.do(f"/admin/reviews/{review.id}/listing/", is_listed=value)
        await operator.do("/admin/creators/1/top/", is_top={"no": "yes", "yes": "no"}[value])
    for is_active in (False, True, True):
        assert (await api.patch("/api/v1/services/1/", {"is_active": is_active}, as_=star)).status == 200
    entries = await database.all(
        "select act, subject, actor_id = %(star)s as by_star from audit_entries"
        " where act in ('hidden', 'shown', 'staff_act') order by id",
        star=star.id,
    )
    by_staff = [(one["act"], one["subject"]) for one in entries if not one["by_star"]]
    by_star = [(one["act"], one["subject"]) for one in entries if one["by_star"]]
    subjects = ("service:1", f"review:{review.id}", "creator:1")
    assert sorted(by_staff) == sorted((act, subject) for act in ("hidden", "shown") for subject in subjects)
    assert by_star == [("hidden", "service:1"), ("shown", "service:1")]
    page = await operator.page("/admin/audit/")
    for words in (
        "скрыто",
        "показано снова",
        "поднято в топ",
        "убрано из топа",
        "<del>показано</del> → <ins>скрыто нами</ins>",
    ):
        assert words in page, words


async def test_staff_export_erase_and_prove_on_behalf_of_a_person(
    app: web.Application, factory: Factory, operator: Panel
) -> None:
    person, star, buyer = await factory.person(), await factory.star(), await factory.person()
    path = f"/admin/accounts/{person.id}/"
    assert (await operator.post(f"{path}export/", reason=" ")).status == 422
    assert (await operator.post(f"{path}erase/", reason="")).status == 422
    await operator.do(f"{path}phone/", phone="8 916 123 45 67", reason="a contract")
    await operator.do(f"{path}export/", reason="a letter")
    await operator.do(f"{path}erase/", reason="a letter")
    page = await operator.page(path)
    assert "+79161234567" in page
    assert f"{path}keep/" in page
    await operator.do(f"{path}keep/")
    assert (await operator.post(f"{path}keep/")).status == 404
    order_id = await factory.order(buyer, star)
    refused = await operator.post(f"/admin/accounts/{buyer.id}/erase/", reason="a letter")
    assert refused.status == 409
    assert f"незавершённые заказы: {order_id}." in await refused.text()
    written = await app[DATABASE].all(
        "select act, details ->> 'reason' as reason, actor_id from audit_entries where subject = %(subject)s"
        " and act = any(%(acts)s::text[]) order by id",
        subject=f"account:{person.id}",
        acts=["phone_proven", "export_requested", "erasure_requested", "erasure_withdrawn"],
    )
    assert [(row["act"], row["reason"]) for row in written] == [
        ("phone_proven", "a contract"),
        ("export_requested", "a letter"),
        ("erasure_requested", "a letter"),
        ("erasure_withdrawn", None),
    ]
    assert len({row["actor_id"] for row in written} - {None, person.id}) == 1
