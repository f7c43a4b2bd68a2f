"""The API's own documents, and videos where people see them."""

from __future__ import annotations

import functools

import pytest
from PIL import Image
from playwright.async_api import Page, expect

from mystar.demo.videos import SECONDS, Video, greeting
from tests.browser.conftest import Tab
from tests.conftest import Api
from tests.factory import Person
from tests.greeting_journey import decide, form, mails_about, ok, pay_like_a_browser, place, status_is
from tests.sandbox_process import SandboxProcess
from tests.waiting import eventually


@functools.cache
def film() -> Video:
    return greeting(Image.radial_gradient("L").convert("RGB"))


async def test_swagger_shows_the_operations_of_a_tag(api: Api, tab: Tab) -> None:
    """Of one tag, since the page takes seconds of a processor to show all."""
    document = await ok(await api.get("/api/docs/openapi.json"))
    operations = [one for path in document["paths"].values() for key, one in path.items() if key != "parameters"]
    tag = "greetings: orders"

    page = tab.page
    await page.goto(f"{api.url}/swagger/")
    # The page builds all operations before it shows the first.
    await page.locator(".opblock-tag").first.wait_for(timeout=60_000)
    await expect(page.locator(".opblock-tag")).to_have_count(len(document["tags"]))
    await tab.show("swagger")
    await page.locator(f'.opblock-tag[data-tag="{tag}"]').click()
    await expect(page.locator(".opblock")).to_have_count(sum(tag in one["tags"] for one in operations))

    await page.locator(".opblock", has_text="/api/order/").first.click()
    await expect(page.get_by_text("Idempotency-Key").first).to_be_visible()
    await tab.show("swagger-operation")


async def test_the_hello_video_of_a_star_plays(api: Api, star: Person, tab: Tab) -> None:
    fields = {"star_id": star.id, "video_hi": (f"hi.{film().extension}", film().data)}
    await ok(await api.post("/api/upload/video/hi/", data=form(fields), as_=star), 201)
    (shown,) = await ok(await api.get("/api/star/getlist/"), 201)

    await tab.page.set_content(f'<video src="{api.url}{shown["video"]}" muted autoplay></video>')
    await require_codec(tab.page)
    await plays(tab.page)
    # Seeking makes the browser ask for a range from the middle.
    await tab.page.evaluate("video => video.currentTime = 1.5", await tab.page.query_selector("video"))
    await tab.page.wait_for_function("() => { const v = document.querySelector('video'); return !v.seeking; }")


async def test_a_customer_plays_the_greeting_by_the_mailed_link(
    api: Api, sandbox: SandboxProcess, customer: Person, star: Person, tab: Tab
) -> None:
    order_id = await place(api, customer, star)
    await pay_like_a_browser(api, customer, order_id, "pay")
    await eventually(lambda: status_is(api, customer, order_id, 2))
    await ok(await decide(api, star, order_id, "accept"), 201)
    fields = {"star_id": star.id, "order_id": order_id, "video_con": (f"mum.{film().extension}", film().data)}
    await ok(await api.post("/api/upload/congritulatoin/", data=form(fields), as_=star), 201)
    mail = await eventually(lambda: mails_about(sandbox, customer, "/api/order/video/"))
    assert mail is not None

    await tab.page.goto(f"{sandbox.http}/mail/{mail['id']}/")
    await require_codec(tab.page)
    await tab.show("mail")
    await tab.page.locator("a.link", has_text="/api/order/video/").first.click()
    await tab.page.locator("video").wait_for()
    await plays(tab.page)


async def require_codec(page: Page) -> None:
    kind = {"mp4": 'video/mp4; codecs="avc1.42E01E"', "webm": 'video/webm; codecs="vp8"'}[film().extension]
    if not await page.evaluate("kind => document.createElement('video').canPlayType(kind)", kind):
        pytest.skip(f"this Chromium plays no {kind}")


async def plays(page: Page) -> None:
    await page.wait_for_function("() => document.querySelector('video').currentTime > 0.2")
    ready, duration = await page.evaluate("(v => [v.readyState, v.duration])(document.querySelector('video'))")
    assert ready >= 2
    assert duration == pytest.approx(SECONDS, abs=0.2)
