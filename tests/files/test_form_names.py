"""Names of form parts as old and unusual clients write them, at every endpoint that takes files."""

from __future__ import annotations

import gzip
import zlib

import orjson
import pytest

from mystar.kit.web.content_disposition import parse_disposition
from tests.conftest import Api
from tests.factory import Factory, Person
from tests.subtests import as_subtests

UPLOAD = "/api/v1/files/upload/"
SECTIONS = "; ".join(f'filename*{number}="s{number}-"' for number in range(12))
NAMES = [
    ('filename="a.txt"', "a.txt"),
    ("filename=a.txt", "a.txt"),
    ("""filename*0="it's"; filename*1=".txt\"""", "it's.txt"),
    (SECTIONS, "".join(f"s{number}-" for number in range(12))),
    ("filename*0*=utf-8''%D1%84; filename*1=\" a\"; filename*2*=%D0%B9.txt", "ф aй.txt"),
    ("filename*1=b; filename*0=a", "ab"),
    ("filename*0=a; filename*2=c", "a"),
    ("filename*=UTF-8''%D1%84%D0%B0%D0%B9%D0%BB.txt", "файл.txt"),
    ("filename*=windows-1251''%F4.txt", "ф.txt"),
    ("filename=\"fallback.txt\"; filename*=UTF-8''%D1%84.txt", "ф.txt"),
    ("filename*=UTF-8'ru'a.txt", "a.txt"),
    ("filename*=unknown'a'%D1%84.txt", "ф.txt"),
    ("filename*=UTF-8''%ff.txt", "\ufffd.txt"),
    ("filename*=it's", "it's"),
    ('filename="file ; name.txt"', "file ; name.txt"),
    (r'filename="a\"b\\c.txt"', r'a"b\c.txt'),
    (r'filename="C:\Users\me\photo.txt"', r"C:\Users\me\photo.txt"),
    ('filename="no end', '"no end'),
    ('filename="a"; filename="b"', "a"),
    ('FILENAME = "a"', "a"),
    ('filename=""', ""),
    ("filename", None),
    (";;=;", None),
]


@pytest.mark.parametrize(("parameters", "name"), NAMES)
def test_a_file_name_is_read_in_every_encoding(parameters: str, name: str | None) -> None:
    assert parse_disposition(f'form-data; name="file"; {parameters}').filename == name


def test_spaces_around_the_name_of_a_field_are_ignored() -> None:
    for header, name in (
        ('form-data; name="file "', "file"),
        ("form-data; name=file", "file"),
        ("form-data; name*0=fi; name*1=le", "file"),
        ("form-data", ""),
        ("", ""),
        ('form-data; name="a\udcff"', "a\ufffd"),
    ):
        assert parse_disposition(header).name == name


#: Endpoints of greetings, messenger, market and studio, each with the field of its file.
DOORS = [
    ("POST", "/api/upload/avatar/", "image"),
    ("POST", "/api/upload/video/hi/", "video_hi"),
    ("POST", "/api/upload/congritulatoin/", "video_con"),
    ("PATCH", "/users/upload-avatar/", "avatar_file"),
    ("POST", UPLOAD, "file"),
    ("POST", "/api/portfolio/", "cover_image"),
    ("POST", "/api/orders/orders/", "uploaded_images"),
]
HOSTILE = [
    """filename*0="it's\"""",
    "filename*=''",
    "filename*0*='",
    'filename="\xff"',
    'filename="a"; filename="b"; ;',
    "filename*99999999999999999999=a",
]


@as_subtests
@pytest.mark.parametrize(("method", "path", "field"), DOORS)
async def test_no_name_makes_an_upload_fail_without_a_reason(
    api: Api, factory: Factory, method: str, path: str, field: str
) -> None:
    star = await factory.star()
    for person in (star, None):
        for name in (field, "\xff", "it's"):
            for hostile in HOSTILE:
                head = f'--b0\r\nContent-Disposition: form-data; name="{name}"; {hostile}\r\n\r\n'
                data = head.encode("latin-1") + b"hello\r\n--b0--\r\n"
                headers = {"Content-Type": "multipart/form-data; boundary=b0"}
                answer = await api.request(method, path, data=data, headers=headers, as_=person)
                assert answer.status < 500, (hostile, await answer.text())


async def test_a_file_name_in_sections_is_joined(api: Api, factory: Factory) -> None:
    anna: Person = await factory.person()
    data = f'--b0\r\nContent-Disposition: form-data; name="file"; {SECTIONS}\r\n\r\nhello\r\n--b0--\r\n'.encode()
    answer = await api.post(UPLOAD, data=data, headers={"Content-Type": "multipart/form-data; boundary=b0"}, as_=anna)
    assert (await answer.json())["name"] == "".join(f"s{number}-" for number in range(12))


@as_subtests
@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_compressed_upload_is_refused(api: Api, factory: Factory, encoding: str) -> None:
    star = await factory.star()
    head = b'--b0\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n'
    packer = zlib.compressobj(9, wbits=31 if encoding == "gzip" else 15)
    data = packer.compress(head + bytes(30_000_000)) + packer.compress(b"\r\n--b0--\r\n") + packer.flush()
    for method, path, _ in DOORS:
        headers = {"Content-Type": "multipart/form-data; boundary=b0", "Content-Encoding": encoding}
        answer = await api.request(method, path, data=data, headers=headers, as_=star)
        assert answer.status == 415, (path, await answer.text())


async def test_a_compressed_body_is_decompressed_within_its_limit(api: Api, factory: Factory) -> None:
    anna: Person = await factory.person()
    login = orjson.dumps({"login": anna.email, "password": anna.password})
    json = {"Content-Type": "application/json"}
    bare = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    for encoding, data, status in (
        ("gzip", gzip.compress(login), 201),
        ("deflate", zlib.compress(login), 201),
        ("deflate", bare.compress(login) + bare.flush(), 201),
        ("gzip", gzip.compress(login)[:-9], 400),
        ("gzip", login, 400),
        ("gzip", gzip.compress(bytes(50_000_000)), 413),
        ("zstd", login, 415),
    ):
        answer = await api.post("/api/login/", data=data, headers={**json, "Content-Encoding": encoding})
        assert answer.status == status, (encoding, await answer.text())
