"""Comparing what people write."""

from __future__ import annotations

import unicodedata


def comparison_key(text: str) -> str:
    """The same for all spellings of a name: compatibility forms, case and spaces are ignored, as in " хип-ХОП "."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
