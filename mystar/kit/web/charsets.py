"""The charsets that clients may name.

Python knows many more, and is not asked: it keeps every name that it was ever asked for, some of what it knows are no
charsets, and "punycode" takes seconds for what a small form may hold.
"""

from __future__ import annotations

_NAMES = {
    **dict.fromkeys(("utf-8", "utf8"), "utf-8"),
    **dict.fromkeys(("us-ascii", "ascii"), "ascii"),
    **dict.fromkeys(("iso-8859-1", "iso8859-1", "latin1"), "latin-1"),
    **dict.fromkeys(("windows-1251", "cp1251"), "cp1251"),
    **dict.fromkeys(("windows-1252", "cp1252"), "cp1252"),
    **dict.fromkeys(("koi8-r", "koi8r"), "koi8-r"),
    **dict.fromkeys(("ibm866", "cp866"), "cp866"),
}


def known_charset(name: str) -> str:
    """The charset under the name that Python has for it. :raises LookupError: it is none of these."""
    return _NAMES[name.strip().lower().replace("_", "-")]
