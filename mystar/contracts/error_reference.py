"""The reference of all errors: ``python -m mystar errors > docs/errors.md``; a test keeps the file current."""

from __future__ import annotations

import inspect
import pkgutil
import re
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from itertools import groupby

import mystar
from mystar.contracts.base import Contract
from mystar.errors import MystarError

_HEAD = """\
# Errors

Every error that a client can get. Made from the error classes and the contracts by
`python -m mystar errors > docs/errors.md`; do not edit.

The `code` is stable and the same in every dialect. The text follows `Accept-Language` and may change. Each dialect has
a shape of its own ([D17](decisions.md#d17-one-registry-of-errors-five-ways-to-write-them)). Words in braces are filled
with details of the case.

"""
#: What these packages raise is not sent to clients of the API.
_OTHER_PROCESSES = ("mystar.sandbox.", "mystar.demo.", "mystar.cli.", "mystar.__main__.")


def error_reference(contracts: Sequence[Contract]) -> str:
    """The whole document, in Markdown."""
    kinds = sorted(error_kinds(), key=lambda kind: (_area(kind), kind.code))
    return "".join((_HEAD, _statuses(kinds, contracts), *_sections(kinds)))


def error_kinds() -> list[type[MystarError]]:
    """Every class with a code of its own, also in modules that the service imports only when it needs them."""
    for module in pkgutil.walk_packages(mystar.__path__, "mystar."):
        if not _is_elsewhere(module.name):
            import_module(module.name)
    return sorted(set(_kinds(MystarError)), key=lambda kind: kind.code)


def _kinds(kind: type[MystarError]) -> Iterator[type[MystarError]]:
    for child in kind.__subclasses__():
        if not _is_elsewhere(child.__module__):
            if "code" in vars(child):
                yield child
            yield from _kinds(child)


def _is_elsewhere(module: str) -> bool:
    return not module.startswith("mystar.") or f"{module}.".startswith(_OTHER_PROCESSES)


def _statuses(kinds: Iterable[type[MystarError]], contracts: Sequence[Contract]) -> str:
    names = [contract.name for contract in contracts]
    lines = ["## Statuses", "", f"| code | {' | '.join(names)} |", "| --- |" + " --- |" * len(names)]
    for kind in sorted(kinds, key=lambda kind: kind.code):
        statuses = " | ".join(str(contract.status_of(kind)) for contract in contracts)
        lines.append(f"| [`{kind.code}`](#{kind.code}) | {statuses} |")
    return "\n".join(lines) + "\n"


def _sections(kinds: Iterable[type[MystarError]]) -> Iterator[str]:
    for area, members in groupby(kinds, key=_area):
        yield f"\n## {area.capitalize()}\n"
        for kind in members:
            yield f"\n### {kind.code}\n\n{_occasion(kind)}\n\n- ru: {kind.text.ru}\n- en: {kind.text.en}\n"


def _area(kind: type[MystarError]) -> str:
    """The package that the error belongs to; "general" for those that every package raises."""
    _, package, *_ = f"{kind.__module__}.".split(".")
    return {"errors": "general", "kit": "general", "contracts": "greetings"}.get(package, package)


def _occasion(kind: type[MystarError]) -> str:
    """When it happens: the first paragraph of the class's own docstring."""
    paragraph = inspect.cleandoc(vars(kind).get("__doc__") or "").partition("\n\n")[0]
    sentence = re.split(r"^:\w+", paragraph, maxsplit=1, flags=re.MULTILINE)[0]
    return " ".join(sentence.replace("``", "`").split())
