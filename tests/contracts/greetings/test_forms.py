"""What anonymous people write to the support, and the examples of the front page (docs/dialects/greetings.md#forms)."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from aiohttp import FormData

from mystar.settings import Settings
from tests.conftest import Api
from tests.factory import Factory, video
from tests.sandbox_process import SandboxProcess


@pytest.fixture
def settings(request: pytest.FixtureRequest, make_settings: Callable[..., Settings]) -> Settings:
    """A support's mailbox of this test's own; parametrize this indirectly to change more."""
    mailbox = f"support-{uuid.uuid4().hex[:10]}@example.org"
    return make_settings(MAIL__SUPPORT=mailbox, **getattr(request, "param", {}))


async def test_a_star_request_is_mailed_to_support(
    api: Api, settings: Settings, sandbox_process: SandboxProcess
) -> None:
    body = {"name": "Анна <b>Ли</b>", "phone": 89161234567, "email": "anna@example.com"}
    answer = await api.post("/api/form-request/star/", body)
    assert (answer.status, await answer.json()) == (201, ["Ваша заявка отправлена успешно."])
    mail = await sandbox_process.wait_for_mail(settings.mail.support)
    for words in ("Анна <b>Ли</b>", "+79161234567", "anna@example.com"):
        assert words in mail["text"]
    assert "<b>" not in mail["html"]


async def test_a_question_is_mailed_to_support(api: Api, settings: Settings, sandbox_process: SandboxProcess) -> None:
    body = {"username": "olga", "email": "olga@example.com", "text": "Где мой заказ?\nЖду второй день."}
    answer = await api.post("/api/support/", body)
    assert answer.status == 200
    (thanks,) = await answer.json()
    assert thanks.startswith("Спасибо")
    mail = await sandbox_process.wait_for_mail(settings.mail.support)
    assert "Жду второй день." in mail["text"]


async def test_an_incomplete_form_names_what_is_wrong(api: Api) -> None:
    for path, body, field in (
        ("/api/form-request/star/", {"phone": "89161234567", "email": "a@example.com"}, "name"),
        ("/api/form-request/star/", {"name": "Анна", "phone": "89161234567", "email": "anna"}, "email"),
        ("/api/form-request/star/", {"name": "Анна", "phone": "1", "email": "a@example.com"}, "phone"),
        ("/api/form-request/star/", {"name": {}, "phone": "89161234567", "email": "a@example.com"}, "name"),
        ("/api/support/", {"username": "olga", "email": "a@example.com", "text": " "}, "text"),
        ("/api/support/", {"username": "olga", "email": "a@b", "text": "?"}, "email"),
        ("/api/support/", {"username": "olga", "email": "a@example.com", "text": "x" * 5001}, "text"),
    ):
        answer = await api.post(path, body)
        assert answer.status == 400, body
        assert list(await answer.json()) == [field]


@pytest.mark.parametrize("settings", [{"LIMITS__ENABLED": "true", "LIMITS__ANONYMOUS_FORM": "2/hour"}], indirect=True)
async def test_support_forms_are_rate_limited(api: Api) -> None:
    body = {"username": "olga", "email": "olga@example.com", "text": "?"}
    assert [(await api.post("/api/support/", body)).status for _ in range(3)] == [200, 200, 429]


async def test_examples_have_a_text_and_videos(api: Api, factory: Factory) -> None:
    star, _ = await factory.star(), await factory.star()
    form = FormData()
    form.add_field("video_hi", video(), filename="hi.mp4")
    uploaded = await (await api.post("/api/upload/video/hi/", data=form, as_=star)).json()
    answer = await api.get("/api/example/")
    assert answer.status == 200
    body = await answer.json()
    assert body["content"]
    assert body["videos"] == [uploaded["video_hi"].removeprefix("/media/")]
