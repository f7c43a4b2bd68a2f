"""Parametrised cases that share the fixtures of one test."""

from __future__ import annotations

import functools
import inspect
import itertools
import reprlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

Test = Callable[..., Awaitable[None]]
#: What `pytest.param` returns.
_PARAMETERS = type(pytest.param())


def as_subtests(test: Test) -> Test:
    """Run the cases of the `parametrize` below it as subtests of one test, over one database and one application.

    For cases that change nothing, which are mostly refusals: otherwise most of their time goes into making a database
    and an application for each.
    """
    applied: list[pytest.Mark] = getattr(test, "pytestmark", [])
    marks = [mark for mark in applied if mark.name == "parametrize"]
    cases = [dict(itertools.chain(*case)) for case in itertools.product(*map(_cases, marks))]
    assert cases, f"{test.__name__} has no cases"

    @functools.wraps(test)
    async def run(*arguments: Any, subtests: pytest.Subtests, **fixtures: Any) -> None:
        for case in cases:
            with subtests.test(msg=", ".join(f"{name}={reprlib.repr(value)}" for name, value in case.items())):
                await test(*arguments, **fixtures, **case)

    kept = [item for name, item in inspect.signature(test).parameters.items() if name not in cases[0]]
    more = inspect.Parameter("subtests", inspect.Parameter.KEYWORD_ONLY)
    run.__dict__.update(
        __signature__=inspect.Signature([*kept, more]),
        pytestmark=[mark for mark in applied if mark not in marks],
    )
    return run


def _cases(mark: pytest.Mark) -> Iterator[list[tuple[str, Any]]]:
    """Names and values, case by case."""
    names, values = mark.args
    names = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
    for value in values:
        if isinstance(value, _PARAMETERS):
            value = value.values if len(names) > 1 else value.values[0]
        yield list(zip(names, value if len(names) > 1 else [value], strict=True))
