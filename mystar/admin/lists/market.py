"""Lists of services, categories, tags and skills."""

from __future__ import annotations

from mystar.admin.formats import NUMBER_SIGN
from mystar.admin.lists.columns import (
    ChoiceFilter,
    Column,
    ListDefinition,
    ParentFilter,
    SearchField,
    options_of,
    parse_id,
    parse_word,
)
from mystar.admin.lists.labels import LISTING, SERVICE_KINDS, YES
from mystar.admin.lists.people import creator_search
from mystar.errors import Text

_NAME = Text("Название", "Name")
_SINCE = Text("Создано", "Created")

SERVICES = ListDefinition(
    "services",
    Text("Услуги", "Services"),
    "services",
    columns=(
        Column("id", NUMBER_SIGN, "reference", "/admin/services/{id}/"),
        Column("title", _NAME, link="/admin/services/{id}/"),
        Column("kind", Text("Вид", "Kind"), "badge", labels=SERVICE_KINDS),
        Column("creator", Text("Креатор", "Creator"), link="/admin/creators/{creator_id}/"),
        Column("category", Text("Категория", "Category")),
        Column("base_price", Text("Цена", "Price"), "money", sort="price"),
        Column("state", Text("Состояние", "State"), "badge", labels=LISTING),
        Column("created_at", _SINCE, "moment", sort="created"),
    ),
    filters=(
        ChoiceFilter("kind", Text("Вид", "Kind"), "kind", options_of(SERVICE_KINDS)),
        ChoiceFilter("withheld", Text("Скрыты нами", "Hidden by us"), "is_withheld", (("yes", YES, True),)),
        ParentFilter("category", Text("Категория", "Category"), "category_id"),
        ParentFilter("creator", Text("Креатор", "Creator"), "creator_id"),
    ),
    sortings={"created": "created_at", "price": "base_price"},
    search=(SearchField("id", parse_id), *creator_search("creator_id")),
    hint=Text("Номер услуги или имя креатора", "Number of a service, or its creator's name"),
)

CATEGORIES = ListDefinition(
    "categories",
    Text("Категории", "Categories"),
    "categories",
    columns=(
        Column("id", NUMBER_SIGN, "reference", "/admin/categories/{id}/"),
        Column("name", _NAME, link="/admin/categories/{id}/", sort="name"),
        Column("position", Text("Место", "Place"), "number", sort="position"),
        Column("created_at", _SINCE, "moment", sort="created"),
    ),
    sortings={"created": "created_at", "name": "name", "position": "position"},
    search=(SearchField("id", parse_id), SearchField("name", str, prefix=True)),
    hint=Text("Номер или начало названия", "Number, or how the name begins"),
)

TAGS = ListDefinition(
    "tags",
    Text("Теги", "Tags"),
    "tags",
    columns=(
        Column("id", NUMBER_SIGN, "reference", "/admin/tags/{id}/", sort="created"),
        Column("name", _NAME, link="/admin/tags/{id}/", sort="name"),
    ),
    created="id",
    sortings={"created": "id", "name": "key"},
    search=(SearchField("id", parse_id), SearchField("key", parse_word, prefix=True)),
    hint=Text("Номер или начало названия", "Number, or how the name begins"),
)

SKILLS = ListDefinition(
    "skills",
    Text("Навыки", "Skills"),
    "skills",
    columns=(
        Column("id", NUMBER_SIGN, "reference", "/admin/skills/{id}/"),
        Column("name", _NAME, link="/admin/skills/{id}/", sort="name"),
        Column("description", Text("Описание", "Description"), "long"),
        Column("created_at", _SINCE, "moment", sort="created"),
    ),
    sortings={"created": "created_at", "name": "key"},
    search=(SearchField("id", parse_id), SearchField("key", parse_word, prefix=True)),
    hint=Text("Номер или начало названия", "Number, or how the name begins"),
)
