"""Addresses that take uploads, forms written by hand, and a count of what was stored."""

from __future__ import annotations

from aiohttp import web

from mystar.kit.keys import DATABASE

AVATAR, HELLO, CONGRATULATION = "/api/upload/avatar/", "/api/upload/video/hi/", "/api/upload/congritulatoin/"


async def file_count(app: web.Application) -> int:
    return int(await app[DATABASE].value("select count(*) from files"))


MULTIPART = {"Content-Type": "multipart/form-data; boundary=b0undary"}


def multipart_around(part: str, name: str) -> tuple[bytes, bytes]:
    head = f'--b0undary\r\nContent-Disposition: form-data; name="{part}"; filename="{name}"\r\n\r\n'
    return head.encode(), b"\r\n--b0undary--\r\n"
