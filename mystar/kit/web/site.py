"""Addresses of the site's pages, which mails, return pages and notifications lead to."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from aiohttp import web
from pydantic import Field

from mystar.kit.setting_kinds import Section, must_be

_PLACEHOLDERS = ("id", "token", "username")


def _is_page(path: str) -> bool:
    return not path or (path.startswith("/") and bool(path.format_map(dict.fromkeys(_PLACEHOLDERS, "x"))))


PagePath = Annotated[str, must_be("a path that begins with /, with placeholders {id}, {token}, {username}", _is_page)]


class SitePages(Section):
    """Pages of one dialect's site: paths below ``http.site_url``. Empty = the service's own page, or no link."""

    #: The product's name in mails.
    name: str = Field(min_length=1, max_length=50)
    #: The page that the buttons back to the site lead to.
    home: PagePath = "/"
    #: The page of an order, with {id}.
    order: PagePath = ""
    #: The page of a conversation, with {id}.
    conversation: PagePath = ""
    #: The page of a payout, with {id}.
    payout: PagePath = ""
    #: The page of the creator's earnings.
    earnings: PagePath = ""
    #: The page that confirms an e-mail, with {token} and {username}.
    confirm_email: PagePath = ""
    #: The page that sets a new password, with {token}.
    reset_password: PagePath = ""


class SiteSettings(Section):
    greetings: SitePages
    market: SitePages
    messenger: SitePages
    studio: SitePages
    identity: SitePages


class Site:
    """The pages of each dialect's site.

    :param url: without a slash at the end; "" = there is no site, and links lead to the service's own pages.
    """

    def __init__(self, url: str, pages: SiteSettings) -> None:
        self._url, self._pages = url, pages.model_dump()

    def name(self, dialect: str) -> str:
        """The name of the product in mails; that of market for a channel without a site, such as the panel."""
        return self._of(dialect)["name"]

    def path(self, dialect: str, page: str, **values: object) -> str:
        """The path of a page, with the values in place of its placeholders; "" = there is none."""
        quoted = {name: quote(str(value), safe="") for name, value in values.items()}
        return self._of(dialect)[page].format_map(quoted)

    def link(self, dialect: str, page: str, **values: object) -> str:
        """The address of a page; "" = the site has none, or there is no site."""
        path = self.path(dialect, page, **values)
        return self._url + path if self._url and path else ""

    def _of(self, dialect: str) -> dict[str, str]:
        pages: dict[str, str] = self._pages.get(dialect) or self._pages["market"]
        return pages


SITE: web.AppKey[Site] = web.AppKey("site")
