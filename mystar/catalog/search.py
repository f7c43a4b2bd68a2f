"""What people look for, and what they may have meant: no rows, only words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

#: A search finds so many services and counts no further. Where more fit, it takes them from the newest.
MAX_FOUND = 500
#: So many rows back are new.
RECENT = 10_000
#: Other lists are counted, and can be leafed through, so far.
MAX_COUNTED = 10_000
#: Where the words as they are written find fewer, those they may be misspelt from are looked for, too.
ENOUGH = 20
#: Of a search; what comes after them is not read.
_MAX_WORDS = 12
#: Shorter words are like too many others, longer ones are no words.
SHORTEST, LONGEST = 3, 40
_WORD = re.compile(r"[^\W_]+")


class SortOrder(StrEnum):
    """What comes first. ``FIT`` is for searches; in a list without one it is ``NEWEST``."""

    FIT = "fit"
    NEWEST = "-created_at"
    OLDEST = "created_at"
    PRICE_ASC = "price"
    PRICE_DESC = "-price"
    BEST = "rating"
    POPULAR = "popularity"


@dataclass(frozen=True, slots=True)
class ServiceFilter:
    """Which services; what is None or empty does not matter. Prices in kopecks.

    ``category_ids``: any of them, so that () finds nothing. ``hidden_too``: what is not listed as well, for the creator
    and for staff.
    """

    category_ids: tuple[int, ...] | None = None
    creator_id: int | None = None
    least: int | None = None
    most: int | None = None
    text: str = ""
    order: SortOrder = SortOrder.FIT
    hidden_too: bool = False


def words_of(text: str) -> list[str]:
    """The words as they are kept and looked for: "Ёлка, КАФЕ!" → ["елка", "кафе"]."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold().replace("ё", "е"))


def normalize(text: str) -> str:
    return " ".join(words_of(text))


def query_words(text: str) -> list[str]:
    return words_of(text)[:_MAX_WORDS]


def may_be_misspelt(word: str) -> bool:
    """Whether it is worth to be kept and compared: nobody can guess the right number."""
    return SHORTEST <= len(word) <= LONGEST and not word.isdecimal()


def expand_query(similar_words: Mapping[str, Iterable[str]]) -> str:
    """A query of PostgreSQL's (`to_tsquery`): every word fits by its beginning, with two neighbours swapped, or by one
    that it may be a misspelling of.

    >>> expand_query({"лого": ["лето"], "7": []})
    '(лого:* | олго:* | лгоо:* | лоог:* | лето) & 7'
    """
    return " & ".join(_alternatives(word, others) for word, others in similar_words.items())


def _alternatives(word: str, others: Iterable[str]) -> str:
    if not may_be_misspelt(word):
        return word
    # Swaps leave too little in common for a word to be found among those that look alike.
    swapped = [f"{word[:i]}{word[i + 1]}{word[i]}{word[i + 2 :]}" for i in range(len(word) - 1)]
    return f"({' | '.join([*(f'{one}:*' for one in dict.fromkeys([word, *swapped])), *others])})"


def is_typo_of(word: str, known: str) -> bool:
    """Whether one may be a misspelling of the other: one slip in four letters, two in eight, three in more."""
    slips = 1 if len(word) <= 4 else 2 if len(word) <= 8 else 3
    return word != known and abs(len(word) - len(known)) <= slips and distance(word, known) <= slips


def distance(one: str, other: str) -> int:
    """Letters left out, added, changed or swapped with their neighbour (optimal string alignment)."""
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
