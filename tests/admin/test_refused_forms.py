"""A form that is refused stays where it was, with what was typed and the words beside the field."""

from __future__ import annotations

import html
import inspect
import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlsplit

from aiohttp import web

from mystar.kit.keys import DATABASE
from mystar.kit.web.refilled_forms import Refusal, refill
from tests.admin.conftest import Panel, submit_sign_in
from tests.admin.test_access import ACTIONS, address
from tests.conftest import Api
from tests.factory import Factory

#: Text that no field takes.
BAD = "typed\x01words"
_OWN = {"Sec-Fetch-Site": "same-origin"}
#: Answered to scripts only, or nothing that can be refused.
NOT_FORMS = re.compile(r"/options/$|/sign-out/$")


@dataclass
class FormOnPage:
    page: str
    attributes: Mapping[str, str | None]
    fields: dict[str, list[dict[str, str | None]]] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)

    @property
    def action(self) -> str:
        return urlsplit(self.attributes.get("action") or self.page).path


class Forms(HTMLParser):
    """The forms of a page, its ids and its links within the panel."""

    def __init__(self, page: str, text: str) -> None:
        super().__init__()
        self.page, self.forms, self.ids, self.links = page, [], set(), []  # type: ignore[var-annotated]
        self._open: FormOnPage | None = None
        self._area: dict[str, str | None] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids.add(given.get("id"))
        if tag == "form":
            self._open = FormOnPage(self.page, given)
            self.forms.append(self._open)
        elif tag in ("input", "textarea", "select") and self._open and given.get("name"):
            self._open.fields.setdefault(str(given["name"]), []).append({**given, "tag": tag, "text": ""})
            self._area = self._open.fields[str(given["name"])][-1] if tag != "input" else None
        elif tag == "option" and self._area is not None:
            if "selected" in given or not self._area["text"]:
                self._area["text"] = given.get("value") or ""
            self._area["last"] = given.get("value") or ""
        elif tag == "a" and (given.get("href") or "").startswith("/admin/"):
            self.links.append(str(given["href"]))

    def handle_data(self, data: str) -> None:
        if self._area is not None and self._area["tag"] == "textarea":
            self._area["text"] = (self._area["text"] or "") + data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        if tag in ("select", "textarea"):
            self._area = None


async def crawl(panel: Panel) -> AsyncIterator[Forms]:
    """Every page of the panel that links lead to; of lists and objects of a kind the first two."""
    waiting, seen, kinds = ["/admin/", "/admin/security/"], set(), {}  # type: ignore[var-annotated]
    while waiting:
        path = waiting.pop(0)
        kind = re.sub(r"\d+", "0", path.split("?")[0])
        if path in seen or kinds.get(kind, 0) >= 2 or path.startswith(("/admin/language/", "/admin/static/")):
            continue
        seen.add(path)
        kinds[kind] = kinds.get(kind, 0) + 1
        answer = await panel.get(path)
        if answer.status == 200 and answer.content_type == "text/html":
            found = Forms(path, await answer.text())
            waiting += found.links
            yield found


async def world(app: web.Application, factory: Factory) -> None:
    """Orders whose pages have as many actions as there can be."""
    star = await factory.star()
    held, disputed = (
        await factory.order(await factory.person(), star),
        await factory.order(await factory.person(), star),
    )
    database = app[DATABASE]
    await database.execute("update orders set status = 'disputed', money = 'captured' where id = %(id)s", id=disputed)
    await database.execute("update orders set status = 'in_progress', money = 'held' where id = %(id)s", id=held)


def filled_in(form: FormOnPage) -> dict[str, str]:
    """Something for every field; what can be typed into is wrong."""
    values = {}
    for name, controls in form.fields.items():
        control, kind = controls[0], controls[0].get("type") or "text"
        if control["tag"] == "select":
            values[name] = str(control.get("last") or "")
        elif kind == "hidden":
            values[name] = control.get("value") or ""
        elif kind not in ("checkbox", "radio", "file", "password", "date"):
            values[name] = BAD
    return values


def shown_value(form: FormOnPage, name: str) -> str | None:
    control = form.fields[name][0]
    return control["text"] if control["tag"] in ("textarea", "select") else control.get("value")


def check(form: FormOnPage, sent: Mapping[str, str], answer: str) -> None:
    """The answer has the form with what was typed, and a message that belongs to it."""
    found = Forms(form.page, answer)
    (again,) = [one for one in found.forms if one.action == form.action and one.fields.keys() >= form.fields.keys()][:1]
    for name, value in sent.items():
        kind = form.fields[name][0].get("type")
        if kind != "hidden" and name not in ("code", "password", "credential"):
            assert (shown_value(again, name) or "").removeprefix("\n") == value, (form.action, name)
    described = [str(again.attributes.get("aria-describedby"))] if "hidden" not in again.attributes else ["refused"]
    for controls in again.fields.values():
        described += [str(one.get("aria-describedby")) for one in controls if one.get("aria-invalid") == "true"]
    assert all(set(ids.split()) <= found.ids for ids in described), (form.action, described)
    if BAD in sent.values() and "hidden" not in form.attributes:
        assert len(described) > 1, (form.action, answer)
    assert 'role="alert" id="refused"' in answer, form.action


async def test_every_form_of_the_panel_is_shown_again(
    app: web.Application, api: Api, factory: Factory, owner: Panel
) -> None:
    await world(app, factory)
    met: dict[str, FormOnPage] = {}
    async for page in crawl(owner):
        for form in page.forms:
            if form.attributes.get("method") == "post" and not NOT_FORMS.search(form.action):
                met.setdefault(re.sub(r"\d+", "0", form.action), form)
    assert len(met) > 20
    for form in met.values():
        sent = filled_in(form)
        if BAD not in sent.values() or "hidden" in form.attributes:
            sent["form_token"] = "0" * 40
        answer = await owner.post(form.action, headers={**_OWN, "Referer": f"{api.url}{form.page}"}, **sent)
        assert answer.status in (401, 403, 422), (form.action, answer.status, await answer.text())
        check(form, {name: value for name, value in sent.items() if name != "form_token"}, await answer.text())
    # Actions whose form is not on a page now: the page says why, and shows what was typed.
    for route in ACTIONS:
        path = address(route)
        if re.sub(r"\d+", "0", path) in met or NOT_FORMS.search(path) or route.name == "admin.studio-order-process":
            continue
        answer = await owner.post(path, headers=_OWN, form_token="0" * 40, reason="a long reason")
        text = await answer.text()
        assert (answer.status, 'role="alert"' in text or "a long reason" in text) == (403, True), path


async def test_a_form_finds_its_page_without_a_referer_and_after_its_session(
    api: Api, factory: Factory, owner: Panel
) -> None:
    person = await factory.person()
    path = f"/admin/accounts/{person.id}/"
    refused = await owner.post(f"{path}export/", reason="x" * 101)
    page = await refused.text()
    assert (refused.status, '<details class="confirm " open>' in page) == (422, True), page
    assert 'aria-invalid="true" aria-describedby="refused-reason" autofocus' in page
    assert "Не длиннее 100 символов." in page
    # The second try knows the page by the form itself, with its query.
    refused = await owner.post("/admin/tags/", name="", headers={"Referer": f"{api.url}/admin/tags/?q=rap&done=1"})
    page = await refused.text()
    assert ('name="form_page" value="/admin/tags/?q=rap"' in page, "Готово." in page) == (True, False)
    elsewhere = {"Referer": "https://evil.example/admin/security/"}
    again = await (await owner.post("/admin/tags/", name="", form_page="/admin/tags/?q=rap", headers=elsewhere)).text()
    assert 'name="form_page" value="/admin/tags/?q=rap"' in again
    # A download is no page; it would be sent in front of the answer.
    for no_page in ("/admin/tags/csv/", "/admin/accounts/csv/?q=a"):
        refused = await owner.post("/admin/tags/", name="", form_page=no_page)
        assert (refused.status, refused.content_type) == (422, "text/html")
    # Programs are answered as before.
    told = await owner.post("/admin/tags/", name="", headers={"Accept": "application/json"})
    assert (told.status, told.content_type) == (422, "application/json")

    # The session has ended: the sign-in form keeps what was typed, and shows it after the sign-in.
    cookie, owner.cookie = owner.cookie, "ended"
    asked = await owner.post(f"{path}export/", reason="Letter <of> 12 May", headers=_OWN)
    page = await asked.text()
    (kept,) = {html.unescape(one) for one in re.findall(r'name="kept" value="([^"]+)"', page)}
    assert (asked.status, 'name="password"' in page) == (401, True)
    assert json.loads(kept)["action"] == f"{path}export/"
    assert (await owner.post(f"{path}export/", reason="x")).status == 401
    signed_in = await submit_sign_in(api, owner.person.email, owner.person.password, next=path, kept=kept)
    page = await signed_in.text()
    assert (signed_in.status, "Letter &lt;of&gt; 12 May" in page) == (200, True)
    owner.cookie = signed_in.cookies["mystar_admin"].value
    token = Forms(path, page).forms[-1].fields["form_token"][0]["value"]
    assert await owner.do(f"{path}export/", reason="Letter", form_token=token) == path
    owner.cookie = cookie


def test_a_page_is_filled_in_without_trusting_what_was_typed() -> None:
    page = (
        '<main><form action="/a"><label>A <input name="a" value="old"></label><textarea name="b">old &amp;</textarea>'
        '<select name="c"><option value="1" selected>x<option value="2">y</select>'
        '<input type="checkbox" name="d" value="yes" checked><input type="password" name="p"></form></main>'
    )
    values = {"a": ['"><script>'], "b": ["</textarea><b>"], "c": ["2"], "p": ["secret"]}
    filled = refill(page, Refusal("/a", values, "No <b>", {"a": ["bad <i>"]}))
    assert '<input name="a" value="&quot;&gt;&lt;script&gt;" aria-invalid="true" ' in filled
    assert '<textarea name="b">\n&lt;/textarea&gt;&lt;b&gt;</textarea>' in filled
    assert '<option value="1">x<option value="2" selected>y' in filled
    assert '<input type="checkbox" name="d" value="yes">' in filled
    assert "secret" not in filled
    assert '</label><span class="refused" id="refused-a">bad &lt;i&gt;</span>' in filled
    assert "No &lt;b&gt;" in filled
    # A form that is no longer there: the message is above everything.
    assert refill("<main><p></p></main>", Refusal("/a", values, "No")).startswith("<main><p class=")


def test_every_handler_of_the_panel_that_streams_says_so(app: web.Application) -> None:
    """So that no page is made of it while another answer is."""
    routes = [one for one in app.router.routes() if one.method == "GET" and one.resource is not None]
    streaming = {
        str(one.resource.name)
        for one in routes
        if one.resource is not None
        and str(one.resource.name).startswith("admin.")
        and inspect.get_annotations(inspect.unwrap(one.handler)).get("return") == "web.StreamResponse"
    }
    marked = {
        str(one.resource.name) for one in routes if one.resource is not None and hasattr(one.handler, "__streams__")
    }
    assert "admin.accounts-csv" in streaming
    assert streaming == marked
