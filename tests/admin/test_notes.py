"""Notes of the staff: written alone or with an action, read by staff only, never changed."""

from __future__ import annotations

import io
import zipfile

import pytest
from aiohttp import web

from mystar.kit.keys import DATABASE
from mystar.kit.postgres.errors import ConstraintViolated
from mystar.orders.keys import ORDERS
from mystar.privacy.keys import ERASURES, EXPORT_BUILDER, EXPORTS
from tests.admin.conftest import AsRole, Panel
from tests.conftest import Api
from tests.factory import Factory, actor


async def test_notes_are_written_with_actions_found_by_person_and_read_by_staff_only(
    api: Api, app: web.Application, factory: Factory, operator: Panel, as_role: AsRole
) -> None:
    star, buyer = await factory.star(), await factory.person("Anna")
    order_id = await factory.order(buyer, star)
    path = f"/admin/orders/{order_id}/"
    await operator.do(f"{path}notes/", note="Звонила дважды")
    await operator.do(f"{path}cancel/", reason="Звезда заболела", note="Обещали скидку <b>")
    await operator.do(f"/admin/accounts/{(await factory.person()).id}/block/", note="До выяснения")
    await operator.do("/admin/services/1/notes/", note="Проверить цену")
    # An action that is refused leaves no note, and a note no action.
    assert (await operator.post(f"{path}cancel/", reason="", note="Ещё раз")).status == 409
    for wrong in ("", " ", "x" * 4001):
        assert (await operator.post(f"{path}notes/", note=wrong)).status == 422
    assert (await operator.post("/admin/orders/999/notes/", note="x")).status == 404
    rows = await app[DATABASE].all("select text, author_id from staff_notes order by id")
    assert [one["text"] for one in rows] == ["Звонила дважды", "Обещали скидку <b>", "До выяснения", "Проверить цену"]
    assert {one["author_id"] for one in rows} == {operator.person.id}

    another = await factory.order(buyer, await factory.star())
    page = await operator.page(path)
    assert "Обещали скидку &lt;b&gt;" in page
    assert "прочтут покупатель и креатор" in await operator.page(f"/admin/orders/{another}/")
    assert "Обещали скидку" in await operator.page(f"/admin/accounts/{star.id}/")
    found = await operator.page("/admin/notes/?q=ann")
    assert "Звонила дважды" in found
    assert "Проверить цену" not in found

    viewer = await as_role("viewer")
    assert "Звонила дважды" in await viewer.page(path)
    assert (await viewer.post(f"{path}notes/", note="x")).status == 403
    for as_ in (buyer, star):
        for address in (f"/api/v1/orders/{order_id}/", f"/api/v1/orders/{order_id}/history/", "/api/v1/notifications/"):
            assert "скидку" not in await (await api.get(address, as_=as_)).text()


async def test_notes_are_never_changed_in_no_export_and_erased_with_the_person(
    app: web.Application, factory: Factory, operator: Panel
) -> None:
    anna, star = await factory.person("Annabella"), await factory.star()
    order_id = await factory.order(anna, star)
    await app[ORDERS].cancel(actor(anna), order_id)
    await operator.do(f"/admin/accounts/{anna.id}/notes/", note="Грубит")
    await operator.do(f"/admin/orders/{order_id}/notes/", note="Annabella просила скидку")
    database = app[DATABASE]
    for statement in ("update staff_notes set created_at = now()", "delete from staff_notes"):
        with pytest.raises(ConstraintViolated, match="staff_notes_append_only"):
            await database.execute(statement)

    await app[EXPORTS].request_by_staff(actor(operator.person, "operator"), anna.id, "letter")
    await app[EXPORT_BUILDER].build_next()
    export = await app[EXPORTS].latest(anna.id)
    assert export is not None
    async with app[EXPORTS].archive(export) as pieces:
        archive = zipfile.ZipFile(io.BytesIO(b"".join([piece async for piece in pieces])))
    assert not [name for name in archive.namelist() if "Грубит" in archive.read(name).decode(errors="ignore")]

    await app[ERASURES].request_by_staff(actor(operator.person, "operator"), anna.id, "letter")
    await app[ERASURES].erase_now(anna.id)
    texts = [one["text"] for one in await database.all("select text from staff_notes order by id")]
    assert texts == ["", f"deleted-{anna.id} просила скидку"]
