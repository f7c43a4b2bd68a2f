"""How the processes of one service tell each other that there is news.

A note is a few words, such as ``chat:17``: where to look, never what is to be seen. The tables are the log
(law 8), so a note may come twice, late or, when the wire breaks, not at all: whoever hears notes is told
when some may have been lost, and looks for himself.

Notes leave in batches, outside of any write transaction: NOTIFY inside them would queue every commit behind one lock.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Protocol

from aiohttp import web

from mystar.kit.background import cancel_and_wait, wait_for_event

log = logging.getLogger(__name__)

Listener = Callable[..., None]

#: Bytes of one message on the wire; PostgreSQL takes 7,999 (NOTIFY, "Notes").
MESSAGE_BYTES = 7_900
#: Notes kept while the wire is broken; beyond that everybody is told to look at everything.
_KEPT = 10_000
#: Seconds between signs of life, the silence after which notes may be missing, and the one that breaks a wire.
_SIGN_OF_LIFE, _DOUBT, _SILENCE = 0.2, 0.5, 12.0
#: Seconds for dialling.
_PATIENCE = 10.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 3.0
_EVERYTHING = "*"


class Line(Protocol):
    """An open wire: what one says, all of them hear, the speaker too."""

    async def send(self, message: str) -> None: ...

    async def receive(self) -> str: ...

    async def close(self) -> None: ...


class Wire(Protocol):
    async def dial(self) -> Line:
        """Raises what it likes when it cannot."""


class Bus:
    """Says notes to the other processes and hears theirs.

    :param wire: what joins the processes; None: there are no others.
    """

    def __init__(self, wire: Wire | None = None) -> None:
        self._wire = wire
        self._name = secrets.token_hex(4)
        self._listeners: dict[str, list[Listener]] = defaultdict(list)
        self._gaps: list[Callable[[], None]] = []
        #: In the order of speaking, each once.
        self._waiting: dict[str, None] = {}
        self._spoken = asyncio.Event()
        self._up = asyncio.Event()
        self._heard_at = 0.0

    @property
    def connected(self) -> bool:
        """Whether others' notes arrive now, as far as anybody can know. Alone there is nothing to miss."""
        return self._wire is None or (self._up.is_set() and time.monotonic() - self._heard_at < _DOUBT)

    def on(self, word: str, listener: Listener) -> None:
        """Hear the notes of other processes that begin with ``word``; the listener is given the rest, as texts."""
        self._listeners[word].append(listener)

    def on_gap(self, listener: Callable[[], None]) -> None:
        """Be told when notes may have been lost."""
        self._gaps.append(listener)

    def say(self, word: str, *rest: object) -> None:
        """Tell the others, soon. Never waits, never fails; to be called after the commit of what it is about."""
        if self._wire is None:
            return
        note = ":".join((word, *map(str, rest)))
        if len(self._waiting) >= _KEPT:
            self._waiting = {_EVERYTHING: None}
        # A note that waits already has not been heard yet: once is enough.
        self._waiting.setdefault(note)
        self._spoken.set()

    async def running(self, _app: web.Application) -> AsyncIterator[None]:
        """A cleanup context of the application."""
        if self._wire is None:
            yield
            return
        task = asyncio.create_task(self._keep_connected(self._wire), name="bus")
        # Whoever is served from the first moment shall miss nothing; a wire that is down must not keep us from serving.
        await wait_for_event(self._up, 2)
        yield
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                while self._waiting and self._up.is_set():  # noqa: ASYNC110 - nobody else waits for this
                    await asyncio.sleep(0.01)
        await cancel_and_wait(task)

    async def _keep_connected(self, wire: Wire) -> None:
        pause = _FIRST_PAUSE
        while True:
            try:
                async with _dialled(wire) as line:
                    self._heard_at = time.monotonic()
                    self._up.set()
                    # Between two lines, or before the first, others may have spoken.
                    self._tell_of_gap()
                    pause = _FIRST_PAUSE
                    await self._converse(line)
            except Exception as error:
                log.warning("the bus is down, next try in %.1f s: %r", pause, error)
            finally:
                self._up.clear()
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _converse(self, line: Line) -> None:
        """Until something breaks, which it always does in the end."""
        # Not a task group: it would rather raise what breaks than that it was cancelled at the same moment.
        both = [asyncio.create_task(way(line), name=f"bus{way.__name__}") for way in (self._listen, self._speak)]
        try:
            broken, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await cancel_and_wait(*both)
        for task in broken:
            task.result()

    async def _listen(self, line: Line) -> None:
        while True:
            # We hear ourselves, too: silence means that the wire is cut somewhere, whatever the sockets say.
            async with asyncio.timeout(_SILENCE):
                message = await line.receive()
            self._heard_at = time.monotonic()
            speaker, *notes = message.split(" ")
            if speaker != self._name:
                for note in notes:
                    self._hear(note)

    async def _speak(self, line: Line) -> None:
        while True:
            await wait_for_event(self._spoken, _SIGN_OF_LIFE)
            self._spoken.clear()
            batch = list(self._waiting)
            for message, notes in _packed(self._name, batch):
                await line.send(message)
                # Only now: what a broken line did not take is said again on the next one.
                for note in notes:
                    self._waiting.pop(note, None)

    def _hear(self, note: str) -> None:
        word, *rest = note.split(":")
        if word == _EVERYTHING:
            self._tell_of_gap()
        for listener in self._listeners.get(word, ()):
            try:
                listener(*rest)
            except Exception:
                # A neighbour of another version may say what we do not understand.
                log.exception("the note %r was not understood", note)

    def _tell_of_gap(self) -> None:
        for listener in self._gaps:
            listener()


def _packed(speaker: str, notes: Iterable[str]) -> list[tuple[str, list[str]]]:
    """The messages that carry the notes, and which notes each carries; a lone name is a sign of life."""
    packed: list[tuple[str, list[str]]] = []
    message: str = speaker
    carried: list[str] = []
    for note in notes:
        if len(message) + 1 + len(note) > MESSAGE_BYTES:
            packed.append((message, carried))
            message, carried = speaker, []
        message += " " + note
        carried.append(note)
    return [*packed, (message, carried)]


@asynccontextmanager
async def _dialled(wire: Wire) -> AsyncIterator[Line]:
    async with asyncio.timeout(_PATIENCE):
        line = await wire.dial()
    try:
        yield line
    finally:
        with suppress(Exception):
            await line.close()
