"""Filters and orders of lists, and the rules of search words. Pure: no rows."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

#: A search ranks and counts at most this many services; where more match, the newest.
MAX_FOUND = 500
#: The newest services, by number of rows.
RECENT = 10_000
#: Lists other than searches are counted, and can be paged through, up to here.
MAX_COUNTED = 10_000
#: If the words as written match fewer services, similar words are searched for as well.
ENOUGH = 20
#: Words of one search; further ones are ignored.
_MAX_WORDS = 12
#: Lengths of the words that misspellings are searched for: shorter ones resemble too many others.
MIN_LENGTH, MAX_LENGTH = 3, 40
#: Letters of a joined word that has shorter parts: "acdc" is "ac dc".
_SHORT = 4
_WORD = re.compile(r"[^\W_]+")
#: Letters that look alike in both scripts, small as they are stored.
_TO_LATIN = str.maketrans("авекмнорстух", "abekmhopctyx")
_TO_CYRILLIC = str.maketrans("abekmhopctyx", "авекмнорстух")
#: The letters of the keys of both keyboard layouts.
_ENGLISH_KEYS, _RUSSIAN_KEYS = "qwertyuiop[]asdfghjkl;'zxcvbnm,.`", "йцукенгшщзхъфывапролджэячсмитьбюё"
_TO_RUSSIAN_KEYS = str.maketrans(_ENGLISH_KEYS, _RUSSIAN_KEYS)
_TO_ENGLISH_KEYS = str.maketrans(_RUSSIAN_KEYS, _ENGLISH_KEYS)


class SortOrder(StrEnum):
    """``FIT`` sorts by relevance, and in a list without a search like ``NEWEST``."""

    FIT = "fit"
    NEWEST = "-created_at"
    OLDEST = "created_at"
    PRICE_ASC = "price"
    PRICE_DESC = "-price"
    BEST = "rating"
    POPULAR = "popularity"


@dataclass(frozen=True, slots=True)
class ServiceFilter:
    """Which services, and in which order. None or empty = not filtered. Prices in kopecks.

    ``category_ids``: services of any of them; () matches nothing. ``kind``: "service" or "greeting".
    ``include_hidden``: also unlisted services. ``is_available``: only of creators who take orders now.
    """

    category_ids: tuple[int, ...] | None = None
    creator_id: int | None = None
    kind: str | None = None
    min_price: int | None = None
    max_price: int | None = None
    text: str = ""
    order: SortOrder = SortOrder.FIT
    include_hidden: bool = False
    is_available: bool = False


@dataclass(frozen=True, slots=True)
class StarFilter:
    """Which stars. None = not filtered. ``tag`` is a key; ``fan_id``: the favourites of this account.

    ``is_available``: only those who take orders now.
    """

    account_id: int | None = None
    category_id: int | None = None
    tag: str | None = None
    fan_id: int | None = None
    is_available: bool = False


class StarRank(NamedTuple):
    """What stars are ranked by."""

    is_top: bool
    rating: Decimal
    creator_id: int


def words_of(text: str) -> list[str]:
    """The words as they are stored and searched for: "Ёлка, КАФЕ!" → ["елка", "кафе"]."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold().replace("ё", "е"))


def normalize(text: str) -> str:
    return " ".join(words_of(text))


def query_words(text: str) -> list[str]:
    return words_of(text)[:_MAX_WORDS]


def may_be_misspelt(word: str) -> bool:
    """Whether misspellings of it can be recognised; a number has none."""
    return MIN_LENGTH <= len(word) <= MAX_LENGTH and not word.isdecimal()


def exact_query(words: Sequence[str]) -> str:
    """A query for `to_tsquery`: all words, in any script that they look alike in, or with two neighbours joined.

    >>> exact_query(["хит", "парад"])
    'хит & парад | хитпарад'
    """
    joined = ([*words[:at], words[at] + words[at + 1], *words[at + 2 :]] for at in range(len(words) - 1))
    return " | ".join(" & ".join(map(_in_both_scripts, some)) for some in (words, *joined))


def _in_both_scripts(word: str) -> str:
    """``1c`` may be written with the Latin or the Cyrillic letter, and a word with one letter of the other script."""
    spellings = [word, word.translate(_TO_LATIN), word.translate(_TO_CYRILLIC)]
    mixed = any(letter.isdecimal() for letter in word) or len(set(map(_script, word)) - {""}) > 1
    known = [one for one in dict.fromkeys(spellings) if one == word or len(set(map(_script, one)) - {""}) == 1]
    return f"({' | '.join(known)})" if mixed and len(known) > 1 else word


def _script(letter: str) -> str:
    """Of a letter: "latin" or "cyrillic"; "" for digits and other letters."""
    return "latin" if "a" <= letter <= "z" else "cyrillic" if "а" <= letter <= "я" else ""


def switch_layout(text: str) -> str:
    """The text as it is typed with the same keys on the other keyboard layout, Russian or English.

    >>> switch_layout("gtcyz")
    'песня'
    """
    text = text.casefold()
    has_cyrillic = any(_script(letter) == "cyrillic" for letter in text)
    return text.translate(_TO_ENGLISH_KEYS if has_cyrillic else _TO_RUSSIAN_KEYS)


def _splits(word: str) -> list[str]:
    """The word as two neighbouring ones: "хитпарад" is "хит парад"."""
    shortest = MIN_LENGTH if len(word) > _SHORT else _SHORT // 2
    places = range(shortest, len(word) - shortest + 1)
    return [f"({word[:at]} <-> {word[at:]})" for at in places]


def expand_query(similar_words: Mapping[str, Iterable[str]]) -> str:
    """A query for `to_tsquery`: every word matches as a prefix, with two letters swapped, or by a similar one.

    >>> expand_query({"лого": ["лето"], "7": []})
    '(лого:* | олго:* | лгоо:* | лоог:* | лето | (ло <-> го)) & 7'
    >>> expand_query({"автогид": []}).endswith(" | (авт <-> огид) | (авто <-> гид))")
    True
    """
    return " & ".join(_alternatives(word, others) for word, others in similar_words.items())


def _alternatives(word: str, others: Iterable[str]) -> str:
    if not may_be_misspelt(word):
        return word
    # A swap leaves too few common trigrams for the word to be found among the similar ones.
    swapped = [f"{word[:i]}{word[i + 1]}{word[i]}{word[i + 2 :]}" for i in range(len(word) - 1)]
    return f"({' | '.join([*(f'{one}:*' for one in dict.fromkeys([word, *swapped])), *others, *_splits(word)])})"


def is_typo_of(word: str, known: str) -> bool:
    """Whether one may be a misspelling of the other: one error in four letters, two in eight, three in more."""
    errors = 1 if len(word) <= 4 else 2 if len(word) <= 8 else 3
    return word != known and abs(len(word) - len(known)) <= errors and distance(word, known) <= errors


def distance(one: str, other: str) -> int:
    """The number of deleted, added, changed or swapped adjacent letters (optimal string alignment distance)."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        before, above, row = row, before, [i]
        for j, its in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != its))
            if i > 1 and j > 1 and letter == other[j - 2] and its == one[i - 2]:
                cost = min(cost, above[j - 2] + 1)
            row.append(cost)
    return row[-1]
