"""The sections of the configuration about what people write: ``[chat]``."""

from __future__ import annotations

from mystar.kit.setting_kinds import Listed, Section


class ChatSettings(Section):
    #: Whether messages with phones, e-mails, links, names of messengers and handles are refused until one of the two
    #: has paid the other for an order.
    hold_back_contacts: bool
    #: Further hosts whose links are allowed, with their subdomains; those of the service and of the site always are.
    allowed_hosts: Listed = ()
