"""What sockets replay: the state of a conversation at some position, and the changes after it, are its state now
(law 8, promise T4)."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from mystar.chat.keys import CHAT
from mystar.chat.model import Change, Message, MessageUnknown
from mystar.chat.service import ChatService
from mystar.kit.web.pagination import PageRequest
from tests.conftest import Api
from tests.factory import Person, actor

SEED = 20_261_121


@pytest.fixture
def service(app: web.Application, api: Api) -> ChatService:
    return app[CHAT]


@dataclass
class Device:
    """A client that only ever reads changes."""

    position: int = 0
    messages: dict[int, Message] = field(default_factory=dict)
    marks: dict[int, int] = field(default_factory=dict)
    arrived: list[int] = field(default_factory=list)

    def take(self, change: Change) -> None:
        assert change.position > self.position
        self.position = change.position
        if change.read is not None:
            self.marks[change.read.account_id] = change.read.number
        elif change.message is not None:
            if change.kind == "message":
                self.arrived.append(change.message.id)
            self.messages[change.message.id] = change.message


async def fresh(service: ChatService, person: Person, chat: int) -> Device:
    conversation = await service.conversation(actor(person), chat)
    messages = await service.messages(actor(person), chat, PageRequest(size=1000))
    return Device(
        conversation.position,
        {message.id: message for message in messages.rows},
        {member.id: member.read_number for member in conversation.members if member.read_number},
    )


async def catch_up(service: ChatService, device: Device, chat: int, limit: int) -> None:
    while changes := await service.after(chat, device.position, limit):
        assert len(changes) <= limit
        for change in changes:
            device.take(change)


async def something_happens(service: ChatService, dice: random.Random, people: list[Person], chat: int) -> None:
    person = actor(dice.choice(people))
    messages = (await service.messages(person, chat, PageRequest(size=1000))).rows
    own = [one for one in messages if one.sender.id == person.id and not one.is_deleted]
    match dice.choice(("send", "send", "edit", "delete", "read")):
        case "edit" if own:
            message = dice.choice(own)
            await service.edit(person, chat, message.id, f"{message.text}!")
        case "delete" if own:
            await service.delete(person, chat, dice.choice(own).id)
        case "read" if messages:
            await service.mark_read(person, chat, dice.randint(1, len(messages)))
        case _:
            answer = dice.choice([None, *messages[:3]])
            await service.send(person, chat, f"{len(messages)}", answer_to=answer and answer.id)


async def test_a_state_plus_later_changes_is_the_current_state(
    service: ChatService, anna: Person, boris: Person, chat: int
) -> None:
    dice = random.Random(SEED)
    devices: list[Device] = []
    for step in range(120):
        if step % 15 == 0:
            devices.append(await fresh(service, anna, chat))
        if dice.random() < 0.3:
            await catch_up(service, dice.choice(devices), chat, dice.randint(1, 4))
        await something_happens(service, dice, [anna, boris], chat)

    now = await fresh(service, boris, chat)
    devices.append(Device())
    for device in devices:
        await catch_up(service, device, chat, dice.choice((1, 3, 1000)))
        assert (device.position, device.messages, device.marks) == (now.position, now.messages, now.marks)
        numbers = [device.messages[id_].number for id_ in device.arrived]
        assert numbers == sorted(set(numbers)), "each message arrives once, in the order of numbers"
    assert len(devices[-1].arrived) == len(now.messages)
    assert await service.recount() == []


async def test_a_change_names_its_kind(service: ChatService, anna: Person, boris: Person, chat: int) -> None:
    first, second = [(await service.send(actor(anna), chat, text)).message for text in ("раз", "два")]
    await service.edit(actor(anna), chat, first.id, "один")
    await service.mark_read(actor(boris), chat, 2)
    await service.delete(actor(anna), chat, second.id)

    changes = await service.after(chat)
    assert [(one.position, one.kind) for one in changes] == [
        (1, "message"),
        (2, "message"),
        (3, "edited"),
        (4, "read"),
        (5, "deleted"),
    ]
    # A change shows the message as it is now, so deleted text is not sent.
    assert [one.message.text for one in changes if one.message] == ["один", "", "один", ""]
    assert [(one.read.account_id, one.read.number) for one in changes if one.read] == [(boris.id, 2)]
    assert await service.after(chat, 5) == []


async def test_a_repeated_action_takes_no_position(
    service: ChatService, anna: Person, boris: Person, chat: int
) -> None:
    message = (await service.send(actor(anna), chat, "раз", client_id="1")).message
    await service.mark_read(actor(boris), chat)
    for _ in range(2):
        await service.send(actor(anna), chat, "раз", client_id="1")
        await service.edit(actor(anna), chat, message.id, "раз")
        await service.mark_read(actor(boris), chat)
    assert (await service.conversation(actor(anna), chat)).position == 2


async def test_a_message_has_its_position_in_the_log(service: ChatService, anna: Person, chat: int) -> None:
    messages = [(await service.send(actor(anna), chat, f"{number}")).message for number in range(3)]
    position = await service.position_of(chat, messages[1].id)
    assert [one.message.id for one in await service.after(chat, position) if one.message] == [messages[2].id]
    for id_ in (messages[-1].id + 1, 0):
        with pytest.raises(MessageUnknown):
            await service.position_of(chat, id_)
    with pytest.raises(MessageUnknown):
        await service.position_of(chat + 1, messages[0].id)
