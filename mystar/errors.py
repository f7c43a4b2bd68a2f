"""What can go wrong, in the words of the domain. Statuses and shapes belong to the contracts, at the edge.

MystarError
├── Unreadable        the request cannot be understood at all
├── Invalid           it can, but fields are wrong (`fields` says which)
├── Unauthenticated   nobody we know is asking
├── Forbidden         somebody we know may not do this
├── NotFound          there is nothing here, or nothing for you
├── MethodNotAllowed  the address exists, the deed does not
├── Conflict          right deed, wrong time or state
├── Stale             an edit of something that has changed since it was read
├── TooLarge          more bytes than we take
├── UnsupportedMedia  bytes of a kind we do not take
├── OutOfRange        no such part of a thing that exists; `size` of the whole
├── TooMany           too often; `retry_after` seconds
├── Unavailable       our own or a third party's outage; `retry_after` seconds
└── Unexpected        a defect of ours, told without its reason
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple


class Text(NamedTuple):
    """A sentence for people, in both languages. May hold ``{placeholders}``."""

    ru: str
    en: str

    def in_(self, language: str, **details: Any) -> str:
        sentence = self.en if language == "en" else self.ru
        return sentence.format(**details) if details else sentence


#: Problems by field; the field "" speaks of the whole.
Fields = Mapping[str, Sequence[Text]]


class MystarError(Exception):
    """The root of everything that is said to a client.

    :param fields: problems by field name, shown by dialects that can.
    :param details: fill the placeholders of ``text`` and are shown by dialects that can.
    """

    code: ClassVar[str] = "error"
    text: ClassVar[Text] = Text("Что-то пошло не так.", "Something went wrong.")

    def __init__(self, *, fields: Fields | None = None, **details: Any) -> None:
        self.fields: Fields = fields or {}
        self.details = details
        super().__init__(self.code, details, dict(self.fields))

    def message(self, language: str) -> str:
        return self.text.in_(language, **self.details)

    def field_messages(self, language: str) -> dict[str, list[str]]:
        return {name: [text.in_(language) for text in texts] for name, texts in self.fields.items()}


class Unreadable(MystarError):
    """The body is not what its content type says."""

    code = "unreadable"
    text = Text("Запрос не удалось прочитать.", "The request could not be read.")


class Invalid(MystarError):
    """A field of path, query or body is wrong; the answer names the fields where the dialect can."""

    code = "invalid"
    text = Text("Проверьте введённые данные.", "Please check the data you entered.")


class Unauthenticated(MystarError):
    """A token is needed and there is none, or its session has ended (D2)."""

    code = "unauthenticated"
    text = Text("Учетные данные не были предоставлены.", "Authentication credentials were not provided.")


class Forbidden(MystarError):
    """The actor may not do this. Many refusals have a code of their own."""

    code = "forbidden"
    text = Text(
        "У вас недостаточно прав для выполнения данного действия.",
        "You do not have permission to perform this action.",
    )


class NotFound(MystarError):
    """Nothing has this address. Missing objects have codes of their own."""

    code = "not_found"
    text = Text("Страница не найдена.", "Not found.")


class MethodNotAllowed(MystarError):
    """The address does not know the method; ``Allow`` names those it knows.

    ``allowed``: these methods.
    """

    code = "method_not_allowed"
    text = Text("Метод {method} не поддерживается.", "Method {method} is not allowed.")


class Conflict(MystarError):
    """The state has changed so that the request is no longer possible. Most conflicts have a code of their own."""

    code = "conflict"
    text = Text("Это уже невозможно: состояние изменилось.", "This is no longer possible: the state has changed.")


class Stale(MystarError):
    """``If-Match`` names another state than the current one; 412."""

    code = "stale"
    text = Text(
        "Данные изменились с тех пор, как вы их прочли. Прочтите их снова.",
        "This has changed since you read it. Please read it again.",
    )


class TooLarge(MystarError):
    """A body or a field is larger than allowed."""

    code = "too_large"
    text = Text("Слишком большой запрос или файл.", "The request or file is too large.")


class UnsupportedMedia(MystarError):
    """The content type or the kind of file is not accepted here."""

    code = "unsupported_media"
    text = Text("Такой тип данных не принимается.", "This kind of data is not accepted.")


class OutOfRange(MystarError):
    """A range of bytes begins behind the end of the file.

    ``size``: bytes of the whole file.
    """

    code = "out_of_range"
    text = Text("В файле нет такой части.", "The file has no such part.")


class TooMany(MystarError):
    """A limit was hit; ``Retry-After`` says when to come back."""

    code = "too_many_requests"
    text = Text(
        "Слишком много попыток. Повторите через {retry_after} с.", "Too many attempts. Try again in {retry_after} s."
    )

    def __init__(self, *, retry_after: int = 60, **details: Any) -> None:
        super().__init__(retry_after=max(1, retry_after), **details)


class Unavailable(MystarError):
    """Something the service needs does not answer: the database, the storage, a limit on work in progress."""

    code = "unavailable"
    text = Text("Сервис временно недоступен. Повторите позже.", "The service is unavailable. Please try again later.")

    def __init__(self, *, retry_after: int = 5, **details: Any) -> None:
        super().__init__(retry_after=max(1, retry_after), **details)


class Unexpected(MystarError):
    """An unexpected error of the service; the log has it under the id of ``X-Request-ID``."""

    code = "internal_error"
    text = Text("Внутренняя ошибка сервера.", "Internal server error.")
