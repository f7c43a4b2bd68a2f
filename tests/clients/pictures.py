"""A picture to upload."""

from __future__ import annotations

import io

from PIL import Image


def png() -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(target, "PNG")
    return target.getvalue()
