"""Lists of people and of what is theirs: accounts, creators, files."""

from __future__ import annotations

from mystar.admin.lists.columns import (
    ANYTHING,
    Choice,
    Column,
    ListDefinition,
    Match,
    Of,
    a_name,
    a_phone,
    an_email,
    an_id,
    as_typed,
    options_of,
)
from mystar.admin.lists.labels import ACTIVITY, FILE_KINDS, ROLES
from mystar.errors import Text

_ID = Text("№", "No.")
_SINCE = Text("Создан", "Created")
_PERSON = Text("Человек", "Person")

#: Whoever has it, by user name or e-mail.
BY_PERSON_HINT = Text("Номер, имя пользователя или e-mail", "Number, user name or e-mail")


def of_person(key: str) -> tuple[Match, Match]:
    """Found by the user name or the e-mail of the account that ``key`` is the id of."""
    return (
        Match("username_key", a_name, prefix=True, through="accounts", key=key),
        Match("email_key", an_email, prefix=True, through="accounts", key=key),
    )


def of_star(key: str) -> Match:
    """Found by the user name of the person behind the creator that ``key`` is the id of."""
    return Match("username_key", a_name, prefix=True, through="creators", key=key)


ACCOUNTS = ListDefinition(
    "accounts",
    Text("Аккаунты", "Accounts"),
    "accounts",
    columns=(
        Column("id", _ID, "reference", "/admin/accounts/{id}/", sort="created"),
        Column("username", Text("Имя", "User name"), link="/admin/accounts/{id}/", sort="username"),
        Column("email", Text("E-mail", "E-mail")),
        Column("phone", Text("Телефон", "Phone")),
        Column("role", Text("Роль", "Role"), "badge", words=ROLES),
        Column("state", Text("Состояние", "State"), "badge", words=ACTIVITY),
        Column("created_at", _SINCE, "moment", sort="created"),
    ),
    filters=(
        Choice("role", Text("Роль", "Role"), "role", (*options_of(ROLES), ("staff", Text("любая", "any"), ANYTHING))),
        Choice("blocked", Text("Заблокированы", "Blocked"), "is_active", (("yes", Text("да", "yes"), False),)),
    ),
    sortings={"created": "created_at", "username": "username_key"},
    search=(
        Match("id", an_id),
        Match("phone", a_phone, prefix=True),
        Match("email_key", an_email, prefix=True),
        Match("username_key", a_name, prefix=True),
    ),
    hint=Text("Номер, имя, e-mail или телефон", "Number, user name, e-mail or phone"),
)

CREATORS = ListDefinition(
    "creators",
    Text("Креаторы", "Creators"),
    "creators",
    columns=(
        Column("id", _ID, "reference", "/admin/creators/{id}/"),
        Column("username", _PERSON, link="/admin/creators/{id}/"),
        Column("profession", Text("Профессия", "Profession")),
        Column("rating", Text("Рейтинг", "Rating"), "stars", sort="rating"),
        Column("likes_count", Text("Лайки", "Likes"), "number", sort="likes"),
        Column("completed_orders", Text("Выполнено", "Completed"), "number", sort="completed"),
        Column("is_top", Text("В топе", "On top"), "yes"),
        Column("created_at", _SINCE, "moment", sort="created"),
    ),
    filters=(Choice("top", Text("В топе", "On top"), "is_top", (("yes", Text("да", "yes"), True),)),),
    sortings={
        "created": "created_at",
        "rating": "rating",
        "likes": "likes_count",
        "completed": "completed_orders",
    },
    search=(Match("id", an_id), *of_person("account_id")),
    hint=BY_PERSON_HINT,
)

FILES = ListDefinition(
    "files",
    Text("Файлы", "Files"),
    "files",
    columns=(
        Column("id", _ID, "reference", "/admin/files/{id}/"),
        Column("name", Text("Название", "Name"), link="/admin/files/{id}/"),
        Column("kind", Text("Вид", "Kind"), "badge", words=FILE_KINDS),
        Column("content_type", Text("Тип", "Type")),
        Column("size", Text("Размер", "Size"), "size", sort="size"),
        Column("owner", Text("Владелец", "Owner"), link="/admin/accounts/{owner_id}/"),
        Column("is_public", Text("Открыт всем", "Public"), "yes"),
        Column("uploaded_at", Text("Загружен", "Uploaded"), "moment", sort="created"),
    ),
    created="uploaded_at",
    filters=(
        Choice("kind", Text("Вид", "Kind"), "kind", options_of(FILE_KINDS)),
        Choice(
            "used",
            Text("Используется", "In use"),
            "attached_at",
            (("no", Text("нет", "no"), None),),
        ),
        Of("owner", Text("Владелец", "Owner"), "owner_id"),
    ),
    sortings={"created": "uploaded_at", "size": "size"},
    search=(Match("id", an_id), Match("key", as_typed), *of_person("owner_id")),
    hint=BY_PERSON_HINT,
)
