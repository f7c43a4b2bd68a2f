"""A folder of files that takes no writes is told as such: to clients, load balancers, operators and Prometheus."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web

from mystar.app import broken_invariants
from mystar.kit.storage.local import StorageFull, storage_errors
from mystar.settings import Settings, SettingsWrong, load_settings
from tests.conftest import Api
from tests.factory import Factory, picture
from tests.files.uploading import form

AVATAR = "/api/upload/avatar/"
#: Not even root writes there.
READ_ONLY = Path("/sys/kernel")


def read_only(media: Path) -> None:
    media.symlink_to(READ_ONLY)


def file_in_its_place(media: Path) -> None:
    media.write_text("not a folder")


@pytest.fixture(params=[read_only, file_in_its_place])
def settings(request: pytest.FixtureRequest, make_settings: Callable[..., Settings]) -> Settings:
    settings = make_settings()
    media = settings.data_dir / "media"
    media.parent.mkdir(parents=True, exist_ok=True)
    spoil: Callable[[Path], None] = request.param
    spoil(media)
    return settings


async def test_an_unwritable_folder_is_reported_by_uploads_readiness_metrics_and_checks(
    api: Api, app: web.Application, factory: Factory
) -> None:
    person = await factory.person()
    answer = await api.post(AVATAR, data=form(image=("me.jpg", picture())), as_=person, language="en")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "60")
    assert "Files cannot be taken now" in await answer.text()

    ready = await api.get("/readyz")
    assert (ready.status, (await ready.json())["code"]) == (503, "storage_full")
    assert (await api.get("/healthz")).status == 200
    assert "mystar_storage_writable 0.0" in await (await api.get("/metrics")).text()
    problem, consequence = await broken_invariants(app)
    assert problem.startswith("file storage: unusable: ")
    assert consequence.startswith("files were not looked for")
    # Everything else goes on.
    assert (await api.get("/api/v1/categories/")).status == 200


@pytest.mark.parametrize("code", ["ENOSPC", "EDQUOT", "EROFS", "EACCES", "EPERM", "EIO", "EMFILE", "ENFILE", "ESTALE"])
def test_every_failure_of_the_disk_has_the_same_error(code: str) -> None:
    number = getattr(errno, code)
    with pytest.raises(StorageFull) as refused, storage_errors(writing=True):
        raise OSError(number, os.strerror(number))
    assert refused.value.is_full == (code in ("ENOSPC", "EDQUOT"))


def test_a_programming_error_is_not_reported_as_a_failure_of_the_disk() -> None:
    with pytest.raises(IsADirectoryError), storage_errors(writing=True):
        raise IsADirectoryError(errno.EISDIR, "a defect")


class TestFull:
    @pytest.fixture
    def settings(self, make_settings: Callable[..., Settings]) -> Settings:
        return make_settings(STORAGE__MIN_FREE_DISK=10**18)

    async def test_a_full_disk_is_reported_and_the_service_stays_available(
        self, api: Api, app: web.Application
    ) -> None:
        ready = await api.get("/readyz")
        assert (ready.status, (await ready.json())["storage"]) == (200, "full")
        assert "mystar_storage_writable 0.0" in await (await api.get("/metrics")).text()
        (problem,) = await broken_invariants(app)
        assert "reserve" in problem


def test_the_data_directory_may_begin_with_a_tilde(
    make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/anna")
    assert make_settings(DATA_DIR="~/x", SECRET_KEY="0123456789" * 4).data_dir == Path("/home/anna/x")
    monkeypatch.setenv("MYSTAR_DATA_DIR", "~nobody-of-this-name/x")
    with pytest.raises(SettingsWrong, match="MYSTAR_DATA_DIR: is in the home directory of an unknown user"):
        load_settings()
