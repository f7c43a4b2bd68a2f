"""Which passwords are refused (D11): 8 to 128 characters, not common, not the user name or the e-mail.

Common are the thirty thousand most frequent leaked ones that zxcvbn carries, which hardly know Russian; and whatever
falls into one or two pieces that are guessed first here: a Russian word of a short list, also typed on a keyboard left
in English, a word of our own trade, a run along the keyboard or the alphabet, a repetition, a few digits.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module

from mystar.accounts.credentials import key_of
from mystar.errors import Text

SHORTEST, LONGEST = 8, 128

_TRADE = "mystar star stars celebrity creator superstar"
_RUSSIAN = """
    александр алексей алина анастасия ангел андрей анна антон артем борис вика виктор владимир галина дарья денис дима
    дмитрий егор екатерина елена зайка звезда звездочка здравствуй зенит иван игорь ирина кирилл ключ котенок креатор
    кристина ксения лариса любимая любимый люблю любовь максим мама марина мария медведь мистар михаил мой москва
    моястар наталья наташа никита николай олег ольга павел папа пароль поздравление полина привет принцесса роман
    россия самсунг светлана секрет семья сергей сестра солнце солнышко спартак старт счастье татьяна тебя тест тигр ты
    удача хозяин чемпион юлия я яна
"""
#: Rows that fingers walk along. Runs go both ways and around the end.
_TRACKS = (
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
_DISGUISES = str.maketrans("@4301!$57", "aaeoiisst")
_LONGEST_WORD, _SHORTEST_RUN, _LONGEST_DIGITS = 16, 3, 4
_EASY_PIECES = 2


def violations(password: str, *, username: str, email: str | None) -> list[Text]:
    """What is wrong with a password; nothing when it is fine."""
    if len(password) < SHORTEST:
        return [Text(f"Пароль не короче {SHORTEST} символов.", f"At least {SHORTEST} characters.")]
    if len(password) > LONGEST:
        return [Text(f"Пароль не длиннее {LONGEST} символов.", f"At most {LONGEST} characters.")]
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
    """Whether it is a leaked one, or at most two guessable pieces; marks around it are not counted."""
    whole = key_of(password)
    text = "".join(whole.split()).strip(".,!?*#-_+= ")
    guises = (whole, text, text.translate(_DISGUISES))
    return any(one in _leaked() or _pieces(one) <= _EASY_PIECES for one in guises)


def _pieces(text: str) -> int:
    """The smallest number of guessable pieces the text falls into; a character that fits nothing is one of its own."""
    least = [0] * (len(text) + 1)
    for start in range(len(text) - 1, -1, -1):
        least[start] = 1 + min(least[end] for end in _piece_ends(text, start))
    return least[0]


def _piece_ends(text: str, start: int) -> set[int]:
    """Where pieces that begin at ``start`` may end."""
    longest = min(len(text), start + _LONGEST_WORD)
    ends = {end for end in range(start + 1, longest + 1) if text[start:end] in _words()}
    ends.update(range(start + 1, _digits_end(text, start) + 1))
    run = _run_end(text, start)
    ends.update(range(start + _SHORTEST_RUN, run + 1))
    for period in range(1, 7):
        block = text[start : start + period]
        end = start
        while text.startswith(block, end):
            end += period
        if end - start >= max(_SHORTEST_RUN, 2 * period):
            ends.add(end)
    return ends or {start + 1}


def _digits_end(text: str, start: int) -> int:
    end = start
    while end < len(text) and end - start < _LONGEST_DIGITS and text[end].isdigit():
        end += 1
    return end


def _run_end(text: str, start: int) -> int:
    """The end of the longest run along a track."""
    return max(_shared(text, start, track) for track in _ways())


def _shared(text: str, start: int, track: str) -> int:
    place = track.find(text[start : start + _SHORTEST_RUN])
    end = start
    while place >= 0 and end < len(text) and place < len(track) and text[end] == track[place]:
        end, place = end + 1, place + 1
    return end


@cache
def _ways() -> tuple[str, ...]:
    return tuple(way * 2 for track in _TRACKS for way in (track, track[::-1]))


@cache
def _leaked() -> frozenset[str]:
    """The published passwords that are long enough to be tried here. The package's other lists are let go again."""
    lists = import_module("zxcvbn.frequency_lists")
    long_enough = frozenset(word for word in lists.FREQUENCY_LISTS["passwords"] if len(word) >= SHORTEST - 1)
    sys.modules.pop(lists.__name__)
    return long_enough


@cache
def _words() -> frozenset[str]:
    """Both lists, and Russian words typed on a keyboard that was left in English."""
    russian = _RUSSIAN.split()
    layout = str.maketrans(_KEYS_RU, _KEYS_EN)
    return frozenset(_TRADE.split()) | frozenset(russian) | {word.translate(layout) for word in russian}
