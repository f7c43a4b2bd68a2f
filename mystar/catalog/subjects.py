"""What kept answers depend on, in the words in which triggers log changes (D75, D81)."""

from __future__ import annotations

#: A subject of all lists: they may show any service.
LISTS = "lists"
#: What lists of the catalogue do not show begins so.
_ORDERS, _PERSON = "orders ", "person "
#: What services, or lists of their categories, show; answers depend on the services.
_HAVE_SERVICES = ("service ", "creator ", "tag ", _PERSON)
#: All subjects at once.
EVERYTHING = "everything"


def service_subject(service_id: int) -> str:
    return f"service {service_id}"


def category_subject(category_id: int) -> str:
    return f"category {category_id}"


def orders_subject(account_id: int) -> str:
    """All orders that the account has bought or sold, with its shares."""
    return f"{_ORDERS}{account_id}"


def person_subject(account_id: int) -> str:
    """The names and the picture of an account."""
    return f"{_PERSON}{account_id}"


def is_of_catalog(subject: str) -> bool:
    """Whether lists of services may show it."""
    return not subject.startswith((_ORDERS, _PERSON))


def has_services(subject: str) -> bool:
    """Whether services that were not noted may show it: some were being added or moved when it was changed."""
    return subject.startswith(_HAVE_SERVICES)
