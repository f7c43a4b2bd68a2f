"""Addresses of the site's pages, which mails, return pages and notifications lead to."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from aiohttp import web
from pydantic import AfterValidator, Field

from mystar.kit.setting_kinds import Section, must_be


def _page(*placeholders: str) -> AfterValidator:
    """A path below the site's address, with these placeholders; empty = the site has no such page."""

    def is_page(path: str) -> bool:
        return not path or (path.startswith("/") and bool(path.format_map(dict.fromkeys(placeholders, "x"))))

    names = ", ".join(f"{{{name}}}" for name in placeholders)
    return must_be(f"a path that begins with /{names and f', with placeholders {names}'}", is_page)


PlainPage = Annotated[str, _page()]
NumberedPage = Annotated[str, _page("id")]
PaymentPage = Annotated[str, _page("id", "status")]
ConfirmationPage = Annotated[str, _page("token", "username")]


class SitePages(Section):
    """Pages of one dialect's site: paths below ``http.site_url``. Empty = the service's own page, or no link."""

    #: The product's name in mails.
    name: str = Field(min_length=1, max_length=50)
    #: The page that the buttons back to the site lead to.
    home: PlainPage = "/"
    #: The page of an order, with {id}.
    order: NumberedPage = ""
    #: The page that buyers come back to from the payment provider, with {id} and {status} (paid, waiting, failed or
    #: returned); empty = that of the order.
    payment: PaymentPage = ""
    #: The page of a conversation, with {id}.
    conversation: NumberedPage = ""
    #: The page of a payout, with {id}.
    payout: NumberedPage = ""
    #: The page of the creator's earnings.
    earnings: PlainPage = ""
    #: The page that confirms an e-mail, with {token} and {username}.
    confirm_email: ConfirmationPage = ""
    #: The page that sets a new password, with {token} and {username}.
    reset_password: ConfirmationPage = ""


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
        """The path of a page, with the values in place of its placeholders; "" = there is none, or no such setting."""
        quoted = {name: quote(str(value), safe="") for name, value in values.items()}
        return self._of(dialect).get(page, "").format_map(quoted)

    def link(self, dialect: str, page: str, **values: object) -> str:
        """The address of a page; "" = the site has none, or there is no site."""
        path = self.path(dialect, page, **values)
        return self._url + path if self._url and path else ""

    def _of(self, dialect: str) -> dict[str, str]:
        pages: dict[str, str] = self._pages.get(dialect) or self._pages["market"]
        return pages


SITE: web.AppKey[Site] = web.AppKey("site")
