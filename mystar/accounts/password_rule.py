"""Which passwords are refused (D11): 8 to 128 characters, not common, not the user name or the e-mail.

Common are the thirty thousand most frequent leaked passwords in zxcvbn's list, which has hardly any Russian ones, and
passwords that consist of one or two easily guessed pieces: a Russian word of a short list, also typed in the English
keyboard layout, a word of this business, a run along the keyboard or the alphabet, a repetition, a few digits.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module

from mystar.accounts.credentials import key_of
from mystar.errors import Text

MIN_LENGTH, MAX_LENGTH = 8, 128

_BUSINESS_WORDS = "mystar star stars celebrity creator superstar"
_RUSSIAN_WORDS = """
    александр алексей алина анастасия ангел андрей анна антон артем борис вика виктор владимир галина дарья денис дима
    дмитрий егор екатерина елена зайка звезда звездочка здравствуй зенит иван игорь ирина кирилл ключ котенок креатор
    кристина ксения лариса любимая любимый люблю любовь максим мама марина мария медведь мистар михаил мой москва
    моястар наталья наташа никита николай олег ольга павел папа пароль поздравление полина привет принцесса роман
    россия самсунг светлана секрет семья сергей сестра солнце солнышко спартак старт счастье татьяна тебя тест тигр ты
    удача хозяин чемпион юлия я яна
"""
#: Runs along the keyboard and the alphabet, in both directions and around the end.
_SEQUENCES = (
    "1234567890",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertyuiopasdfghjklzxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "qazwsxedcrfvtgbyhnujmikolp",
    "147258369",
    "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
    "йцукенгшщзхъ",
    "фывапролджэ",
    "ячсмитьбю",
    "йцукенгшщзхъфывапролджэячсмитьбю",
    "1й2ц3у4к5е6н7г8ш9щ0з",
    "йфяцычувскамепинртгоь",
)
_KEYS_RU, _KEYS_EN = "йцукенгшщзхъфывапролджэячсмитьбюё", "qwertyuiop[]asdfghjkl;'zxcvbnm,.`"
_SUBSTITUTIONS = str.maketrans("@4301!$57", "aaeoiisst")
_MAX_WORD, _MIN_RUN, _MAX_DIGITS = 16, 3, 4
_MAX_EASY_PIECES = 2


def violations(password: str, *, username: str, email: str | None) -> list[Text]:
    """The rules that the password breaks; empty when it is good."""
    if len(password) < MIN_LENGTH:
        return [Text(f"Пароль не короче {MIN_LENGTH} символов.", f"At least {MIN_LENGTH} characters.")]
    if len(password) > MAX_LENGTH:
        return [Text(f"Пароль не длиннее {MAX_LENGTH} символов.", f"At most {MAX_LENGTH} characters.")]
    key = key_of(password)
    own = {key_of(username)} | ({key_of(email), key_of(email.partition("@")[0])} if email else set())
    if key in own:
        return [
            Text("Пароль не должен совпадать с именем или email.", "Must differ from the user name and the e-mail.")
        ]
    if is_common(password):
        return [Text("Слишком распространённый пароль.", "This password is too common.")]
    return []


def is_common(password: str) -> bool:
    """Whether it is a leaked password, or at most two guessable pieces; punctuation around it is ignored."""
    whole = key_of(password)
    text = "".join(whole.split()).strip(".,!?*#-_+= ")
    variants = {whole, text, text.translate(_SUBSTITUTIONS)}
    return any(one in _leaked() or _is_easy(one) for one in variants)


def _is_easy(text: str) -> bool:
    """Whether so few guessable pieces make up the text; any other character is a piece of its own."""
    reached = {0}
    for _ in range(_MAX_EASY_PIECES):
        reached |= {end for start in reached for end in _piece_ends(text, start)}
    return len(text) in reached


def _piece_ends(text: str, start: int) -> set[int]:
    """Where pieces that begin at ``start`` may end."""
    longest = min(len(text), start + _MAX_WORD)
    ends = {end for end in range(start + 1, longest + 1) if text[start:end] in _words()}
    ends.update(range(start + 1, _digits_end(text, start) + 1))
    run = _run_end(text, start)
    ends.update(range(start + _MIN_RUN, run + 1))
    for period in range(1, 7):
        block = text[start : start + period]
        end = start
        while text.startswith(block, end):
            end += period
        if end - start >= max(_MIN_RUN, 2 * period):
            ends.add(end)
    return ends or {start + 1}


def _digits_end(text: str, start: int) -> int:
    end = start
    while end < len(text) and end - start < _MAX_DIGITS and text[end].isdigit():
        end += 1
    return end


def _run_end(text: str, start: int) -> int:
    """The end of the longest run along a sequence."""
    runs = _runs().get(text[start : start + _MIN_RUN], ())
    return start + max((_common_length(text[start:], run) for run in runs), default=0)


def _common_length(text: str, run: str) -> int:
    """How many characters both begin with."""
    pairs = enumerate(zip(text, run, strict=False))
    return next((place for place, (one, other) in pairs if one != other), min(len(text), len(run)))


@cache
def _runs() -> dict[str, list[str]]:
    """The rest of each sequence from its first place on at which it goes on with these characters."""
    found: dict[str, dict[str, str]] = {}
    for run in [run * 2 for sequence in _SEQUENCES for run in (sequence, sequence[::-1])]:
        for place in range(len(run) - _MIN_RUN + 1):
            found.setdefault(run[place : place + _MIN_RUN], {}).setdefault(run, run[place:])
    return {begin: list(rests.values()) for begin, rests in found.items()}


@cache
def _leaked() -> frozenset[str]:
    """The leaked passwords that are long enough. The other lists of the package are unloaded again."""
    lists = import_module("zxcvbn.frequency_lists")
    long_enough = frozenset(word for word in lists.FREQUENCY_LISTS["passwords"] if len(word) >= MIN_LENGTH - 1)
    sys.modules.pop(lists.__name__)
    return long_enough


@cache
def _words() -> frozenset[str]:
    """The words of both lists, and the Russian ones typed in the English keyboard layout."""
    russian = _RUSSIAN_WORDS.split()
    layout = str.maketrans(_KEYS_RU, _KEYS_EN)
    return frozenset(_BUSINESS_WORDS.split()) | frozenset(russian) | {word.translate(layout) for word in russian}
