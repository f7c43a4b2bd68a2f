import re
from html import unescape
from typing import Any

import aiohttp
import pytest
from yarl import URL

from mystar.sandbox import fault_page
from mystar.sandbox.faults import RULES, BadFaults, Faults
from tests.sandbox.conftest import Sandbox


async def test_the_front_page_links_everything(sandbox: Sandbox) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(sandbox.http) as answer:
            front = await answer.text()
            assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        for path in (
            "/mail/",
            "/mail.json",
            "/payments/",
            "/payouts/",
            "/payouts/card/",
            "/sandbox/journal.json",
            "/faults/",
            "/live/",
        ):
            assert f'href="{path}"' in front
            async with session.get(sandbox.http + path) as answer:
                assert answer.status == 200, path


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ("", "Оплатить"),
        ("ru-RU,ru;q=0.9,en;q=0.8", "Оплатить"),
        ("de", "Оплатить"),
        ("en", "Pay"),
        ("ru;q=0.5, en-US", "Pay"),
        ("en;q=nonsense", "Оплатить"),
    ],
)
async def test_the_payment_page_follows_accept_language(sandbox: Sandbox, header: str, text: str) -> None:
    payment = await sandbox.create()

    _, page, _ = await _visit(sandbox, "GET", payment["id"], headers={"Accept-Language": header})

    assert f'<button class="main" id="pay" name="action" value="pay">{text}</button>' in page
    assert 'id="decline"' in page
    assert "Заказ №7" in page
    assert ("1\N{NO-BREAK SPACE}500,50" if text == "Оплатить" else "1,500.50") + "\N{NO-BREAK SPACE}₽" in page


async def test_an_unknown_address_is_a_page_for_browsers(sandbox: Sandbox) -> None:
    async with aiohttp.ClientSession() as session:
        for accept, kind in (("text/html", "text/html"), ("application/json", "text/plain")):
            async with session.get(f"{sandbox.http}/nothing/", headers={"Accept": accept}) as answer:
                assert (answer.status, answer.content_type) == (404, kind)
                assert ("Такой страницы нет" in await answer.text()) == (kind == "text/html")


_FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "multipart/form-data"},
        {"Content-Type": f"{_FORM}; charset=unheard-of"},
        {"Content-Type": _FORM, "Content-Encoding": "gzip"},
    ],
)
async def test_a_body_that_is_not_a_form_is_refused(sandbox: Sandbox, headers: dict[str, str]) -> None:
    payment = await sandbox.create()

    answer, text, _ = await _visit(sandbox, "POST", payment["id"], data=b"action=pay", headers=headers)

    assert (answer, text) == (400, '{"error":"the body is not a form"}')
    assert (await sandbox.payments())[0]["status"] == "pending"


@pytest.mark.parametrize(("action", "status"), [("pay", "waiting_for_capture"), ("decline", "canceled")])
async def test_a_button_settles_the_payment_and_redirects_back(sandbox: Sandbox, action: str, status: str) -> None:
    payment = await sandbox.create()

    answer, _, location = await _visit(sandbox, "POST", payment["id"], data={"action": action})

    assert (answer, location) == (302, "http://shop.example/thanks?order=7")
    assert (await sandbox.payments())[0]["status"] == status


async def test_a_second_press_changes_nothing(sandbox: Sandbox) -> None:
    payment = await sandbox.create()
    await _visit(sandbox, "POST", payment["id"], data={"action": "pay"})

    answer, page, _ = await _visit(sandbox, "POST", payment["id"], data={"action": "decline"})

    assert answer == 409
    assert 'href="http://shop.example/thanks?order=7"' in page
    assert (await sandbox.payments())[0]["status"] == "waiting_for_capture"


async def test_an_unknown_button_or_payment_is_an_error(sandbox: Sandbox) -> None:
    payment = await sandbox.create()

    assert (await _visit(sandbox, "POST", payment["id"], data={"action": "steal"}))[0] == 400
    assert (await _visit(sandbox, "POST", payment["id"]))[0] == 400
    assert (await _visit(sandbox, "GET", "none"))[0] == 404
    assert (await _visit(sandbox, "POST", "none", data={"action": "pay"}))[0] == 404
    assert (await sandbox.payments())[0]["status"] == "pending"


async def test_a_description_is_escaped(sandbox: Sandbox) -> None:
    payment = await sandbox.create(description="<script>alert(1)</script>")

    _, page, _ = await _visit(sandbox, "GET", payment["id"])

    assert "<script" not in page


async def test_a_control_that_is_not_allowed_says_why(sandbox: Sandbox) -> None:
    payment = await sandbox.create()
    await sandbox.pay(payment["id"])

    with pytest.raises(AssertionError, match=r'409.*"status":"waiting_for_capture"'):
        await sandbox.pay(payment["id"])
    with pytest.raises(AssertionError, match="404"):
        await sandbox.pay("none")
    with pytest.raises(AssertionError, match="400"):
        await sandbox.call("POST", f"/sandbox/payments/{payment['id']}/decline", data=b"{")


async def _visit(sandbox: Sandbox, method: str, payment_id: str, **how: object) -> tuple[int, str, str | None]:
    async with aiohttp.ClientSession() as session:
        call = session.request(method, f"{sandbox.http}/pay/{payment_id}", allow_redirects=False, **how)
        async with call as answer:
            return answer.status, await answer.text(), answer.headers.get("Location")


async def test_the_live_page_runs_only_its_own_script(sandbox: Sandbox) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{sandbox.http}/live/", params={"service": 'http://x.example"><script>'}) as answer:
            assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
            page = await answer.text()
        async with session.get(f"{sandbox.http}/live/live.js") as answer:
            assert answer.content_type == "text/javascript"
    assert page.count("<script") == 1
    assert 'value="http://x.example&#34;&gt;&lt;script&gt;"' in page


async def test_a_test_card_decides_how_the_payment_ends(sandbox: Sandbox) -> None:
    payment = await sandbox.create()
    _, page, _ = await _visit(sandbox, "GET", payment["id"])
    assert "insufficient_funds" in page
    form = {"action": "pay", "card": "2200 0000 0000 0103"}
    answer, _, location = await _visit(sandbox, "POST", payment["id"], data=form)
    ended = (await sandbox.payments())[0]
    assert (answer, location) == (302, "http://shop.example/thanks?order=7")
    assert (ended["status"], ended["cancellation"]["reason"]) == ("canceled", "insufficient_funds")
    _, page, _ = await _visit(sandbox, "GET", payment["id"])
    assert "insufficient_funds" in page


async def test_faults_are_set_pressed_and_cleared_on_their_page(sandbox: Sandbox) -> None:
    async with aiohttp.ClientSession() as session:

        async def post(**form: str) -> tuple[int, str]:
            async with session.post(f"{sandbox.http}/faults/", data=form, allow_redirects=False) as answer:
                return answer.status, await answer.text()

        async def now() -> dict[str, Any]:
            async with session.get(f"{sandbox.http}/sandbox/faults") as answer:
                return dict(await answer.json())

        assert (await post(**{"smtp.temporary": "0.5", "delay_seconds": "[1, 2]", "down": "true"}))[0] == 303
        assert (await post(preset="lost"))[0] == 303
        settings = await now()
        assert (settings["smtp"]["temporary"], settings["delay_seconds"]) == (0.5, [1.0, 2.0])
        assert (settings["down"], settings["webhook_lost"]) == (True, 1.0)

        status, page = await post(webhook_lost="2", down="true")
        assert (status, 'value="2"' in page, "от 0 до 1" in page) == (400, True, True)
        assert '<option value="true" selected>' in page, "a switch stays one"
        # What was changed is marked, also beside a wrong field; the rest is not.
        assert page.count('class="changed"') == 4
        assert (await now()) == settings, "a refused form changes nothing"

        await post(clear="1")
        assert (await now())["down"] is False


async def test_every_fault_has_its_meaning_on_the_page() -> None:
    said = set()
    for settings in ({name: value for name, _ in fault_page.flat(RULES)} for value in ("?" * 65, -1, 101.5, 101)):
        with pytest.raises(BadFaults) as refused:
            Faults().set(fault_page._nested(settings))
        said |= set(refused.value.fields.values())
    assert said == set(fault_page.WRONG)
    assert set(fault_page.MEANINGS) == {name for name, _ in fault_page.flat(RULES)}
    assert all(set(changes) <= set(fault_page.MEANINGS) for changes, _ in fault_page.PRESETS.values())


@pytest.mark.parametrize(
    ("path", "russian", "english"),
    [
        (
            "/yandex/authorize?client_id=sandbox-yandex&redirect_uri=http://x.ru&state=%D1%84",
            "Кто вы?",
            "Who are you?",
        ),
        ("/mail/?search=%3Cb%3E%26", 'value="&lt;b&gt;&amp;"', 'value="&lt;b&gt;&amp;"'),
        ("/mail/", "Писем пока нет", "No mail yet"),
    ],
)
async def test_the_other_language_is_that_of_the_same_page(
    sandbox: Sandbox, path: str, russian: str, english: str
) -> None:
    """With what its address says: a sign-in without it has no client."""
    async with aiohttp.ClientSession() as session:
        for words, link in ((russian, "English"), (english, "Русский")):
            async with session.get(URL(sandbox.http + path, encoded=True)) as answer:
                page = await answer.text()
                assert (answer.status, words in page) == (200, True), page
            found = re.search(rf'href="([^"]+)"[^>]*>{link}<', page)
            assert found
            path = path.partition("?")[0] + unescape(found[1])


async def test_a_chosen_language_stays(sandbox: Sandbox) -> None:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        for path in ("/payments/?language=en", "/mail/"):
            async with session.get(sandbox.http + path) as answer:
                assert '<html lang="en">' in await answer.text()
