"""Finds contacts in a text: phones in any spelling, e-mails, links, names of messengers, and handles.

The text is brought into one spelling first: look-alike letters and digits, numbers in words, "собака" and "точка",
letters set apart. What looks like a price, a date, a time or a size is not taken for a phone.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from typing import Literal

Kind = Literal["phone", "email", "link", "messenger", "handle"]

#: Cyrillic and Greek letters that look like Latin ones.
_LOOKALIKES = str.maketrans("аеорсухкмтвнігјѕьԁԛѡαορτνκικ", "aeopcyxkmtbhirjsbdqwaoptvkik")
_LEET = str.maketrans("0134@$5", "oieaass")
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\ufe00-\ufe0f\ufeff\u20e3]"
)
#: Single characters that are whole phrases, of 18 and 8 letters in plain ones.
_PHRASES = re.compile("[\ufdfa\ufdfb]")


def contacts_in(text: str, own_hosts: Collection[str] = (), before: Iterable[str] = ()) -> list[Kind]:
    """The kinds of contacts in the text, in a fixed order.

    :param own_hosts: whose links are allowed, with their subdomains.
    :param before: earlier messages of the sender, latest first: a phone may come in pieces.
    """
    plain = _plain(text)
    joined = _joined(plain)
    found: list[Kind] = []
    if _has_phone(plain) or _has_phone_in_pieces(plain, before):
        found.append("phone")
    spelled = [_spelled(one) for one in dict.fromkeys((plain, joined))]
    without_mails = [_EMAIL.sub(" ", one) for one in spelled]
    if any(a != b for a, b in zip(spelled, without_mails, strict=True)) or any(map(_AT_PROVIDER.search, spelled)):
        found.append("email")
    if any(_has_link(one, own_hosts) for one in without_mails):
        found.append("link")
    if _has_messenger(joined):
        found.append("messenger")
    if any(_HANDLE.search(_own_links_away(one, own_hosts)) for one in without_mails):
        found.append("handle")
    return found


def is_bare_number(text: str) -> bool:
    """Whether the text is nothing but a number, in digits or words, which may be a piece of a longer one."""
    return bool(_BARE.fullmatch(_plain(text)))


def _plain(text: str) -> str:
    """In lower case, without marks and invisible characters; full-width and enclosed characters are plain ones."""
    composed = unicodedata.normalize("NFKC", _PHRASES.sub(" ", _INVISIBLE.sub("", text))).lower().replace("ё", "е")
    marks_away = (one for one in unicodedata.normalize("NFD", composed) if not unicodedata.combining(one))
    digits = (str(unicodedata.digit(one, one)) if one.isdigit() else one for one in marks_away)
    # "й" was taken apart with the marks: words below are written without it.
    return _INVISIBLE.sub("", "".join(digits))


# Letters that are set apart: "т е л е г р а м", "g.m.a.i.l".

_APART = re.compile(r"(?<!\w)\w(?:[ ._*~|/\\-]{1,3}\w(?!\w)){3,}+")


def _joined(text: str) -> str:
    def join(match: re.Match[str]) -> str:
        letters = re.sub(r"[ _*~|/\\-]", "", match[0])
        # Dots are kept in "g m a i l . c o m", and are separators in "g.m.a.i.l".
        letters = letters if letters.count(".") < 3 else letters.replace(".", "")
        return match[0] if letters.replace(".", "").isdigit() else letters

    return _APART.sub(join, text)


# Phones

_TEENS = (
    *("десять", "одиннадцать", "двенадцать", "тринадцать", "четырнадцать"),
    *("пятнадцать", "шестнадцать", "семнадцать", "восемнадцать", "девятнадцать"),
)
_TENS = ("двадцать", "тридцать", "сорок", "пятьдесят", "шестьдесят", "семьдесят", "восемьдесят", "девяносто")
_HUNDREDS = ("сто", "двести", "триста", "четыреста", "пятьсот", "шестьсот", "семьсот", "восемьсот", "девятьсот")
_WORDS = {
    **dict.fromkeys(("ноль", "нуль", "zero"), 0),
    **dict.fromkeys(("один", "одна", "раз", "one"), 1),
    **dict.fromkeys(("два", "две", "two"), 2),
    **dict.fromkeys(("три", "three"), 3),
    **dict.fromkeys(("четыре", "four"), 4),
    **dict.fromkeys(("пять", "five"), 5),
    **dict.fromkeys(("шесть", "six"), 6),
    **dict.fromkeys(("семь", "seven"), 7),
    **dict.fromkeys(("восемь", "eight"), 8),
    **dict.fromkeys(("девять", "nine"), 9),
    **{word: 10 + number for number, word in enumerate(_TEENS)},
    **{word: 20 + 10 * number for number, word in enumerate(_TENS)},
    **{word: 100 + 100 * number for number, word in enumerate(_HUNDREDS)},
}
_NUMBER_WORD = "|".join(sorted(_WORDS, key=len, reverse=True))
_TOKEN = re.compile(
    rf"\d+|(?:{_NUMBER_WORD})(?![а-яa-z])|(?<![а-яa-z])(?:{_NUMBER_WORD})+(?![а-яa-z])|\+|плюс|[^\W\d]+|.", re.S
)
_DATE = re.compile(
    r"(?<!\d)(?:(?:0?[1-9]|[12]\d|3[01])[./-](?:0?[1-9]|1[0-2])[./-](?:19|20)\d\d|(?:19|20)\d\d-(?:0[1-9]|1[0-2])-\d\d"
    r"|(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)?)(?!\d)"
)
_UNIT = (
    r"₽|руб|р(?!\w)|коп|rub|usd|eur|€|\$|%|шт|тыс|млн|мм|см|м(?!\w)|кг|гр?(?!\w)|px|пикс|мб|гб|mb|gb|kb|сек|мин|час|дн|дне"
    r"|лет|год|секунд|слов|знак|кадр|fps"
)
_MEASURE = re.compile(
    rf"(?<!\d)\d{{1,3}}(?:[ \u00a0.,]\d{{3}}){{0,4}}(?:[.,]\d{{1,2}})?\s?(?:{_UNIT})|(?<!\d)\d{{1,9}}\s?(?:{_UNIT})"
)
_SIZE = re.compile(r"(?<!\d)\d{1,5}\s?[xх×*]\s?\d{1,5}(?:\s?[xх×*]\s?\d{1,5})?(?![\s]?[xх×*]?\d)")
_NUMBERED = re.compile(r"(?:№|#|no\.?|номер|заказ\w{0,9}|order|артикул|sku)\s?:?\s?\d{1,9}(?![\d\s()+-]*\d)")
#: Letters that stand for digits, between digits.
_DIGIT_LIKE = str.maketrans("oоlіi|зчбz", "0011113462")
_MIXED = re.compile(r"(?<![^\W\d])[\doоlіi|зчбz]{5,}(?![^\W\d])")
_LETTERS_BETWEEN = re.compile(r"(?<!\w)\+?\d+(?:[^\W\d_]{1,2}\d+){3,}+(?!\w)")
#: Of Russia and Kazakhstan, and of their neighbours, which are taken for one only as a whole.
_PHONE, _NEIGHBOUR = re.compile(r"[78][3489]\d{9}|9\d{9}"), re.compile(r"(?:380|375|998|996|995|992)\d{9}|374\d{8}")
_PLUS = "+"
#: Characters that may stand between the digits of one number.
_SEPARATORS = " \t\r\n\u00a0-–—.,()[]_/\\*:;•·'\"~=|"
_MAX_SEPARATORS = 4


def _has_phone(text: str) -> bool:
    text = _LETTERS_BETWEEN.sub(lambda match: re.sub(r"[^\d+]", "-", match[0]), _MIXED.sub(_as_digits, text))
    for pattern in (_DATE, _MEASURE, _SIZE, _NUMBERED):
        text = pattern.sub(" # ", text)
    return any(map(_is_phone, _runs(text)))


def _as_digits(match: re.Match[str]) -> str:
    text = match[0]
    return text.translate(_DIGIT_LIKE) if sum(one.isdigit() for one in text) * 2 >= len(text) else text


def _runs(text: str) -> Iterable[list[str]]:
    """Groups of digits that may belong to one number; a plus before it is a group of its own."""
    run: list[str] = []
    last, gap = 0, 0
    for token in _TOKEN.findall(text):
        groups = [token] if token.isdigit() else _numbers(token)
        if groups:
            for group in groups:
                last = _append(run, group, last, is_word=not token.isdigit())
            gap = 0
        elif token in ("+", "плюс"):
            yield run
            run, last, gap = [_PLUS], 0, 0
        elif token in _SEPARATORS and gap < _MAX_SEPARATORS:
            gap += 1
        else:
            yield run
            run, last, gap = [], 0, 0
    yield run


def _numbers(token: str) -> list[str]:
    """The digits of numbers in words, also of several written as one word."""
    parts = re.findall(_NUMBER_WORD, token)
    return [str(_WORDS[part]) for part in parts] if parts and "".join(parts) == token else []


def _append(run: list[str], group: str, last: int, *, is_word: bool) -> int:
    """Add a number in words to the one before that it completes: "девятьсот" and "шестнадцать" are 916.

    Returns what the next word may complete: 100 after hundreds, 10 after tens.
    """
    if not is_word:
        run.append(group)
        return 0
    value = int(group)
    if run and 0 < value < last:
        run[-1] = str(int(run[-1]) + value)
    else:
        run.append(group)
    return 100 if value >= 100 else 10 if value >= 20 and value % 10 == 0 else 0


def _is_phone(groups: list[str]) -> bool:
    """Whether neighbouring groups make a phone."""
    if groups[:1] == [_PLUS]:
        return any(10 <= len("".join(groups[1:end])) <= 15 for end in range(2, len(groups) + 1))
    for start in range(len(groups)):
        digits = ""
        for group in groups[start:]:
            digits += group
            if len(digits) > 12:
                break
            if _PHONE.fullmatch(digits) and not digits.endswith("000000"):
                return True
    return bool(_NEIGHBOUR.fullmatch("".join(groups)))


_BARE = re.compile(rf"(?:\d|{_NUMBER_WORD}|[\s()+.,–—-])+")


def _has_phone_in_pieces(text: str, before: Iterable[str]) -> bool:
    """Whether the text, nothing but numbers, completes a phone that began in the messages before."""
    if not _BARE.fullmatch(text):
        return False
    pieces = [text]
    for earlier in map(_plain, before):
        if not _BARE.fullmatch(earlier):
            break
        pieces.insert(0, earlier)
    return len(pieces) > 1 and _has_phone(" ".join(pieces))


# E-mails, links and handles

_TLD = "ru|рф|su|com|net|org|info|biz|io|app|site|online|shop|store|pro|xyz|club|tv|kz|ua|by|uz|gg|link|page|ру|ком|нет"
_SPACED_AT = re.compile(
    r"\s?(?:[\[({<]\s?(?:at|собака|собачка|а|a|эт)\s?[\])}>]|(?<![\w])(?:собака|собачка|соба4ка)(?!\w))\s?"
)
_SPACED_DOT = re.compile(r"\s?(?:[\[({<]\s?(?:dot|точка|тчк|\.)\s?[\])}>]|(?<!\w)(?:точка|тчк|dot)(?!\w))\s?")
#: All patterns begin where a word begins and have bounds, so that a long text takes no longer than its length.
_EMAIL = re.compile(
    rf"(?<![\w.+-])[\w.+-]{{1,64}}\s?@\s?[\w-]{{1,63}}(?:\s?\.\s?[\w-]{{1,63}}){{0,4}}?\s?\.\s?(?:{_TLD}|[a-z]{{2,20}})(?!\w)"
)
_PROVIDERS = (
    "gmail|mail|yandex|ya|inbox|bk|list|rambler|icloud|outlook|hotmail|proton"
    "|яндекс|меил|мэил|маил|джимеил|гмеил|жмеил|рамблер"
)
_AT_PROVIDER = re.compile(
    rf"\w\s?@\s?(?:{_PROVIDERS})(?!\w)|\w\s(?:at|эт)\s(?:{_PROVIDERS})\s?(?:\.|dot|точка)\s?(?:{_TLD})(?!\w)"
)
_SCHEME = re.compile(r"(?:(?:https?|hxxps?|tg|whatsapp|viber)\s?:\s?/\s?/|www\s?\.)\s?(\S{1,300})")
_HOST = re.compile(
    rf"(?<![\w@-])([\w-]{{0,62}}[^\W\d_][\w-]{{0,62}}(?:\.|\s\.\s?)(?:{_TLD})|(?:t|wa|vk|m|ig)\s?\.\s?me)(?![\w-]|\.\w)"
    rf"|(?<![\w@-])([a-z0-9-]{{1,63}}\.\s(?:{_TLD})\s?/)"
)
_HANDLE = re.compile(
    r"(?<![\w.@])@\s?(?=[\d.]{0,64}[a-z_])[\w.]{3,64}"
    r"|(?<!\w)(?:ник(?:неим)?|nick(?:name)?|юзернеим|username|аккаунт|account)\s?[:=—–-]?\s?"
    r"(?=[a-z][a-z.]{0,30}[0-9_])[\w.]{4,64}"
)


def _spelled(text: str) -> str:
    """With "@" and "." in place of their words."""
    return _SPACED_DOT.sub(".", _SPACED_AT.sub("@", text))


def _latin(text: str) -> str:
    return text.translate(_LOOKALIKES)


def _has_link(text: str, own_hosts: Collection[str]) -> bool:
    return any(not _is_own(address, own_hosts) for address, _, _ in _links(text))


def _links(text: str) -> Iterator[tuple[str, int, int]]:
    """Addresses with their start and end: after a scheme or "www", or a host whose last name is a known one."""
    for match in _SCHEME.finditer(text):
        yield match[1], match.start(), match.end()
    for match in _HOST.finditer(text):
        start, end = match.span()
        while start and end - start < 300 and (text[start - 1].isalnum() or text[start - 1] in ".-@_"):
            start -= 1
        if "@" not in text[start : match.start()] and not text[:start].endswith(("//", "www.")):
            yield text[start:end], start, end


def _is_own(address: str, own_hosts: Collection[str]) -> bool:
    """By the host alone, as browsers read it: what stands before an "@" is not the host."""
    host = re.split(r"[/?#\\]", address)[0].rpartition("@")[2].partition(":")[0].rstrip(".").replace(" ", "")
    return any(host == own or host.endswith(f".{own}") for own in own_hosts)


def _own_links_away(text: str, own_hosts: Collection[str]) -> str:
    for address, start, end in _links(text):
        if _is_own(address, own_hosts):
            text = text[:start] + " " * (end - start) + text[end:]
    return text


# Messengers

_MESSENGERS = (
    r"tel+egr?am\w*|telega|tg|whats?\s?ap\w*|wh?ats+ap\w*|wats+ap\w*|viber\w*|skype|discord|wechat|imo\s?messenger",
    r"тел+егр?ам\w*|телег[аеуиоы]\w?|тг|тгк|тгш\w*|[вф][ао][тц]+с?[аэ]п\w*|воцап\w*|вацап\w*|вотсап\w*|ватсап\w*"
    r"|вайбер\w*|ваибер\w*|скайп\w*|скаип\w*|дискорд\w*|вичат\w*",
)
_MESSENGER = re.compile("|".join((_MESSENGERS[0], _latin(_MESSENGERS[1]))))
_WORD = re.compile(r"[^\W_][\w@$]*")


def _has_messenger(text: str) -> bool:
    """By how words look: Latin and Cyrillic letters that look the same are one, as are signs that stand for some."""
    for word in _WORD.findall(text):
        shown = _latin(word)
        if _MESSENGER.fullmatch(shown) or (not word.isdigit() and _MESSENGER.fullmatch(_latin(word.translate(_LEET)))):
            return True
    return bool(re.search(r"(?<!\w)(?:whats|ватс|вотс)[\s-]+(?:app|апп?)(?!\w)", text))
