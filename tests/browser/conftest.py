"""A headless Chromium that meets the service as people do."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright

from mystar.app import create_app
from mystar.settings import Settings
from tests.api_server import ApiTestServer
from tests.conftest import Api
from tests.factory import Factory, Person
from tests.sandbox_process import SandboxProcess

_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
#: No sandbox, since CI is root; the rest keeps Chromium from calling home and from drawing on hardware.
_ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required"),
)
#: Pixels: a phone and a desk.
WIDTHS = (390, 1280)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            # Playwright belongs to the event loop that started it.
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The installed program; Playwright brings none of its own."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        pytest.skip("no Chromium is installed (apt-get install chromium-headless-shell)")
    return found


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium: str) -> AsyncIterator[Browser]:
    """One process for the session; every test opens contexts of its own, which share neither cookies nor storage."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=_ARGUMENTS)
        yield browser
        await browser.close()


@dataclass
class Tab:
    """A page and everything unpleasant that it said: errors of scripts, of the console, requests without an answer."""

    page: Page
    pictures: str | None
    complaints: list[str] = field(default_factory=list)

    def hear(self, line: ConsoleMessage) -> None:
        if line.type == "error":
            self.complaints.append(line.text)

    async def show(self, name: str) -> None:
        """At every width nothing may stick out to the right. Pictures are taken where ``BROWSER_PICTURES`` says."""
        for width in WIDTHS:
            await self.page.set_viewport_size({"width": width, "height": 800})
            if self.pictures:
                await self.page.screenshot(path=f"{self.pictures}/{name}-{width}.png", full_page=True)
            surplus = await self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            assert surplus <= 0, f"{name} is {surplus} pixels wider than a window of {width}"


@pytest_asyncio.fixture(loop_scope="session")
async def tab(browser: Browser) -> AsyncIterator[Tab]:
    """A tab; at the end it must have had nothing to complain about that the test has not taken off the list."""
    page = await browser.new_page(locale="ru-RU", viewport={"width": WIDTHS[-1], "height": 800})
    page.set_default_timeout(15_000)
    tab = Tab(page, os.environ.get("BROWSER_PICTURES"))
    page.on("console", tab.hear)
    page.on("pageerror", lambda error: tab.complaints.append(str(error)))
    page.on("requestfailed", lambda request: tab.complaints.append(f"{request.url}: {request.failure}"))
    yield tab
    complaints = list(tab.complaints)
    await page.close()
    assert complaints == []


@pytest_asyncio.fixture(loop_scope="session")
async def app(settings: Settings) -> web.Application:
    return await create_app(settings, settings.database.url)


@pytest_asyncio.fixture(loop_scope="session")
async def api(app: web.Application, settings: Settings) -> AsyncIterator[Api]:
    server = ApiTestServer(app, host="127.0.0.1", port=settings.http.port)
    async with TestClient(server) as client:
        yield Api(client)


@pytest_asyncio.fixture(loop_scope="session")
async def sandbox(sandbox_process: SandboxProcess, api: Api) -> AsyncIterator[SandboxProcess]:
    """The session's, with an empty mailbox."""
    await sandbox_process.reset()
    await sandbox_process.set_webhook(f"{api.url}/payments/notifications/")
    yield sandbox_process
    await sandbox_process.reset()


@pytest_asyncio.fixture(loop_scope="session")
async def customer(factory: Factory) -> Person:
    return await factory.person("olga")


@pytest_asyncio.fixture(loop_scope="session")
async def star(factory: Factory) -> Person:
    return await factory.star("comet")
