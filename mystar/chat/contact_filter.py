"""Holds back messages with contacts before the first payment between two people, where the operator wants it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from prometheus_client import CollectorRegistry, Counter

from mystar.accounts.model import Actor
from mystar.chat.contact_details import Kind, contacts_in, is_bare_number
from mystar.chat.model import AlreadySent, ContactsHeldBack, Conversation
from mystar.chat.repository import ChatRepository
from mystar.kit.postgres.database import Queryable

#: Earlier messages of the sender in which a phone may begin.
_PIECES = 12


class ContactFilter:
    """Messages of staff and to staff pass.

    :param is_on: whether anything is held back. :param own_hosts: whose links are allowed, with their subdomains.
    :param registry: where refusals are counted, which leave no other trace.
    """

    def __init__(self, *, is_on: bool, own_hosts: Collection[str], registry: CollectorRegistry | None = None) -> None:
        self._is_on, self._own_hosts = is_on, frozenset(filter(None, own_hosts))
        self._refusals = Counter(
            "mystar_chat_contacts_held_back_total", "Contacts in messages held back", ["kind"], registry=registry
        )

    async def check(
        self, db: Queryable, actor: Actor, text: str, *, conversation: Conversation | None = None, other_id: int = 0
    ) -> None:
        """Nothing is asked of the database for a text without contacts.

        :param other_id: who would read it, where there is no conversation yet.
        :raises ContactsHeldBack: it has some, and neither of the two has paid the other for an order.
        """
        if conversation is not None:
            other_id = conversation.other_than(actor.id).id
        found = await self._found(db, actor, text, conversation.id if conversation else 0)
        if found and not await ChatRepository(db).may_share_contacts(actor.id, other_id):
            raise self._refusal(found)

    async def check_new(
        self, db: Queryable, actor: Actor, conversation_id: int, client_id: str | None, text: str
    ) -> None:
        """As `check`, of a message that may have been sent before.

        :raises ContactsHeldBack: :raises AlreadySent: with this ``client_id``, which is answered as ever.
        :raises ConversationUnknown: the actor is no member.
        """
        found = await self._found(db, actor, text, conversation_id)
        if not found:
            return
        chats = ChatRepository(db)
        other_id = (await chats.find(conversation_id)).other_than(actor.id).id
        if await chats.may_share_contacts(actor.id, other_id):
            return
        if client_id and await chats.sent_as(client_id, conversation_id, actor.id):
            raise AlreadySent
        raise self._refusal(found)

    def _refusal(self, found: Sequence[Kind]) -> ContactsHeldBack:
        for kind in found:
            self._refusals.labels(kind).inc()
        return ContactsHeldBack(found)

    async def _found(self, db: Queryable, actor: Actor, text: str, conversation_id: int) -> list[Kind]:
        if not self._is_on:
            return []
        is_piece = conversation_id and is_bare_number(text)
        before = await ChatRepository(db).last_texts(conversation_id, actor.id, _PIECES) if is_piece else ()
        return contacts_in(text, self._own_hosts, before)
