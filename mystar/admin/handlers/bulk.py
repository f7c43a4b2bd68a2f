"""Actions on the rows that are chosen in a list: a page that asks, then each row on its own, then what became of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from aiohttp import web

from mystar.accounts.keys import STAFF
from mystar.accounts.model import ReauthenticationNeeded
from mystar.admin.access import Handler, actor_of, language_in, staff
from mystar.admin.handlers.forms import reason_field, text_field
from mystar.admin.handlers.render import local_path, page
from mystar.admin.keys import OUTBOX_ADMIN, ROWS
from mystar.admin.lists import LISTS
from mystar.admin.lists.columns import ListDefinition, parse_id
from mystar.audit.keys import AUDIT
from mystar.catalog.keys import CATALOG
from mystar.earnings.keys import PAYOUTS
from mystar.earnings.payouts.model import approver
from mystar.errors import Invalid, MystarError, Text
from mystar.kit.web.multipart import form
from mystar.kit.web.routes import Route, route
from mystar.receipts.keys import RECEIPTS
from mystar.reviews.keys import REVIEWS

#: Rows of one action.
MAX_IDS = 100
#: Lists with an action that needs step-up on a row's own page.
_SENSITIVE = ("accounts", "payouts")
_NOTHING = Text("Выберите строки и действие.", "Choose rows and an action.")
_TOO_MANY = Text(f"Не больше {MAX_IDS} строк за раз.", f"{MAX_IDS} rows at once at most.")


@dataclass(frozen=True, slots=True)
class BulkAction:
    """``apply`` does it to one row, with the rules, the step-up and the audit entries of the row's own page.

    ``reader``: who reads the reason that the form asks for; None = it asks for none.
    """

    title: Text
    question: Text
    apply: Callable[[web.Request, int], Awaitable[object]]
    tone: str = ""
    reader: Text | None = None


@dataclass(frozen=True, slots=True)
class BulkResult:
    """``refusal``: why nothing was done to the row; "" when it was."""

    id: int
    refusal: str


async def _approve(request: web.Request, id_: int) -> None:
    await request.app[PAYOUTS].approve(approver(actor_of(request)), id_)


async def _send_again(request: web.Request, id_: int) -> None:
    await request.app[RECEIPTS].send_again(actor_of(request), id_)
    await request.app[AUDIT].record_separately("staff_act", route="admin.receipt-send", id=id_)


async def _retry(request: web.Request, id_: int) -> None:
    await request.app[OUTBOX_ADMIN].retry(id_)
    await request.app[AUDIT].record_separately("staff_act", route="admin.outbox-retry", id=id_)


async def _list_service(request: web.Request, id_: int, *, is_listed: bool) -> None:
    await request.app[CATALOG].set_listed(actor_of(request), id_, is_listed, await reason_field(request))


async def _hide_review(request: web.Request, id_: int) -> None:
    await request.app[REVIEWS].hide(actor_of(request), id_, await reason_field(request))


async def _show_review(request: web.Request, id_: int) -> None:
    await request.app[REVIEWS].show(actor_of(request), id_, await reason_field(request))


_CREATOR, _AUTHOR = Text("прочтёт креатор", "the creator reads it"), Text("прочтёт автор", "the author reads it")
_RETRY = BulkAction(
    Text("Отправить сейчас", "Send now"),
    Text("Неотправленное уйдёт без ожидания.", "What is not sent is sent without waiting."),
    _retry,
)
ACTIONS: Mapping[str, Mapping[str, BulkAction]] = {
    "services": {
        "hide": BulkAction(
            Text("Скрыть", "Hide"),
            Text("Услуги исчезнут из каталога, заказать их будет нельзя.", "The services leave the catalogue."),
            partial(_list_service, is_listed=False),
            "bad",
            _CREATOR,
        ),
        "show": BulkAction(
            Text("Показать снова", "Show again"),
            Text("Услуги снова будут в каталоге.", "The services are in the catalogue again."),
            partial(_list_service, is_listed=True),
            reader=_CREATOR,
        ),
    },
    "reviews": {
        "hide": BulkAction(
            Text("Скрыть", "Hide"),
            Text("Отзывы не будут видны и не войдут в оценки.", "The reviews are hidden and do not count."),
            _hide_review,
            "bad",
            _AUTHOR,
        ),
        "show": BulkAction(
            Text("Показать снова", "Show again"),
            Text("Отзывы снова будут видны.", "The reviews are shown again."),
            _show_review,
            reader=_AUTHOR,
        ),
    },
    "accounts": {
        "block": BulkAction(
            Text("Заблокировать", "Block"),
            Text("Сеансы людей закончатся, войти они не смогут.", "Their sessions end, and they cannot log in."),
            lambda request, id_: request.app[STAFF].block(actor_of(request), id_),
            "bad",
        ),
        "unblock": BulkAction(
            Text("Разблокировать", "Unblock"),
            Text("Люди снова смогут войти.", "They can log in again."),
            lambda request, id_: request.app[STAFF].unblock(actor_of(request), id_),
        ),
    },
    "payouts": {
        "approve": BulkAction(
            Text("Подтвердить", "Approve"), Text("Деньги уйдут креаторам.", "The creators are paid."), _approve
        ),
    },
    "receipts": {
        "send": BulkAction(
            Text("Отправить снова", "Send again"),
            Text("Отклонённые чеки уйдут ещё раз.", "Refused receipts are sent once more."),
            _send_again,
        ),
    },
    "outbox": {"retry": _RETRY},
    "mails": {"retry": _RETRY},
}


def ask(definition: ListDefinition) -> Handler:
    """The handler of the page that names what will happen to which rows."""

    @staff("operator")
    async def handler(request: web.Request) -> web.Response:
        """:raises Invalid: nothing is chosen, or too much."""
        query = request.query
        name, action, ids = _chosen(definition, query.get("action", ""), query.getall("id", []))
        values = await _values(request, definition, ids, query.get("back", ""))
        return page(request, "bulk_confirm.html", action=action, action_name=name, **values)

    return handler


def run(definition: ListDefinition) -> Handler:
    """The handler that acts, and says for each row what became of it."""

    @staff("operator", is_sensitive=definition.name in _SENSITIVE)
    async def handler(request: web.Request) -> web.Response:
        """:raises Invalid: nothing is chosen, or too much. :raises ReauthenticationNeeded: before anything was done."""
        sent = await form(request)
        texts = [one for one in sent.getall("id", []) if isinstance(one, str)]
        _, action, ids = _chosen(definition, await text_field(request, "action", max_length=20), texts)
        results = {one.id: one for one in await _apply(request, action, ids)}
        values = await _values(request, definition, ids, await text_field(request, "back", max_length=2000))
        return page(request, "bulk_result.html", action=action, results=results, **values)

    return handler


def _chosen(definition: ListDefinition, name: str, texts: Sequence[str]) -> tuple[str, BulkAction, list[int]]:
    action = ACTIONS[definition.name].get(name)
    ids = list(dict.fromkeys(one for text in texts if (one := parse_id(text)) is not None))
    if action is None or not ids:
        raise Invalid(fields={"action": [_NOTHING]})
    if len(ids) > MAX_IDS:
        raise Invalid(fields={"action": [_TOO_MANY]})
    return name, action, ids


async def _values(request: web.Request, definition: ListDefinition, ids: list[int], back: str) -> dict[str, Any]:
    rows = await request.app[ROWS].of_ids(definition, ids)
    return {"definition": definition, "rows": rows, "back": local_path(back, f"/admin/{definition.name}/")}


async def _apply(request: web.Request, action: BulkAction, ids: list[int]) -> list[BulkResult]:
    """One row after the other; what is refused for one does not stop the others."""
    results: list[BulkResult] = []
    for id_ in ids:
        try:
            await action.apply(request, id_)
        except MystarError as error:
            if isinstance(error, ReauthenticationNeeded) and not any(one.refusal == "" for one in results):
                raise
            results.append(BulkResult(id_, error.message(language_in(request))))
        else:
            results.append(BulkResult(id_, ""))
    return results


ROUTES: tuple[Route, ...] = tuple(
    route(method, f"/admin/{name}/bulk/", handler(LISTS[name]), f"admin.{name}-bulk", documented=False)
    for name in ACTIONS
    for method, handler in (("GET", ask), ("POST", run))
)
