import aiohttp
import pytest

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
            "/sandbox/faults",
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
    assert "1500.50 ₽" in page


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


async def test_a_lever_that_is_not_allowed_says_why(sandbox: Sandbox) -> None:
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
