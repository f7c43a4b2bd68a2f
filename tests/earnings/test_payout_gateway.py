"""The client of the provider's payouts: destinations, endings, look-ups, and what a lost answer leaves behind."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from mystar.earnings.gateways.yookassa import YooKassaPayouts
from mystar.earnings.payouts.provider import METADATA_KEY, Destination, ProviderPayout
from mystar.payments.provider import PaymentNotFound, Refused, Unauthorized, UnknownOutcome
from tests.sandbox_process import SandboxProcess

SBP = Destination("sbp", {"phone": "+79161234567", "bank_id": "100000000111"})
CARD = Destination("card", {"token": "pt-220220-0047-0123456789abcdef"})
WALLET = Destination("wallet", {"account_number": "4100116075156746"})


@pytest.fixture
async def sandbox(sandbox_process: SandboxProcess) -> AsyncIterator[SandboxProcess]:
    yield sandbox_process
    await sandbox_process.reset()


@pytest.fixture
async def gateway(sandbox: SandboxProcess) -> AsyncIterator[YooKassaPayouts]:
    await sandbox.fund_payouts(100_000_000)
    gateway = YooKassaPayouts(
        url=sandbox.yookassa, agent_id="500100", secret_key="sandbox-payout-secret-key", timeout=5
    )
    yield gateway
    await gateway.close()


async def create(
    gateway: YooKassaPayouts, destination: Destination = SBP, *, key: str | None = None, part: str | None = None
) -> ProviderPayout:
    return await gateway.create_payout(
        key or str(uuid.uuid4()),
        amount=120_000,
        destination=destination,
        description="Выплата №1",
        metadata={METADATA_KEY: part or str(uuid.uuid4())},
    )


@pytest.mark.parametrize(
    ("destination", "mask"), [(SBP, "7916*****67"), (CARD, "220220******0047"), (WALLET, "41001***6746")]
)
async def test_a_payout_reaches_every_kind_of_destination(
    gateway: YooKassaPayouts, destination: Destination, mask: str
) -> None:
    created = await create(gateway, destination)
    paid = await gateway.get_payout(created.id)

    assert (created.status, created.amount) == ("pending", 120_000)
    assert (paid.status, paid.destination) == ("succeeded", mask)
    assert paid.succeeded_at is not None


async def test_a_canceled_payout_says_why(gateway: YooKassaPayouts) -> None:
    created = await create(gateway, Destination("sbp", {"phone": "+79000000008", "bank_id": "100000000111"}))
    canceled = await gateway.get_payout(created.id)

    assert (canceled.status, canceled.cancellation_reason) == ("canceled", "recipient_not_found")


async def test_a_lost_answer_is_an_unknown_outcome_and_the_payout_is_found(
    gateway: YooKassaPayouts, sandbox: SandboxProcess
) -> None:
    key, part = str(uuid.uuid4()), str(uuid.uuid4())
    await sandbox.faults(error_after_work=1)
    with pytest.raises(UnknownOutcome):
        await create(gateway, key=key, part=part)
    await sandbox.faults()

    [found] = await gateway.find_payouts({METADATA_KEY: part})
    again = await create(gateway, key=key, part=part)

    assert found.id == again.id
    assert await gateway.find_payouts({METADATA_KEY: "none"}) == []


async def test_payouts_are_listed_since_a_moment(gateway: YooKassaPayouts) -> None:
    created = await create(gateway)
    page = await gateway.list_payouts(datetime.now(UTC) - timedelta(minutes=1))
    later = await gateway.list_payouts(datetime.now(UTC) + timedelta(minutes=1))

    assert created.id in {payout.id for payout in page.payouts}
    assert (list(later.payouts), later.next_cursor) == ([], None)


@pytest.mark.parametrize("balance", [0, 12_345, -500])
async def test_the_balance_may_be_negative(gateway: YooKassaPayouts, sandbox: SandboxProcess, balance: int) -> None:
    await sandbox.fund_payouts(balance)

    assert await gateway.balance() == balance


async def test_banks_are_listed(gateway: YooKassaPayouts) -> None:
    assert "Сбербанк" in {bank.name for bank in await gateway.banks()}


async def test_refusals_say_that_nothing_happened(gateway: YooKassaPayouts, sandbox: SandboxProcess) -> None:
    with pytest.raises(Refused) as refusal:
        await create(gateway, Destination("card", {"token": "stolen"}))
    assert refusal.value.parameter == "payout_token"
    with pytest.raises(PaymentNotFound):
        await gateway.get_payout("po-none")
    shop = YooKassaPayouts(url=sandbox.yookassa, agent_id="100500", secret_key="wrong", timeout=5)
    with pytest.raises(Unauthorized):
        await create(shop)
    await shop.close()
