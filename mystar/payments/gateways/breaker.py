"""A circuit breaker: after repeated failures calls fail at once for a while instead of waiting for the provider."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mystar.payments.provider import CircuitOpen, ProviderError, UnknownOutcome

log = logging.getLogger(__name__)


class Breaker:
    """Closed it lets every call through, open none; half-open, after a pause, it lets one trial call through.

    :param failures: consecutive calls without a usable answer that open it.
    :param pause: seconds it stays open; doubled up to ``longest`` whenever the trial fails too. The longest pause is
        short, since a provider that fails every third call must not be unused for minutes.
    """

    def __init__(
        self,
        name: str,
        *,
        failures: int = 5,
        pause: float = 5.0,
        longest: float = 10.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name, self._failures, self._pause, self._longest, self._now = name, failures, pause, longest, now
        self._failed_in_row = 0
        # Consecutive openings; 0 = closed.
        self._pauses = 0
        self._closed_again_at = 0.0
        self._trying = False

    @property
    def open(self) -> bool:
        return self._pauses > 0

    @contextmanager
    def call(self) -> Iterator[None]:
        """Around one call. :raises CircuitOpen: it is open."""
        is_trial = self._admit()
        try:
            yield
        except UnknownOutcome:
            self._count_failure(is_trial)
            raise
        except ProviderError:
            # A refusal is an answer.
            self._count_answer()
            raise
        else:
            self._count_answer()
        finally:
            if is_trial:
                self._trying = False

    def _admit(self) -> bool:
        """Whether this call is the trial."""
        if not self.open:
            return False
        left = self._closed_again_at - self._now()
        if left > 0 or self._trying:
            raise CircuitOpen(f"{self._name} does not answer and is left alone", retry_after=max(1.0, left))
        self._trying = True
        return True

    def _count_failure(self, is_trial: bool) -> None:
        self._failed_in_row += 1
        if not is_trial and (self.open or self._failed_in_row < self._failures):
            # Calls in progress when it opened fail together and say nothing about later.
            return
        pause = min(self._pause * 2 ** min(self._pauses, 10), self._longest)
        self._pauses += 1
        self._closed_again_at = self._now() + pause
        log.error("%s failed %d times in a row; circuit open for %.0f s", self._name, self._failed_in_row, pause)

    def _count_answer(self) -> None:
        if self.open:
            log.warning("%s answers again; circuit closed", self._name)
        self._failed_in_row = self._pauses = 0
