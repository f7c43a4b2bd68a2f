"""Verbs that make what a test needs, through the verbs of the domains."""

from __future__ import annotations

import itertools

from aiohttp import web


class Factory:
    """Every verb makes a new thing with names of its own; keywords say what matters to the test."""

    def __init__(self, app: web.Application) -> None:
        self._app = app
        self._numbers = itertools.count(1)
