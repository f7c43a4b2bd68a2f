"""What kept answers of the catalogue depend on, in the words in which triggers log changes (D75)."""

from __future__ import annotations

#: A subject of all lists: they may show any service.
LISTS = "lists"
#: All subjects at once.
EVERYTHING = "everything"


def service_subject(service_id: int) -> str:
    return f"service {service_id}"


def category_subject(category_id: int) -> str:
    return f"category {category_id}"
