"""What the application keeps of files: ``app[KEY]``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from mystar.files.service import FileService
    from mystar.files.storage_selection import Storages

FILES: web.AppKey[FileService] = web.AppKey("files")
STORAGES: web.AppKey[Storages] = web.AppKey("storages")
