"""What the application keeps of files: ``app[KEY]``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from mystar.files.service import FileService
    from mystar.files.storage_selection import Storages
    from mystar.kit.storage.write_probe import WriteProbe

FILES: web.AppKey[FileService] = web.AppKey("files")
STORAGES: web.AppKey[Storages] = web.AppKey("storages")
WRITE_PROBE: web.AppKey[WriteProbe] = web.AppKey("write_probe")
