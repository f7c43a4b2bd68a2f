"""Addresses of files: what a key is behind /media/, and where the small copies of an avatar are."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

#: Pixels of a side of the squares that every avatar is also kept as.
SIDES = (96, 320, 960)


def media_path(key: str) -> str:
    return f"/media/{key}"


class Addresses(NamedTuple):
    """Absolute URLs of files, since pages of other origins show them."""

    #: What they begin with.
    public_url: str
    #: From the key of a private file to the path of a link that opens it for a while.
    signed_path: Callable[[str], str]

    def public(self, key: str | None) -> str | None:
        """Of what anybody may see, such as an avatar; None without one."""
        return self.public_url + media_path(key) if key else None

    def private(self, key: str) -> str:
        return self.public_url + self.signed_path(key)


def copy_key(key: str, side: int) -> str:
    """ "avatars/5f0c.jpeg" → "avatars/5f0c-96.webp"."""
    return f"{key.rpartition('.')[0] or key}-{side}.webp"


def copy_paths(avatar_key: str | None, public_url: str = "") -> dict[str, str] | None:
    """The addresses of the copies by side, as every door shows them; None without a picture."""
    if avatar_key is None:
        return None
    return {str(side): public_url + media_path(copy_key(avatar_key, side)) for side in SIDES}
