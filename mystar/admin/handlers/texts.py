"""Texts of mails and notifications: the owner changes them, looks at them before, and goes back to earlier ones."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from mystar.admin.access import actor_of, staff, staff_of
from mystar.admin.handlers.forms import number_field, text_field
from mystar.admin.handlers.render import action_response, page
from mystar.errors import Text
from mystar.kit.web.http import html_response
from mystar.kit.web.routes import Route, route
from mystar.texts.keys import TEXTS
from mystar.texts.library import editable, text_of
from mystar.texts.model import LANGUAGES, LONG_PARTS, LONGEST, EditableText, Group, Parts, TextUnknown, TextVersion
from mystar.texts.samples import Preview
from mystar.texts.samples import preview as sample

_NAME = r"{name:[a-z_]{1,40}\.[a-z_]{1,40}}"
#: Of the mail itself, which brings its styles; nothing else is loaded or run.
_MAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
_MAX_ID = 2**63 - 1
_GROUPS: Mapping[Group, Text] = {
    Group.ORDERS: Text("Письма о заказах и деньгах", "Mails about orders and money"),
    Group.SENTENCES: Text("Предложения этих писем и слова на их кнопках", "Sentences and buttons of these mails"),
    Group.ACCOUNTS: Text("Письма об аккаунте", "Mails about the account"),
    Group.STAFF: Text("Письма сотрудникам", "Mails to the staff"),
    Group.NOTIFICATIONS: Text("Уведомления на сайте и push", "Notifications on the site, and push"),
}


@staff("viewer")
async def show_all(request: web.Request) -> web.Response:
    changed = await request.app[TEXTS].current(actor_of(request))
    groups = [(title, [one for one in editable().values() if one.group is group]) for group, title in _GROUPS.items()]
    return page(request, "texts.html", groups=groups, count=len(editable()), changed=changed)


@staff("viewer")
async def show(request: web.Request) -> web.Response:
    """:raises TextUnknown:"""
    text = text_of(request.match_info["name"])
    return await _page(request, text, _said(text, await _held(request, text)))


async def _held(request: web.Request, text: EditableText) -> TextVersion | None:
    return (await request.app[TEXTS].current(actor_of(request))).get(text.name)


def _said(text: EditableText, version: TextVersion | None) -> Parts:
    """What holds; a part that an older version does not have is the built-in one."""
    parts = (version.parts if version else None) or {}
    return {language: {**text.built_in[language], **parts.get(language, {})} for language in LANGUAGES}


async def _page(
    request: web.Request, text: EditableText, parts: Parts, preview: Mapping[str, Preview] | None = None
) -> web.Response:
    history = await request.app[TEXTS].history(actor_of(request), text.name)
    return page(
        request,
        "text.html",
        text=text,
        group=_GROUPS[text.group],
        parts=parts,
        history=history,
        seen=history[0].id if history else 0,
        longest=LONGEST,
        long_parts=LONG_PARTS,
        is_mail=bool(sample(text.name)["ru"].html),
        preview=preview,
    )


async def _typed(request: web.Request, text: EditableText) -> Parts:
    return {
        language: {
            part: await text_field(request, f"{language}_{part}", max_length=LONGEST[part], min_length=1)
            for part in text.parts
        }
        for language in LANGUAGES
    }


async def _seen(request: web.Request) -> int | None:
    """The version that the page showed; of scripts nothing is asked."""
    return await number_field(request, "seen", max_value=_MAX_ID) if staff_of(request).by_cookie else None


@staff("owner", is_sensitive=True)
async def save(request: web.Request) -> web.Response:
    """:raises TextUnknown: :raises Invalid: by field. :raises TextChangedMeanwhile:"""
    text = text_of(request.match_info["name"])
    parts, seen = await _typed(request, text), await _seen(request)
    await request.app[TEXTS].save(actor_of(request), text.name, parts, seen=seen)
    return action_response(request, f"/admin/texts/{text.name}/")


@staff("owner")
async def preview(request: web.Request) -> web.Response:
    """What was typed, in both languages; nothing is saved. :raises TextUnknown: :raises Invalid:"""
    text = text_of(request.match_info["name"])
    parts = await _typed(request, text)
    return await _page(request, text, parts, sample(text.name, parts))


@staff("viewer")
async def show_mail(request: web.Request) -> web.Response:
    """The mail as it is sent now, with sample values. :raises TextUnknown: also of what is no mail."""
    text = text_of(request.match_info["name"])
    html = sample(text.name, _said(text, await _held(request, text)))[request.match_info["language"]].html
    if not html:
        raise TextUnknown
    return html_response(html, headers={"Content-Security-Policy": _MAIL_POLICY})


@staff("owner", is_sensitive=True)
async def restore(request: web.Request) -> web.Response:
    """:raises TextUnknown: :raises Invalid: the version does not fit what is built in by now.
    :raises TextChangedMeanwhile:
    """
    text = text_of(request.match_info["name"])
    version, seen = await number_field(request, "version", max_value=_MAX_ID), await _seen(request)
    await request.app[TEXTS].restore(actor_of(request), text.name, version, seen=seen)
    return action_response(request, f"/admin/texts/{text.name}/")


_TEXT = f"/admin/texts/{_NAME}/"
ROUTES: tuple[Route, ...] = (
    route("GET", "/admin/texts/", show_all, "admin.texts", documented=False),
    route("GET", _TEXT, show, "admin.text", documented=False),
    route("POST", _TEXT, save, "admin.text", documented=False),
    route("POST", f"{_TEXT}preview/", preview, "admin.text-preview", documented=False),
    route("POST", f"{_TEXT}restore/", restore, "admin.text-restore", documented=False),
    route("GET", f"{_TEXT}{{language:ru|en}}/", show_mail, "admin.text-mail", documented=False),
)
