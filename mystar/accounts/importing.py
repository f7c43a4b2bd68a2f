"""Imports accounts of a Django service with their password hashes, so that people log in as before.

An import can be repeated, as after an interruption: accounts that are there are left alone. The hash is replaced at the
first log-in, when the password is known.
"""

from __future__ import annotations

from mystar.accounts.drafts import generate_username, normalize_draft
from mystar.accounts.import_files import NAMES, Record
from mystar.accounts.model import AccountDraft, Channel
from mystar.accounts.schemas import ImportedPerson
from mystar.accounts.service import AccountService
from mystar.errors import Invalid, Text
from mystar.kit.web.validation import loaded


class RecordWithoutName(Invalid):
    """An imported record has neither a user name nor an e-mail nor a phone number."""

    code = "names_nobody"
    text = Text(
        "В записи нет ни имени пользователя, ни email, ни телефона.",
        "The record has neither a user name nor an e-mail nor a phone number.",
    )


class BrokenRecord(Invalid):
    """A record of an imported file cannot be read: broken JSON or CSV, or more cells than columns."""

    code = "broken_record"
    text = Text("Запись не читается.", "The record cannot be read.")


async def import_account(accounts: AccountService, record: Record, channel: Channel = "market") -> bool:
    """Create the account of a record; False = it is there already, with the same user name, e-mail and phone.

    Some services use the e-mail as the user name. User names are public here, so such a name is replaced. An account
    that was deactivated stays so: its name, e-mail and phone are taken, and it cannot log in.

    :param channel: the dialect whose product its mails name.
    :raises BrokenRecord: it could not be read. :raises RecordWithoutName: by nothing that a person logs in with.
    :raises Taken: by field. :raises Invalid: by field; also for a hash other than ``pbkdf2_sha256``.
    """
    if record.person is None:
        raise BrokenRecord
    if not any(str(record.person.get(name) or "").strip() for name in NAMES):
        raise RecordWithoutName
    person = loaded(ImportedPerson(), record.person)
    username, stored, is_active = person["username"], person.pop("password"), person.pop("is_active")
    is_verified, is_named = person.pop("is_verified"), bool(username) and "@" not in username
    if not is_named:
        person["email"] = person["email"] or username or None
        person["username"] = generate_username()
    draft = normalize_draft(AccountDraft(**person), None, today=accounts.today)
    if await accounts.exists(draft, by_username=is_named):
        return False
    await accounts.add_imported(draft, stored, is_verified=is_verified, is_active=is_active, channel=channel)
    return True
