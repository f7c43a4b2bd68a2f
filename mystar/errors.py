"""The root of all errors that clients see. Statuses and shapes are given by the dialects (law 4).

MystarError
├── Unreadable        the request cannot be parsed
├── Invalid           fields have wrong values (`fields` says which)
├── Unauthenticated   the request has no valid token
├── Forbidden         the actor may not do this
├── NotFound          the object does not exist, or not for this actor
├── MethodNotAllowed  the address does not support the method
├── Conflict          not possible in the current state
├── Stale             an edit of something that has changed since it was read
├── TooLarge          more bytes than are accepted
├── UnsupportedMedia  a kind of content that is not accepted
├── OutOfRange        a range outside the file; `size` of the whole
├── TooMany           a rate limit; `retry_after` seconds
├── Unavailable       an outage of the service or of a third party; `retry_after` seconds
└── Unexpected        a defect, answered without its reason
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple


class Text(NamedTuple):
    """A sentence for users, in both languages. May contain ``{placeholders}``."""

    ru: str
    en: str

    def in_(self, language: str, **details: Any) -> str:
        sentence = self.en if language == "en" else self.ru
        said = {name: one.words.in_(language) if isinstance(one, Told) else one for name, one in details.items()}
        return sentence.format(**said) if said else sentence

    def filled(self, **details: Any) -> Text:
        """The sentence with its details, in both languages."""
        return Text(self.in_("ru", **details), self.in_("en", **details))


class Told(str):
    """A detail of an error: text for programs, such as "1500.00" or "2030-05-14", and words for people."""

    __slots__ = ("words",)

    words: Text

    def __new__(cls, text: str, words: Text) -> Told:
        told = super().__new__(cls, text)
        told.words = words
        return told


#: Messages by field; the field "" stands for the whole.
Fields = Mapping[str, Sequence[Text]]


class MystarError(Exception):
    """An error that a client is told.

    :param fields: messages by field name, shown by dialects that have a place for them.
    :param details: fill the placeholders of ``text``, and are shown by dialects that have a place for them.
    """

    code: ClassVar[str] = "error"
    text: ClassVar[Text] = Text("Что-то пошло не так.", "Something went wrong.")

    def __init__(self, *, fields: Fields | None = None, **details: Any) -> None:
        self.fields: Fields = fields or {}
        self.details = details
        super().__init__(self.code, details, dict(self.fields))

    def message(self, language: str) -> str:
        """One sentence for clients that show no fields: of a single wrong field, what is wrong with it."""
        if len(self.fields) == 1:
            (texts,) = self.field_messages(language).values()
            return " ".join(texts)
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

    def message(self, language: str) -> str:
        """The text of the field, if only one is wrong and the error has no text of its own."""
        texts = [text for texts in self.fields.values() for text in texts]
        if self.code == Invalid.code and len(texts) == 1:
            return texts[0].in_(language)
        return super().message(language)


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
