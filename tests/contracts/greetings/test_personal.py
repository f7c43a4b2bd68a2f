"""The personal page of a customer or a star (docs/dialects/greetings.md, D1)."""

from __future__ import annotations

import uuid
from datetime import date

from aiohttp import FormData

from mystar.kit.postgres.database import Database
from tests.conftest import Api
from tests.factory import PASSWORD, Factory, picture
from tests.sandbox_process import SandboxProcess


async def test_personal_data_of_a_customer(api: Api, factory: Factory) -> None:
    person = await factory.person("divier", phone="9161583866", birth_date=date(1999, 8, 5), first_name="Иван")
    expected = {
        "id": person.id,
        "username": "divier",
        "phone": 9161583866,
        "email": person.email,
        "avatar": None,
        "first_name": "Иван",
        "last_name": "",
        "locale": "ru",
        "time_zone": None,
        "date_of_birth": "1999-08-05",
    }
    for options in (
        {},
        {"params": {"is_star": "false", "user_id": person.id}},
        {"json": {"user_id": str(person.id), "is_star": False}},
    ):
        answer = await api.get("/api/personal/", as_=person, **options)
        assert answer.status == 200
        assert await answer.json() == expected


async def test_personal_data_of_a_star(api: Api, factory: Factory) -> None:
    star, fan = await factory.star("Баста", phone="7779995656", first_name="Василий"), await factory.person()
    await api.post("/api/star/like/", {"star_id": star.id, "cust_id": fan.id}, as_=fan)
    form = FormData()
    form.add_field("image", picture(), filename="me.jpg")
    uploaded = await api.post("/api/upload/avatar/", data=form, as_=star)
    avatar = (await uploaded.json())["image"].removeprefix("/media/")
    answer = await api.get("/api/personal/", params={"is_star": "true", "user_id": star.id}, as_=star)
    assert await answer.json() == {
        "id": star.id,
        "username": "Баста",
        "phone": 7779995656,
        "email": star.email,
        "avatar": avatar,
        "first_name": "Василий",
        "last_name": "",
        "locale": "ru",
        "time_zone": None,
        "likes": 1,
    }
    entered = await (await api.post("/api/login/", {"login": star.email, "password": PASSWORD})).json()
    assert entered["avatar"] == avatar


async def test_personal_data_of_other_accounts_is_refused(api: Api, factory: Factory) -> None:
    person, other = await factory.person(), await factory.person()
    assert (await api.get("/api/personal/", as_=person, params={"user_id": other.id})).status == 403
    assert (await api.get("/api/personal/", as_=person, json={"user_id": other.id})).status == 403
    assert (await api.put("/api/personal/", {"id": other.id, "first_name": "Зло"}, as_=person)).status == 403
    assert (await (await api.get("/api/personal/", as_=other)).json())["first_name"] == ""


async def test_an_invalid_is_star_is_refused(api: Api, factory: Factory) -> None:
    person = await factory.person()
    for options in ({"params": {"is_star": "maybe"}}, {"json": {"is_star": "maybe"}}):
        answer = await api.get("/api/personal/", as_=person, **options)
        assert answer.status == 400
        assert list(await answer.json()) == ["is_star"]


async def test_the_personal_page_can_be_changed(api: Api, factory: Factory) -> None:
    person = await factory.person(phone="9161583866")
    page = await (await api.get("/api/personal/", as_=person)).json()
    page |= {
        "username": "Новое имя",
        "first_name": "Анна",
        "last_name": "Ли",
        "phone": 1,
        "date_of_birth": "1990-01-01",
    }
    answer = await api.put("/api/personal/", page, as_=person)
    assert (answer.status, await answer.json()) == (200, 201)
    changed = await (await api.get("/api/personal/", as_=person)).json()
    assert changed == {**page, "phone": 9161583866, "date_of_birth": None}


async def test_a_taken_name_is_refused_in_the_body(api: Api, factory: Factory) -> None:
    person, other = await factory.person(), await factory.person("Баста")
    for change in ({"username": "БАСТА"}, {"email": other.email.upper()}):
        answer = await api.put("/api/personal/", change, as_=person)
        assert (answer.status, await answer.json()) == (200, [["Это поле должно быть уникально."], 400])
    answer = await api.put("/api/personal/", {"username": "89161234567"}, as_=person)
    assert (await answer.json())[1] == 400
    answer = await api.put("/api/personal/", {"username": ["x"]}, as_=person)
    assert (answer.status, list(await answer.json())) == (400, ["username"])
    assert (await (await api.get("/api/personal/", as_=person)).json())["username"] == person.username


async def test_a_new_email_must_be_confirmed_and_the_old_one_gets_a_mail(
    api: Api, sandbox_process: SandboxProcess, db: Database
) -> None:
    old, new = f"{uuid.uuid4().hex}@example.net", f"{uuid.uuid4().hex}@example.net"
    draft = {"username": "olga", "email": old, "password": PASSWORD}
    await api.post("/api/registration/", draft)
    (old_link,) = (await sandbox_process.wait_for_mail(old))["links"]
    token = (await (await api.post("/api/login/", draft)).json())["token"]

    answer = await api.put("/api/personal/", {"email": new}, headers={"Authorization": token})

    assert await answer.json() == 201
    told = await sandbox_process.wait_for_mail(old, "адрес почты изменён")
    assert new in told["text"]
    assert (await api.get(old_link)).status == 404
    assert not await db.value("select email_verified_at from accounts")
    (link,) = (await sandbox_process.wait_for_mail(new))["links"]
    assert (await api.get(link)).status == 200
    assert (await api.post("/api/login/", {"login": new, "password": PASSWORD})).status == 201
