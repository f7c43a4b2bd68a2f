"""Commission rules as JSON, for the command line and the panel."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validate, validates_schema

from mystar.earnings.rules.model import WHOLE, Conditions, Rule, RuleDraft, RulesWrong, Terms, percent_text
from mystar.errors import Text
from mystar.kit.clock import MOSCOW
from mystar.kit.money import rubles_text
from mystar.kit.web.fields import BoundedList, Id, PlainText, RubleAmount
from mystar.kit.web.validation import loaded

_MAX_RULES, _MAX_IDS = 500, 10_000


class Percent(fields.Field[int]):
    """A percentage with at most two decimals, as text or number; basis points inside."""

    default_error_messages = {
        "percent": [
            Text(
                "Введите процент от 0 до 100, не больше двух знаков после запятой.",
                "Enter a percentage from 0 to 100 with at most two decimals.",
            )
        ],
    }

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise self.make_error("percent")
        text = str(value).strip()
        try:
            basis_points = Decimal(text) * 100 if text.isascii() and "_" not in text else Decimal(-1)
        except ArithmeticError as error:
            raise self.make_error("percent") from error
        if not basis_points.is_finite() or not 0 <= basis_points <= WHOLE or basis_points % 1:
            raise self.make_error("percent")
        return int(basis_points)


class Moment(fields.Field[datetime]):
    """A date, which is Moscow's, or an ISO time, which is UTC unless it says otherwise.

    :param is_end: a date means the end of its day.
    """

    default_error_messages = {
        "moment": [Text("Введите дату или время в формате ISO.", "Enter a date or an ISO time.")],
    }

    def __init__(self, *, is_end: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self._is_end = is_end

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> datetime:
        try:
            if len(str(value)) == 10:
                day = datetime.combine(date.fromisoformat(value), time(), MOSCOW)
                return day + timedelta(days=1) if self._is_end else day
            moment = datetime.fromisoformat(value)
            # Far ends of the calendar do not fit into every zone.
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (TypeError, ValueError, OverflowError) as error:
            raise self.make_error("moment") from error


class Start(Moment):
    """Of a rule, from 1970 to 9000: the ends of the calendar do not fit into the zone of every reader."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> datetime:
        moment = super()._deserialize(value, attr, data, **options)
        if not 1970 <= moment.year <= 9000:
            raise self.make_error("moment")
        return moment


class RuleSchema(Schema):
    """One rule. A key that is not known is refused: a misspelt condition would apply to everybody."""

    class Meta:
        unknown = RAISE

    name = PlainText(max_length=200, load_default="")
    creators = BoundedList(Id(), load_default=None, allow_none=True, max_items=_MAX_IDS)
    categories = BoundedList(Id(), load_default=None, allow_none=True, max_items=_MAX_IDS)
    kinds = BoundedList(
        fields.String(validate=validate.OneOf(["greeting", "service"])), load_default=None, allow_none=True, max_items=2
    )
    price_from = RubleAmount(load_default=None, allow_none=True)
    price_to = RubleAmount(load_default=None, allow_none=True)
    percent = Percent(load_default=0)
    fixed = RubleAmount(load_default=0)
    min = RubleAmount(load_default=0)
    max = RubleAmount(load_default=None, allow_none=True)
    valid_from = Start(load_default=None, allow_none=True)

    @validates_schema
    def _bounds(self, data: dict[str, Any], **_: Any) -> None:
        for low, high in (("min", "max"), ("price_from", "price_to")):
            if data[low] is not None and data[high] is not None and data[low] > data[high]:
                raise _wrong(high, data[low])

    @post_load
    def _draft(self, data: dict[str, Any], **_: Any) -> RuleDraft:
        lists = {name: tuple(dict.fromkeys(data[name])) if data[name] else None for name in _LISTS}
        return RuleDraft(
            name=data["name"],
            terms=Terms(data["percent"], data["fixed"], data["min"], data["max"]),
            conditions=Conditions(
                lists["creators"], lists["categories"], lists["kinds"], data["price_from"], data["price_to"]
            ),
            valid_from=data["valid_from"],
        )


_LISTS = ("creators", "categories", "kinds")


def _wrong(field: str, least: int) -> ValidationError:
    amount = rubles_text(least)
    return ValidationError({field: [Text(f"Не меньше {amount}.", f"Not less than {amount}.")]})


def read_rules(data: Any) -> list[RuleDraft]:
    """The list in JSON. :raises RulesWrong: it is no list. :raises Invalid: fields are wrong, by rule from 1."""
    if not isinstance(data, list) or not 0 < len(data) <= _MAX_RULES:
        text = Text(f"Нужен список от 1 до {_MAX_RULES} правил.", f"A list of 1 to {_MAX_RULES} rules is needed.")
        raise RulesWrong(fields={"rules": [text]})
    return list(loaded(RuleSchema(many=True), data))


def rule_view(rule: Rule) -> dict[str, Any]:
    """A rule in the words of `RuleSchema`."""
    terms, conditions = rule.terms, rule.conditions
    return {
        "id": rule.id,
        "name": rule.name,
        "creators": conditions.creator_ids,
        "categories": conditions.category_ids,
        "kinds": conditions.kinds,
        "price_from": _sum(conditions.price_from),
        "price_to": _sum(conditions.price_to),
        "percent": percent_text(terms.percent_bp),
        "fixed": rubles_text(terms.fixed),
        "min": rubles_text(terms.min_amount),
        "max": _sum(terms.max_amount),
        "valid_from": rule.valid_from,
    }


def _sum(amount: int | None) -> str | None:
    return None if amount is None else rubles_text(amount)
