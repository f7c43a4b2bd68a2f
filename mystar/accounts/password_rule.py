"""Which passwords are refused (contract D11): 8 to 128 characters, not common, not the user name or the e-mail.

No published list of leaked passwords is carried. Instead "common" means: guessable in one or two pieces, where a piece
is a word from a short list written by hand, a run along the keyboard or the alphabet, a repetition, a year or a few
digits. That covers many more than the few thousand passwords at the top of such lists, since nearly all of them are
made this way ("qwerty123", "Password1!", "ivan1985", "11111111", "gfhjkm12"); a common password of another making is
not recognised.
"""

from __future__ import annotations

from functools import cache

from mystar.accounts.credentials import key_of
from mystar.errors import Text

SHORTEST, LONGEST = 8, 128

_LATIN = """
    abc access admin administrator adobe alex alexander alexey alina amanda amazon anastasia andrea andrew andrey
    angel angela anna anthony anton apple arsenal artem asdf ashley babygirl bailey banana barcelona baseball
    basketball batman beach biteme blink boris bubbles buster butterfly carlos celebrity change changeme charlie
    cheese chelsea chocolate christian computer cookie corvette creator dallas daniel danila daria default demo denis
    diamond dima dmitry dolphin donald dragon eagle egor elena elizabeth eminem enter eugene evgeny facebook ferrari
    flower football forever freedom friend friends fuck fuckyou galina gfhjkm ginger god google gordon guest hannah
    happy harley hello hockey homer hottie house hunter i igor iloveyou internet irina ivan jackson james jasmine
    jennifer jessica jesus john jordan joseph joshua julia justin katya killer king kirill kitty konstantin ksenia
    lakers larisa letmein liverpool login london love lovely loveme lover madison maggie manager maria marina marlboro
    martin master matrix matthew max maxim me melissa mercedes michael michelle mickey mikhail money monkey monster
    moscow mother mustang my mystar naruto natalia natasha nicole nikita nikolay ninja nothing ok oleg olga one orange
    pass passwd password passwort patrick pavel peanut pepper pokemon polina princess private purple qazwsx qwer
    qwerty rachel ranger robert roman root russia samantha samsung sandra saturn scooter secret secure sergey sexy
    shadow silver slayer smile snoopy soccer sofia spartak spider spiderman star stars steven summer sunshine superman
    superstar svetlana sweet system tatiana taylor test tester the thomas thunder tiger tigger tinkerbell trustno user
    usuario vadim vanessa victor vika viktor vlad vladimir welcome whatever william windows winter world yamaha
    yankees you yulia zenit zxcv
"""
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


def complaints(password: str, *, username: str, email: str | None) -> list[Text]:
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
    """Whether at most two guessable pieces make the whole, marks around it not counted."""
    text = "".join(key_of(password).split()).strip(".,!?*#-_+= ")
    return any(_pieces(one) <= _EASY_PIECES for one in (text, text.translate(_DISGUISES)))


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
def _words() -> frozenset[str]:
    """Both lists, and Russian words typed on a keyboard that was left in English."""
    russian = _RUSSIAN.split()
    layout = str.maketrans(_KEYS_RU, _KEYS_EN)
    return frozenset(_LATIN.split()) | frozenset(russian) | {word.translate(layout) for word in russian}
