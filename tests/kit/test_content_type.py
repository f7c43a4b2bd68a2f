"""The type and the charset that a request names."""

from __future__ import annotations

import pytest

from mystar.kit.web.content_type import charset_of, media_type_of

UNKNOWN = "application/octet-stream"


@pytest.mark.parametrize(
    ("header", "kind", "charset"),
    [
        (None, UNKNOWN, None),
        ("", UNKNOWN, None),
        ("application/json", "application/json", None),
        (" Application/JSON ; Charset = UTF-8", "application/json", "UTF-8"),
        ('text/plain;format=flowed;charset="windows-1251"', "text/plain", "windows-1251"),
        ("application/vnd.api+json;charset=a;charset=b", "application/vnd.api+json", "a"),
        ("multipart/form-data; boundary=x", "multipart/form-data", None),
        ("text", UNKNOWN, None),
        ("text/plain/more", UNKNOWN, None),
        ("(comment) text/plain", UNKNOWN, None),
        (";charset=utf-8", UNKNOWN, "utf-8"),
    ],
)
def test_type_and_charset_of_a_request(header: str | None, kind: str, charset: str | None) -> None:
    assert (media_type_of(header), charset_of(header)) == (kind, charset)
