"""The form of commission rules: what its fields show of a rule, and the rules that were typed into them.

The fields of a rule are named like those of `RuleSchema`, with the place of the rule before them, counted from 0:
"0.percent". So each message stands beside its own field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any, NamedTuple

from multidict import MultiMapping

from mystar.accounts.credentials import key_of
from mystar.admin import formats
from mystar.earnings.rules.model import Rule, RuleDraft, RulesWrong, overlapping
from mystar.earnings.rules.schemas import rule_view
from mystar.errors import Invalid, Text

_TEXTS = ("name", "percent", "fixed", "min", "max", "price_from", "price_to", "kinds", "creators", "valid_from")
_AMOUNTS = ("percent", "fixed", "min", "max", "price_from", "price_to")
_MOST_CREATORS = 200
_NO_CREATOR = Text("Нет креатора с таким именем или номером:", "No creator has this name or number:")
_TOO_MANY = Text(
    f"Не больше {_MOST_CREATORS} креаторов; больше задаёт команда «mystar earnings rules».",
    f'{_MOST_CREATORS} creators at most; the command "mystar earnings rules" sets more.',
)


class RuleFields(NamedTuple):
    """What stands in the fields of a rule. ``categories``: the ids that are checked."""

    texts: Mapping[str, str]
    categories: Sequence[str] = ()


EMPTY = RuleFields(dict.fromkeys(_TEXTS, ""))


class Effect(NamedTuple):
    """What a rule takes of an example, in kopecks. ``commission`` None: its conditions exclude the price."""

    name: str
    price: int
    commission: int | None


def shown(rule: Rule, usernames: Mapping[int, str]) -> RuleFields:
    """A stored rule in the fields. Its start is left out: a new list starts anew."""
    view = rule_view(rule)
    kinds, creators = list(view["kinds"] or ()), view["creators"] or ()
    said = {
        **{name: "" if view[name] in (None, "0.00") else str(view[name]) for name in ("name", *_AMOUNTS)},
        "kinds": kinds[0] if len(kinds) == 1 else "",
        "creators": ", ".join(usernames.get(one, str(one)) for one in creators),
        "valid_from": "",
    }
    return RuleFields(said, [str(one) for one in view["categories"] or ()])


def typed(sent: MultiMapping[Any], count: int) -> list[RuleFields]:
    """The fields of ``count`` rules as they were sent."""
    return [
        RuleFields(
            {name: _text(sent.get(f"{place}.{name}", "")) for name in _TEXTS},
            [_text(one) for one in sent.getall(f"{place}.categories", [])],
        )
        for place in range(count)
    ]


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def moved(rules: Sequence[RuleFields], move: str) -> list[RuleFields]:
    """``move`` is "add", "up:2", "down:2" or "remove:2", counted from 0; what cannot be done changes nothing.

    A rule is added before the last one, which has no conditions.
    """
    changed, (action, _, number) = list(rules), move.partition(":")
    place = int(number) if number.isascii() and number.isdigit() else -1
    other = place + (1 if action == "down" else -1)
    if action == "add":
        changed.insert(max(len(rules) - 1, 0), EMPTY)
    elif action == "remove" and 0 <= place < len(rules) > 1:
        del changed[place]
    elif action in ("up", "down") and 0 <= place < len(rules) and 0 <= other < len(rules):
        changed[place], changed[other] = changed[other], changed[place]
    return changed


def creator_words(rules: Sequence[RuleFields]) -> list[list[str]]:
    """The keys of names, and the numbers, of the creators in each rule. :raises Invalid: too many."""
    typed_words = [one.texts["creators"].split(",") for one in rules]
    words = [[key_of(word) for word in one if word.strip()] for one in typed_words]
    wrong = {f"{place}.creators": [_TOO_MANY] for place, one in enumerate(words) if len(one) > _MOST_CREATORS}
    if wrong:
        raise Invalid(fields=wrong)
    return words


def as_data(rules: Sequence[RuleFields], creators: Mapping[str, int], zone: tzinfo) -> list[dict[str, Any]]:
    """The rules in the words of `RuleSchema`; ``creators``: ids by their key or number.

    :raises Invalid: a creator is not known.
    """
    words = creator_words(rules)
    unknown = {
        f"{place}.creators": [Text(f"{_NO_CREATOR.ru} {one}", f"{_NO_CREATOR.en} {one}")]
        for place, found in enumerate(words)
        for one in found
        if one not in creators
    }
    if unknown:
        raise Invalid(fields=unknown)
    return [_data(rule, [creators[one] for one in found], zone) for rule, found in zip(rules, words, strict=True)]


def _data(rule: RuleFields, creators: Sequence[int], zone: tzinfo) -> dict[str, Any]:
    texts = rule.texts
    said: dict[str, Any] = {"name": texts["name"], "percent": _number(texts["percent"])}
    said |= {name: _number(texts[name]) for name in _AMOUNTS if texts[name]}
    if texts["kinds"]:
        said["kinds"] = [texts["kinds"]]
    if texts["valid_from"]:
        said["valid_from"] = _moment(texts["valid_from"], zone)
    return said | {"creators": list(creators) or None, "categories": list(rule.categories) or None}


def _number(text: str) -> str:
    """ "1 000,50" → "1000.50"."""
    return "".join(text.split()).replace(",", ".")


def _moment(text: str, zone: tzinfo) -> str:
    """A moment of the reader's zone with its offset; what is none stays, and is refused as a start."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).isoformat()


def beside_fields(error: RulesWrong, zone: tzinfo) -> RulesWrong:
    """Problems of whole rules, which are those of their starts, by the name of the field, and moments in the zone."""
    fields = {f"{int(name) - 1}.valid_from" if name.isdigit() else name: texts for name, texts in error.fields.items()}
    if error.starts_after:
        words = []
        for language in ("ru", "en"):
            with formats.written_for(language, zone):
                words.append(formats.moment(error.starts_after))
        last = max(int(name) for name in error.fields if name.isdigit())
        fields[f"{last - 1}.valid_from"] = [overlapping(Text(*words))]
    return RulesWrong(fields=fields)


def effects(drafts: Sequence[RuleDraft], price: int) -> list[Effect]:
    """What each rule would take of a price, were it the first that fits."""
    found = []
    for draft in drafts:
        least, most = draft.conditions.price_from, draft.conditions.price_to
        fits = (least is None or price >= least) and (most is None or price <= most)
        found.append(Effect(draft.name, price, draft.terms.commission(price) if fits else None))
    return found
