"""Every error that an operation answers in a test is named in the OpenAPI document (mystar/contracts/refusals.py)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from aiohttp import web

from mystar.app import contracts
from mystar.contracts.base import Contract
from mystar.contracts.openapi import openapi
from mystar.contracts.operations import ANYWHERE
from mystar.errors import MystarError

_CODES = re.compile(r"`(\w+)`")
_answer = Contract.answer
#: Lines for the table, of the test that runs.
_undeclared: set[str] = set()


@contextmanager
def declared() -> Iterator[None]:
    """Fail if an operation answers an error inside of the block that its description does not name."""
    _undeclared.clear()
    yield
    assert not _undeclared, f"add to mystar/contracts/refusals.py, if it is meant: {sorted(_undeclared)}"


def _watched(contract: Contract, error: MystarError, request: web.Request) -> web.Response:
    route = request.match_info.route if request._match_info is not None else None
    name = route.resource.name if route is not None and route.resource is not None else None
    operation = f"{name}.{request.method.lower()}"
    known = declared_codes().get(operation)
    # Outages and overload happen to every operation, and on a busy machine at any moment.
    is_meant = error.code in ANYWHERE or contract.status_of(type(error)) >= 500
    if known is not None and error.code not in known and not is_meant:
        _undeclared.add(f'"{operation}": "{error.code}"')
    return _answer(contract, error, request)


@cache
def declared_codes() -> dict[str, frozenset[str]]:
    document: dict[str, Any] = openapi(contracts(), public_url="/")
    return {
        operation["operationId"]: frozenset(
            code
            for status, answer in operation["responses"].items()
            if not status.startswith("2")
            for code in _CODES.findall(answer["description"].rpartition("Codes:")[2])
        )
        for methods in document["paths"].values()
        for operation in methods.values()
    }


# Of all applications that the tests make; the product itself is not changed by it.
Contract.answer = _watched  # type: ignore[method-assign]
