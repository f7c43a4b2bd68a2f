"""The faults as a page: what may fail, how it is now, and the usual failures at one click.

Programs use `PUT /sandbox/faults`, which replaces all faults; the page changes those that its form has.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from aiohttp import web

from mystar.sandbox.faults import RULES, BadFaults
from mystar.sandbox.pages import CONTENTS, FAULTS, page, read_form

Words = tuple[str, str]

#: What each fault does, in Russian and English.
MEANINGS: Mapping[str, Words] = {
    "seed": ("Те же неисправности при том же числе", "The same failures for the same number"),
    "delay_seconds": ("Каждый вызов ждёт: [от, до] секунд", "Every call waits: [shortest, longest] seconds"),
    "error_before_work": ("Вероятность 500 до работы", "Probability of a 500 before the work"),
    "error_after_work": ("Вероятность 500 после работы", "Probability of a 500 after the work"),
    "hang_after_work.probability": ("Вероятность, что ответ опоздает", "Probability that the answer is late"),
    "hang_after_work.seconds": ("На сколько секунд он опоздает", "By how many seconds it is late"),
    "down": ("Провайдер недоступен", "The provider is down"),
    "refuse_payments": (
        "Отказывать платежам из-за параметра",
        "Refuse payments for this parameter; by SBP only, if it is payment_method_…",
    ),
    "refunds.pending": ("Вероятность, что возврат ждёт", "Probability that a refund stays pending"),
    "refunds.insufficient_funds": ("Вероятность, что на возврат нет денег", "Probability that a refund has no money"),
    "payouts.pending_seconds": ("Сколько секунд выплата ждёт", "Seconds that a payout is pending"),
    "payouts.hold": ("Выплаты ждут команды", "Payouts wait for a command"),
    "payouts.canceled": ("Вероятность отказа в выплате", "Probability that a payout is refused"),
    "receipts.pending": ("Вероятность, что чек ждёт", "Probability that a receipt stays pending"),
    "receipts.canceled": ("Вероятность, что чек отклонён", "Probability that a receipt is refused"),
    "webhook_duplicates": ("Сколько лишних копий уведомления", "Extra copies of every notification"),
    "webhook_shuffle_seconds": ("Перемешивать уведомления, секунд", "Shuffle notifications within seconds"),
    "webhook_lost": ("Вероятность потери уведомления", "Probability that a notification is lost"),
    "smtp.delay_seconds": ("Почта отвечает через, секунд", "Mail answers after seconds"),
    "smtp.temporary": ("Вероятность временного отказа почты", "Probability of a temporary refusal of mail"),
    "smtp.permanent": ("Вероятность окончательного отказа почты", "Probability of a final refusal of mail"),
    "smtp.lost_answer": ("Вероятность, что ответ почты потерян", "Probability that mail's answer is lost"),
    "smtp.down": ("Почта недоступна", "Mail is down"),
}

#: The usual failures: what a button changes, and its label.
PRESETS: Mapping[str, tuple[Mapping[str, Any], Words]] = {
    "hang": (
        {"hang_after_work.probability": 1.0, "hang_after_work.seconds": 30.0},
        ("Ответ опаздывает на 30 с", "Answers are 30 s late"),
    ),
    "error": ({"error_after_work": 1.0}, ("500 после работы", "500 after the work")),
    "down": ({"down": True}, ("Провайдер недоступен", "Provider down")),
    "twice": ({"webhook_duplicates": 1}, ("Уведомления дважды", "Notifications twice")),
    "lost": ({"webhook_lost": 1.0}, ("Уведомления теряются", "Notifications lost")),
    "receipt": ({"refuse_payments": "receipt"}, ("Чек не принят", "Receipt refused")),
    "sbp": ({"refuse_payments": "payment_method_data.type"}, ("СБП не подключена", "SBP not enabled")),
    "mail": ({"smtp.down": True}, ("Почта недоступна", "Mail down")),
}

#: What `Faults` says of a wrong value, in Russian.
WRONG: Mapping[str, str] = {
    "must be a number": "нужно число",
    "must be between 0 and 1": "от 0 до 1",
    "must be between 0 and 3600 seconds": "от 0 до 3600 секунд",
    "must be [shortest, longest]": "нужно [от, до]",
    "must be an integer": "нужно целое число",
    "must be between 0 and 100": "от 0 до 100",
    "must be the name of a parameter, or empty": "нужно имя параметра или ничего",
    "must be true or false": "нужно true или false",
}

_PAGES = ("/faults/", "/payments/")


def add_to(app: web.Application) -> None:
    app.add_routes(ROUTES)
    app[CONTENTS].append(("/faults/", "Неисправности", "Faults"))


async def show(request: web.Request) -> web.Response:
    return _page(request, dict(flat(request.app[FAULTS].as_json())), {})


async def change(request: web.Request) -> web.Response:
    """Save the form, press a preset, or clear; a refused form stays with its input and the words beside the field."""
    faults, form = request.app[FAULTS], await read_form(request)
    back = form.get("back") if form.get("back") in _PAGES else "/faults/"
    given = {name: str(value) for name, value in form.items() if name in MEANINGS}
    changes = PRESETS[str(form["preset"])][0] if form.get("preset") in PRESETS else {}
    values = {**dict(flat(faults.as_json())), **{name: _value(text) for name, text in given.items()}, **changes}
    try:
        faults.set({} if form.get("clear") else _nested(values))
    except BadFaults as error:
        typed = {name: given[name] for name in error.fields if name in given}
        return _page(request, {**values, **typed}, error.fields, status=400)
    return web.Response(status=303, headers={"Location": str(back)})


def flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """("smtp.down", False) and so on."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for name, value in values.items():
        group, _, field = name.rpartition(".")
        (settings.setdefault(group, {}) if group else settings)[field] = value
    return settings


def _value(text: str) -> Any:
    """A number, a list or a switch as JSON; anything else is a text."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text.strip()


def _page(
    request: web.Request, values: Mapping[str, Any], wrong: Mapping[str, str], *, status: int = 200
) -> web.Response:
    defaults = {name: rule[0] for name, rule in flat(RULES)}
    fields = [
        (name, meaning, values[name], values[name] != defaults[name], wrong.get(name))
        for name, meaning in MEANINGS.items()
    ]
    return page(request, "faults.html", status=status, fields=fields, presets=PRESETS, text=_text, russian=WRONG)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


ROUTES = (web.get("/faults/", show), web.post("/faults/", change))
