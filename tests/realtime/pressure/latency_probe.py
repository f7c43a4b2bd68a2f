"""Asks an API one thing over and over until standard input ends; prints how many milliseconds each answer took.

    python -m tests.realtime.pressure.latency_probe URL TOKEN

:raises AssertionError: an answer was none.
"""

from __future__ import annotations

import http.client
import json
import select
import sys
import time


def main() -> None:
    host, token = sys.argv[1].removeprefix("http://"), sys.argv[2]
    connection, took = http.client.HTTPConnection(host, timeout=60), []
    while not select.select([sys.stdin], [], [], 0.01)[0]:
        began = time.perf_counter()
        connection.request("GET", "/api/v1/conversations/", headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, body
        took.append((time.perf_counter() - began) * 1000)
    print(json.dumps(took))


if __name__ == "__main__":
    main()
