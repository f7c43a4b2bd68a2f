"""The conditions of a commission rule, in words."""

from __future__ import annotations

from collections.abc import Iterator

from mystar.errors import Text
from mystar.kit.money import format_rubles
from mystar.kit.postgres.database import Row

_ANY = Text("любой заказ", "any order")
_KINDS = {"greeting": Text("поздравления", "greetings"), "service": Text("услуги", "services")}


def condition_words(row: Row) -> Text:
    """What a row of the list of rules applies to."""
    found = list(_conditions(row)) or [_ANY]
    return Text("; ".join(one.ru for one in found), "; ".join(one.en for one in found))


def _conditions(row: Row) -> Iterator[Text]:
    if row["creator_count"]:
        more = f" … ({row['creator_count']})" if row["creator_count"] > len(row["creators"]) else ""
        names = ", ".join(row["creators"]) + more
        yield Text(f"креаторы: {names}", f"creators: {names}")
    if row["category_count"]:
        names = ", ".join(row["categories"])
        yield Text(f"категории: {names or '—'}", f"categories: {names or '—'}")
    for kind in row["kinds"] or ():
        yield _KINDS[kind]
    for name, title in (("price_from", Text("цена от", "price from")), ("price_to", Text("цена до", "price up to"))):
        if row[name] is not None:
            yield Text(*(f"{title.in_(one)} {format_rubles(row[name], one)}" for one in ("ru", "en")))
