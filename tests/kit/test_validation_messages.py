"""Sentences for people, in both languages."""

from __future__ import annotations

import pytest

from mystar.errors import Text, TooMany
from mystar.kit.web.validation_messages_ru import russian


@pytest.mark.parametrize(
    ("english", "said"),
    [
        ("Missing data for required field.", "Обязательное поле."),
        ("Longer than maximum length 30.", "Не длиннее 30 символов."),
        ("Length must be between 1 and 5.", "Длина должна быть от 1 до 5."),
        ("Must be greater than or equal to 1.", "Не меньше 1."),
        ("Must be greater than or equal to 1 and less than or equal to 5.", "От 1 до 5."),
        ("Must be greater than 0 and less than or equal to 9.", "Больше 0 и не больше 9."),
        ("Must be one of: a, b.", "Одно из: a, b."),
        ("Something new.", "Недопустимое значение."),
    ],
)
def test_all_marshmallow_messages_are_translated(english: str, said: str) -> None:
    assert russian(english) == said


def test_a_text_fills_only_its_own_placeholders() -> None:
    assert Text("Через {seconds} с.", "In {seconds} s.").in_("en", seconds=5) == "In 5 s."
    assert Text("{", "}").in_("ru") == "{"
    assert TooMany(retry_after=0).details == {"retry_after": 1}
