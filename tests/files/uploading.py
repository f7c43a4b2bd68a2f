"""Making and sending forms."""

from __future__ import annotations

import io
from typing import Any

import aiohttp


def form(**fields: Any) -> aiohttp.FormData:
    """A multipart form; a file is ``(name, bytes)``."""
    data = aiohttp.FormData(default_to_multipart=True)
    for name, value in fields.items():
        if isinstance(value, tuple):
            data.add_field(name, io.BytesIO(value[1]), filename=value[0], content_type="application/octet-stream")
        else:
            data.add_field(name, str(value))
    return data
