"""Lists of people and of what is theirs: accounts, creators, files."""

from __future__ import annotations

from dataclasses import replace

from mystar.admin.formats import NUMBER_SIGN
from mystar.admin.lists.columns import (
    ANYTHING,
    WORDS,
    ChoiceFilter,
    Column,
    ListDefinition,
    ParentFilter,
    SearchField,
    options_of,
    parse_email,
    parse_id,
    parse_phone,
    parse_text,
    parse_username,
)
from mystar.admin.lists.labels import ACTIVITY, FILE_KINDS, ROLES, YES
from mystar.admin.search import read
from mystar.errors import Text

_SINCE = Text("Создан", "Created")
_PERSON = Text("Человек", "Person")

BY_PERSON_HINT = Text("Номер, имя, фамилия, e-mail или телефон", "Number, any name, e-mail or phone")


def parse_words(text: str) -> tuple[str, ...] | None:
    """Parts of the words of a person, or of the phone."""
    wanted = read(text)
    return wanted.parts or None


def person_search(key: str) -> tuple[SearchField, ...]:
    """Found by the user name, the name, the e-mail or the phone of the account that ``key`` is the id of."""
    return (
        SearchField(WORDS, parse_words, through="accounts", key=key),
        SearchField("username_key", parse_username, prefix=True, through="accounts", key=key),
        SearchField("email_key", parse_email, prefix=True, through="accounts", key=key),
    )


def creator_search(key: str) -> tuple[SearchField, ...]:
    """Found by the names of the person behind the creator that ``key`` is the id of."""
    return (
        SearchField(WORDS, parse_words, through="creators", key=key),
        SearchField("username_key", parse_username, prefix=True, through="creators", key=key),
    )


_ROLE_OPTIONS = (*options_of(ROLES), ("staff", Text("любая", "any"), ANYTHING))

ACCOUNTS = ListDefinition(
    "accounts",
    Text("Аккаунты", "Accounts"),
    "accounts",
    columns=(
        Column("id", NUMBER_SIGN, "reference", "/admin/accounts/{id}/", sort="created"),
        Column("username", Text("Имя", "User name"), link="/admin/accounts/{id}/", sort="username"),
        Column("email", Text("E-mail", "E-mail")),
        Column("phone", Text("Телефон", "Phone")),
        Column("role", Text("Роль", "Role"), "badge", labels=ROLES),
        Column("state", Text("Состояние", "State"), "badge", labels=ACTIVITY),
        Column("created_at", _SINCE, "moment", sort="created"),
    ),
    filters=(
        ChoiceFilter("role", Text("Роль", "Role"), "role", _ROLE_OPTIONS),
        ChoiceFilter("blocked", Text("Заблокированы", "Blocked"), "is_active", (("yes", YES, False),)),
    ),
    sortings={"created": "created_at", "username": "username_key"},
    search=(
        SearchField("id", parse_id),
        SearchField("phone", parse_phone, prefix=True),
        SearchField("email_key", parse_email, prefix=True),
        SearchField("username_key", parse_username, prefix=True),
        SearchField(WORDS, parse_words),
    ),
    hint=Text("Номер, имя, фамилия, e-mail или телефон", "Number, any name, e-mail or phone"),
)

NOTES = ListDefinition(
    "notes",
    Text("Заметки", "Notes"),
    "staff_notes",
    columns=(
        Column("created_at", Text("Когда", "When"), "moment", sort="created"),
        Column("subject", Text("О чём", "About"), "subject"),
        Column("text", Text("Заметка", "Note"), "long"),
        Column("author", Text("Автор", "Author"), link="/admin/accounts/{author_id}/"),
    ),
    filters=(ParentFilter("author", Text("Автор", "Author"), "author_id"),),
    sortings={"created": "created_at"},
    search=tuple(replace(one, is_array=True) for one in person_search("people")),
    hint=Text("Имя или e-mail человека, о котором заметка", "Name or e-mail of the person that a note is about"),
    empty=Text("Заметок нет.", "No notes."),
)

CREATORS = ListDefinition(
    "creators",
    Text("Креаторы", "Creators"),
    "creators",
    columns=(
        Column("id", NUMBER_SIGN, "reference", "/admin/creators/{id}/"),
        Column("username", _PERSON, link="/admin/creators/{id}/"),
        Column("profession", Text("Профессия", "Profession")),
        Column("rating", Text("Рейтинг", "Rating"), "stars", sort="rating"),
        Column("likes_count", Text("Лайки", "Likes"), "number", sort="likes"),
        Column("completed_orders", Text("Выполнено", "Completed"), "number", sort="completed"),
        Column("is_top", Text("В топе", "On top"), "yes"),
        Column("created_at", _SINCE, "moment", sort="created"),
    ),
    filters=(ChoiceFilter("top", Text("В топе", "On top"), "is_top", (("yes", YES, True),)),),
    sortings={
        "created": "created_at",
        "rating": "rating",
        "likes": "likes_count",
        "completed": "completed_orders",
    },
    search=(SearchField("id", parse_id), *person_search("account_id")),
    hint=BY_PERSON_HINT,
)

FILES = ListDefinition(
    "files",
    Text("Файлы", "Files"),
    "files",
    columns=(
        Column("id", NUMBER_SIGN, "reference", "/admin/files/{id}/"),
        Column("name", Text("Название", "Name"), link="/admin/files/{id}/"),
        Column("kind", Text("Вид", "Kind"), "badge", labels=FILE_KINDS),
        Column("content_type", Text("Тип", "Type")),
        Column("size", Text("Размер", "Size"), "size", sort="size"),
        Column("owner", Text("Владелец", "Owner"), link="/admin/accounts/{owner_id}/"),
        Column("is_public", Text("Открыт всем", "Public"), "yes"),
        Column("uploaded_at", Text("Загружен", "Uploaded"), "moment", sort="created"),
    ),
    created="uploaded_at",
    filters=(
        ChoiceFilter("kind", Text("Вид", "Kind"), "kind", options_of(FILE_KINDS)),
        ChoiceFilter(
            "used",
            Text("Используется", "In use"),
            "attached_at",
            (("no", Text("нет", "no"), None),),
        ),
        ParentFilter("owner", Text("Владелец", "Owner"), "owner_id"),
    ),
    sortings={"created": "uploaded_at", "size": "size"},
    search=(SearchField("id", parse_id), SearchField("key", parse_text), *person_search("owner_id")),
    hint=BY_PERSON_HINT,
)
