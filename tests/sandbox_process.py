"""A pytest plugin: the sandbox in a process of its own.

`sandbox_process` is started once for all tests on free ports and stopped at the end. Its state is shared by the tests,
so look for mails by an address of your own and for payments by their ids, and call `reset()` after using faults.
"""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import aiohttp
import orjson
import pytest

from tests import programs
from tests.programs import ROOT, Program
from tests.waiting import first_line

START_WITHIN, STOP_WITHIN = 60.0, 20.0


class SandboxClient:
    """The controls of a running sandbox. Its addresses are in the form that the service's settings take."""

    http: str
    yookassa: str
    smtp_host: str
    smtp_port: int

    @property
    def oauth(self) -> dict[str, str]:
        """Settings of the service, without their MYSTAR_: where the doubles of the sign-in providers are."""
        paths = {
            "YANDEX": ("/yandex/authorize", "/yandex/token", "/yandex/info"),
            "VK": ("/vkid/authorize", "/vkid/oauth2/auth", "/vkid/oauth2/user_info"),
            "VK_LEGACY": ("/vk/authorize", "/vk/access_token", "/vk/method/users.get"),
            "MAILRU": ("/mailru/login", "/mailru/token", "/mailru/userinfo"),
        }
        names = ("AUTHORIZE_URL", "TOKEN_URL", "PROFILE_URL")
        return {
            f"OAUTH__{provider}__{name}": self.http + path
            for provider, addresses in paths.items()
            for name, path in zip(names, addresses, strict=True)
        }

    # the mailbox

    async def mails(self, to: str = "", subject: str = "", limit: int = 1000) -> list[dict[str, Any]]:
        """Newest first. `to` is a whole address, `subject` a part of the subject."""
        return await self.call("GET", "/mail.json", params={"to": to, "subject": subject, "limit": str(limit)})

    async def wait_for_mail(self, to: str, subject_contains: str | None = None, timeout: float = 10) -> dict[str, Any]:
        """The newest such mail, as soon as there is one; AssertionError when none comes in time."""
        end = time.monotonic() + timeout
        while not (found := await self.mails(to, subject_contains or "", limit=1)):
            if time.monotonic() > end:
                came = [mail["subject"] for mail in await self.mails(to)]
                raise AssertionError(f"no mail to {to} about {subject_contains!r} in {timeout} s; there are {came}")
            await asyncio.sleep(0.05)
        return found[0]

    async def clear_mails(self) -> None:
        await self.call("DELETE", "/mail.json")

    # the provider; ids are the provider's

    async def payments(self) -> list[dict[str, Any]]:
        """Every payment now, oldest first; amounts are kopecks: authorized = held + captured + released."""
        return await self.call("GET", "/sandbox/payments.json")

    async def find_payment(self, **metadata: str) -> dict[str, Any]:
        """The newest payment whose metadata says this; AssertionError when there is none."""
        for payment in reversed(await self.payments()):
            if metadata.items() <= payment["metadata"].items():
                return payment
        raise AssertionError(f"no payment with {metadata}")

    async def journal(self) -> list[dict[str, Any]]:
        """Every change of money, oldest first: {at, kind, payment_id, payout_id, amount,
        idempotence_key, metadata, …}."""
        return await self.call("GET", "/sandbox/journal.json")

    async def webhooks(self) -> list[dict[str, Any]]:
        """How each notification ended: {number (of the journal's line), event, id, end, attempts}."""
        return await self.call("GET", "/sandbox/webhooks.json")

    async def pay(self, provider_id: str) -> dict[str, Any]:
        return await self.call("POST", f"/sandbox/payments/{provider_id}/pay")

    async def decline(self, provider_id: str, reason: str = "general_decline") -> dict[str, Any]:
        return await self.call("POST", f"/sandbox/payments/{provider_id}/decline", json={"reason": reason})

    async def expire(self, provider_id: str) -> dict[str, Any]:
        return await self.call("POST", f"/sandbox/payments/{provider_id}/expire")

    async def charge_back(self, provider_id: str, amount: int | None = None) -> dict[str, Any]:
        return await self.call("POST", f"/sandbox/payments/{provider_id}/chargeback", json={"amount": amount})

    async def payouts(self) -> list[dict[str, Any]]:
        """Every payout now, oldest first; amounts are kopecks."""
        return await self.call("GET", "/sandbox/payouts.json")

    async def payout_action(self, provider_id: str, action: str, **body: Any) -> dict[str, Any]:
        """`succeed`, `cancel` (with a reason) or `return`."""
        return await self.call("POST", f"/sandbox/payouts/{provider_id}/{action}", json=body)

    async def refund_action(self, provider_id: str, action: str, **body: Any) -> dict[str, Any]:
        """`succeed` or `cancel` (with a reason) a pending refund."""
        return await self.call("POST", f"/sandbox/refunds/{provider_id}/{action}", json=body)

    async def fund_payouts(self, balance: int) -> None:
        """Set the payout balance, in kopecks."""
        await self.call("PUT", "/sandbox/payout-balance", json={"balance": balance})

    async def set_webhook(self, url: str | None) -> None:
        await self.call("PUT", "/sandbox/webhook", json={"url": url})

    async def faults(self, **faults: Any) -> dict[str, Any]:
        """Exactly these faults from now on; none when called with nothing."""
        return await self.call("PUT", "/sandbox/faults", json=faults)

    async def reset(self) -> None:
        """No faults, no webhook, no mails. Payments stay."""
        await self.faults()
        await self.set_webhook(None)
        await self.clear_mails()

    async def call(self, method: str, path: str, **how: Any) -> Any:
        """The answer's JSON; AssertionError with the body unless it is 2xx."""
        async with aiohttp.ClientSession() as session, session.request(method, self.http + path, **how) as answer:
            body = await answer.read()
            assert answer.ok, f"{method} {path}: {answer.status} {body.decode()}"
            return orjson.loads(body) if body else None


class SandboxProcess(SandboxClient):
    """`python -m mystar.sandbox`. Its addresses are known after `start()`, and stay the same over `restart()`."""

    def __init__(self, data_dir: Path, *arguments: str) -> None:
        self.data_dir, self._arguments = data_dir, arguments
        self._http_port = self._smtp_port = "0"
        #: Hours that the clock of the next life is ahead.
        self.hours_ahead = 0
        self._process: Program | None = None

    def start(self) -> Self:
        module, *first = programs.at(self.hours_ahead, "mystar.sandbox")
        arguments = [*first, "--data-dir", str(self.data_dir), "--die-with-parent"]
        arguments += ["--http-port", self._http_port, "--smtp-port", self._smtp_port, *self._arguments]
        self._process = programs.start(
            module, *arguments, directory=ROOT, environment=os.environ, stdout=subprocess.PIPE
        )
        line = first_line(self._process, START_WITHIN)
        if not line:
            raise RuntimeError(f"the sandbox did not start; its exit code is {self.stop(signal.SIGKILL)}")
        addresses = orjson.loads(line)
        self.http, self.yookassa = addresses["http"], addresses["yookassa"]
        self.smtp_host, _, self._smtp_port = addresses["smtp"].rpartition(":")
        self._http_port, self.smtp_port = self.http.rpartition(":")[2], int(self._smtp_port)
        return self

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code; 0 when it was not running."""
        if self._process is None:
            return 0
        self._process.send_signal(number)
        try:
            code = self._process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
        finally:
            assert self._process.stdout is not None
            self._process.stdout.close()
        self._process = None
        return code

    def kill(self) -> None:
        self.stop(signal.SIGKILL)

    def restart(self) -> Self:
        """Killed and started again, on the same ports and the same data."""
        self.kill()
        return self.start()


@contextmanager
def sandbox_in(data_dir: Path, *arguments: str) -> Iterator[SandboxProcess]:
    """A sandbox of one's own, for tests that kill it; further command-line arguments are passed on."""
    process = SandboxProcess(data_dir, *arguments).start()
    try:
        yield process
    finally:
        process.stop()


@pytest.fixture(scope="session")
def sandbox_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    with sandbox_in(tmp_path_factory.mktemp("sandbox")) as process:
        yield process
