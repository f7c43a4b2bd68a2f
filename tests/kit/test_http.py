"""What is read from the headers of a request: the language, and whose address it is; and how values are written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from aiohttp.test_utils import make_mocked_request

from mystar.kit.web.http import client_address, dumps, networks, preferred_language


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "ru"),
        ("en", "en"),
        ("en-GB,en;q=0.9", "en"),
        ("ru,en;q=0.5", "ru"),
        ("ru;q=0.4, en;q=0.5", "en"),
        ("de, fr;q=0.9", "ru"),
        ("de, en;q=0.1", "en"),
        ("EN-us", "en"),
        ("en;q=0", "ru"),
        ("en;q=nonsense", "ru"),
        ("*", "ru"),
        (";;;,,,=", "ru"),
        ("en," * 10_000, "en"),
    ],
)
def test_the_language_is_english_only_when_it_is_wanted_more(header: str, language: str) -> None:
    assert preferred_language(header) == language


TRUSTED = networks(["127.0.0.1", "10.0.0.0/8", "::1"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        # Without a proxy it is the peer.
        ("203.0.113.7", [], "203.0.113.7"),
        ("127.0.0.1", [], "127.0.0.1"),
        # A stranger may write what he likes.
        ("203.0.113.7", ["1.2.3.4"], "203.0.113.7"),
        ("203.0.113.7", ["1.2.3.4, 127.0.0.1"], "203.0.113.7"),
        # One proxy, and two; what the client itself wrote in front is not believed.
        ("127.0.0.1", ["1.2.3.4"], "1.2.3.4"),
        ("10.1.1.1", ["9.9.9.9, 1.2.3.4"], "1.2.3.4"),
        ("127.0.0.1", ["9.9.9.9, 1.2.3.4, 10.2.2.2"], "1.2.3.4"),
        ("127.0.0.1", ["9.9.9.9", "1.2.3.4", "10.2.2.2"], "1.2.3.4"),
        ("::1", ["2001:db8::5"], "2001:db8::5"),
        # Only proxies all the way: the first of them.
        ("127.0.0.1", ["10.3.3.3, 10.2.2.2"], "10.3.3.3"),
        # A malformed entry is not trusted, and is cut to the length of an address.
        ("127.0.0.1", ["unknown"], "unknown"),
        ("127.0.0.1", ["1.2.3.4, unknown"], "unknown"),
        ("127.0.0.1", ["x" * 500], "x" * 45),
        ("127.0.0.1", [" , ,"], "127.0.0.1"),
        (None, ["1.2.3.4"], ""),
    ],
)
def test_forwarded_addresses_are_accepted_only_from_trusted_proxies(
    peer: str | None, forwarded: list[str], client: str
) -> None:
    """S19."""
    request = make_mocked_request("GET", "/", headers=[("X-Forwarded-For", value) for value in forwarded])  # type: ignore[arg-type]
    assert client_address(request.clone(remote=peer), TRUSTED) == client
    if peer is not None:
        assert client_address(request.clone(remote=peer), ()) == peer


def test_times_are_written_in_whole_seconds_of_utc() -> None:
    moment = datetime(2025, 6, 15, 12, 0, 0, 987_654, UTC)
    assert dumps({"at": moment, "price": Decimal("15000.00")}) == b'{"at":"2025-06-15T12:00:00Z","price":"15000.00"}'
    assert dumps(moment.astimezone(timezone(timedelta(hours=3)))) == b'"2025-06-15T15:00:00+03:00"'
