"""Russian translations of marshmallow's messages. A test checks that all of its messages are in this table."""

from __future__ import annotations

import re

_SENTENCES: tuple[tuple[str, str], ...] = (
    ("Missing data for required field.", "Обязательное поле."),
    ("Field may not be null.", "Это поле не может быть пустым."),
    ("Invalid input type.", "Неверный тип данных."),
    ("Invalid type.", "Неверный тип данных."),
    ("Invalid value.", "Недопустимое значение."),
    ("Unknown field.", "Неизвестное поле."),
    ("Not a valid string.", "Введите строку."),
    ("Not a valid utf-8 string.", "Строка должна быть в кодировке UTF-8."),
    ("Not a valid integer.", "Введите целое число."),
    ("Not a valid number.", "Введите число."),
    ("Not a valid boolean.", "Введите true или false."),
    ("Not a valid date.", "Введите дату в виде ГГГГ-ММ-ДД."),
    ("Not a valid time.", "Введите время в виде ЧЧ:ММ:СС."),
    ("Not a valid datetime.", "Введите дату и время."),
    ("Not a valid list.", "Введите список."),
    ("Not a valid mapping type.", "Введите объект."),
    ("Not a valid email address.", "Введите правильный адрес электронной почты."),
    ("Not a valid URL.", "Введите правильный адрес ссылки."),
    ("Not a valid UUID.", "Введите правильный идентификатор."),
    ("Number too large.", "Слишком большое число."),
    ("Special numeric values (nan or infinity) are not permitted.", "Введите обычное число."),
    ("Shorter than minimum length {}.", "Не короче {} символов."),
    ("Longer than maximum length {}.", "Не длиннее {} символов."),
    # Of this service; see `mystar.kit.web.fields.BoundedList`.
    ("No more than {} items.", "Не больше {} штук."),
    ("Length must be between {} and {}.", "Длина должна быть от {} до {}."),
    ("Length must be {}.", "Длина должна быть {}."),
    # The longer ones first: the shorter would take their ends for a number.
    ("Must be greater than or equal to {} and less than or equal to {}.", "От {} до {}."),
    ("Must be greater than or equal to {} and less than {}.", "Не меньше {} и меньше {}."),
    ("Must be greater than {} and less than or equal to {}.", "Больше {} и не больше {}."),
    ("Must be greater than {} and less than {}.", "Больше {} и меньше {}."),
    ("Must be greater than or equal to {}.", "Не меньше {}."),
    ("Must be less than or equal to {}.", "Не больше {}."),
    ("Must be greater than {}.", "Больше {}."),
    ("Must be less than {}.", "Меньше {}."),
    ("Must be one of: {}.", "Одно из: {}."),
    ("String does not match expected pattern.", "Неверный вид значения."),
)


def _pattern(english: str) -> re.Pattern[str]:
    return re.compile("^" + "(.+?)".join(re.escape(part) for part in english.split("{}")) + "$")


_TABLE = tuple((_pattern(english), russian_) for english, russian_ in _SENTENCES)


def russian(sentence: str) -> str:
    """The translation of a message of marshmallow, or "Недопустимое значение." for an unknown one."""
    return known_russian(sentence) or "Недопустимое значение."


def known_russian(sentence: str) -> str | None:
    for pattern, translation in _TABLE:
        if found := pattern.match(sentence):
            return translation.format(*found.groups())
    return None
