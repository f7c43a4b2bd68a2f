"""The service on its own server, for tests: with deadlines, limits of connections and errors of the dialects."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from mystar.app import api_runner


class ApiTestServer(TestServer):
    """`TestServer` with the runner of the service."""

    async def _make_runner(self, **options: Any) -> web.BaseRunner:
        return api_runner(self.app, **options)
