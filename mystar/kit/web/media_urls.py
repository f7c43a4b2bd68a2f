"""URLs of files under /media/, and of the small copies of an avatar."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

#: Sides, in pixels, of the square copies of every avatar.
SIDES = (96, 320, 960)


def media_path(key: str) -> str:
    return f"/media/{key}"


class Addresses(NamedTuple):
    """Makes absolute URLs of files, which pages of other origins can show."""

    #: Their beginning, without a slash at the end.
    public_url: str
    #: From the key of a private file to the path of a link that opens it for an hour.
    signed_path: Callable[[str], str]

    def public(self, key: str | None) -> str | None:
        """Of a public file, such as an avatar; None without a key."""
        return self.public_url + media_path(key) if key else None

    def private(self, key: str) -> str:
        return self.public_url + self.signed_path(key)


def copy_key(key: str, side: int) -> str:
    """ "avatars/5f0c.jpeg" → "avatars/5f0c-96.webp"."""
    return f"{key.rpartition('.')[0] or key}-{side}.webp"


def copy_paths(avatar_key: str | None, public_url: str = "") -> dict[str, str] | None:
    """The URLs of the copies by side, as all dialects show them; None without an avatar."""
    if avatar_key is None:
        return None
    return {str(side): public_url + media_path(copy_key(avatar_key, side)) for side in SIDES}
