"""Settings of the storage of files."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mystar.kit.setting_kinds import Section, is_web_address, must_be


class S3Settings(Section):
    """A bucket: all settings or none. It may also be set while ``kind`` is "local", to move files."""

    #: The address of the S3 service.
    endpoint: Annotated[str, must_be("a web address, or empty", lambda url: not url or is_web_address(url))] = ""
    #: The bucket.
    bucket: str = ""
    #: Its region.
    region: str = ""
    #: The key id.
    access_key: str = ""
    #: The secret of the key.
    secret_key: str = ""

    @property
    def is_given(self) -> bool:
        return bool(self.endpoint)


class StorageSettings(Section):
    #: Where new files are stored: in ``media`` of the data directory, or in a bucket.
    kind: Literal["local", "s3"]
    #: Bytes of the disk that uploads leave free.
    min_free_disk: int = Field(ge=0)
    s3: S3Settings
