"""Ranges and validators against the plain meaning of RFC 9110."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from mystar.errors import OutOfRange
from mystar.kit.web.ranges import http_date, is_cached, requested_part

MOMENT = datetime(2026, 11, 21, 10, 30, 15, 250_000, tzinfo=UTC)
ETAG = "f00d"
TAG = f'"{ETAG}"'


def request(**headers: str) -> web.Request:
    return make_mocked_request("GET", "/media/x", headers)


def asked(range_: str, size: int, **headers: str) -> bytes | None:
    """The bytes of 0, 1, 2 … that the range gives; None = all."""
    part = requested_part(request(Range=range_, **headers), size, ETAG, MOMENT)
    return None if part is None else bytes(number % 256 for number in range(part.start, part.start + part.size))


@given(size=st.integers(1, 600), first=st.integers(0, 700), length=st.integers(0, 700))
def test_a_range_gives_what_a_slice_gives(size: int, first: int, length: int) -> None:
    whole = bytes(number % 256 for number in range(size))
    for range_, slice_ in (
        (f"bytes={first}-{first + length}", whole[first : first + length + 1]),
        (f"bytes={first}-", whole[first:]),
        (f"bytes=-{length}", whole[size - min(length, size) :]),
    ):
        if slice_:
            assert asked(range_, size) == slice_
        else:
            with pytest.raises(OutOfRange):
                asked(range_, size)


@given(st.text(alphabet="bytes=-,0123456789 xX\t", max_size=40) | st.text(max_size=40))
def test_any_range_is_answered(range_: str) -> None:
    try:
        part = requested_part(request(Range=range_), 100, ETAG, MOMENT)
    except OutOfRange:
        return
    assert part is None or (part.start >= 0 and part.size > 0 and part.start + part.size <= 100)


@pytest.mark.parametrize(
    "range_", ["bytes=5-2", "bytes=-", "bytes", "lines=1-2", "bytes=1-2,4-5", "bytes=a-b", "bytes=\u0661-\u0662", ""]
)
def test_an_invalid_range_is_ignored(range_: str) -> None:
    assert asked(range_, 100) is None


@pytest.mark.parametrize("range_", ["bytes={}x", "bytes{}x", "bytes=1{}x", "bytes=1-{}x", "bytes=1-2{}x"])
def test_spaces_of_a_range_are_read_once(range_: str) -> None:
    """Seconds of the processor, of ten times as many as a header holds. Two ways to read each take far longer."""
    before = time.process_time()
    assert asked(range_.format(" " * 100_000), 100) is None
    assert time.process_time() - before < 3


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (TAG, True),
        ('"other"', False),
        (f"W/{TAG}", False),
        (http_date(MOMENT), True),
        (http_date(MOMENT - timedelta(hours=1)), False),
        (http_date(MOMENT + timedelta(hours=1)), False),
        ("yesterday", False),
    ],
)
def test_a_range_applies_only_while_its_condition_holds(condition: str, holds: bool) -> None:
    assert asked("bytes=0-9", 100, **{"If-Range": condition}) == (bytes(range(10)) if holds else None)


@pytest.mark.parametrize(
    ("headers", "known"),
    [
        ({}, False),
        ({"If-None-Match": ""}, False),
        ({"If-None-Match": TAG}, True),
        ({"If-None-Match": f'"a", W/{TAG}'}, True),
        ({"If-None-Match": f'"{ETAG}-gzip"'}, True),
        ({"If-None-Match": "*"}, True),
        ({"If-None-Match": '"other"'}, False),
        ({"If-None-Match": '"other"', "If-Modified-Since": http_date(MOMENT)}, False),
        ({"If-Modified-Since": http_date(MOMENT)}, True),
        ({"If-Modified-Since": http_date(MOMENT - timedelta(seconds=1))}, False),
        ({"If-Modified-Since": "Mon, 01 Jan 99999999999 00:00:00 GMT"}, False),
        ({"If-Modified-Since": "\u0660"}, False),
    ],
)
def test_a_file_that_the_client_has_is_not_sent_again(headers: dict[str, str], known: bool) -> None:
    assert is_cached(request(**headers), ETAG, MOMENT) is known


@pytest.mark.parametrize("range_", ["bytes=0-1", "bytes=900-"])
def test_a_range_of_head_is_ignored(range_: str) -> None:
    head = make_mocked_request("HEAD", "/media/x", {"Range": range_})
    assert requested_part(head, 600, ETAG, MOMENT) is None
