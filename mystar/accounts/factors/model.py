"""Second factors, the challenges that they answer, the events about them, and their errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from mystar.errors import Conflict, Forbidden, Invalid, NotFound, Text, Unauthenticated

Kind = Literal["totp", "passkey"]
#: What a challenge of a sign-in can be answered with.
Method = Literal["totp", "passkey", "recovery_code"]
#: What a challenge is for: the second step of a sign-in, a sign-in with a passkey alone, the enrolment of a factor, or
#: the confirmation of a sensitive action.
Purpose = Literal["sign_in", "passkey_sign_in", "totp", "passkey", "step_up"]

NAME_MAX_LENGTH = 60
#: Factors of one account.
MAX_FACTORS = 10


@dataclass(frozen=True, slots=True)
class Factor:
    """A second factor, as its account sees it. ``last_used_at`` None: not used since it was added."""

    id: int
    kind: Kind
    name: str
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class StoredFactor:
    """A second factor with what verifies it. ``sealed``: the secret or the public key, encrypted."""

    factor: Factor
    account_id: int
    sealed: bytes
    last_step: int | None
    credential_id: bytes | None
    user_handle: bytes | None
    sign_count: int | None
    transports: Sequence[str]


@dataclass(frozen=True, slots=True)
class Overview:
    """The factors of an account, how many recovery codes are unused, and whether staff have to keep a factor."""

    factors: Sequence[Factor]
    recovery_codes_left: int
    is_required: bool


@dataclass(frozen=True, slots=True)
class Proof:
    """What a client sends of its factor: a code (TOTP or recovery), or the answer of its passkey."""

    code: str = ""
    credential: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Challenge:
    """A stored challenge. ``account_id`` None: of a sign-in with a passkey alone."""

    account_id: int | None
    sealed: bytes | None


@dataclass(frozen=True, slots=True)
class TotpEnrolment:
    """What an authenticator application is given, once. ``qr``: the URI as a picture, a data URL."""

    challenge: str
    secret: str
    uri: str
    qr: str
    seconds: int


@dataclass(frozen=True, slots=True)
class PasskeyOptions:
    """What a browser asks an authenticator for. ``public_key``: of ``navigator.credentials``, in JSON."""

    challenge: str
    public_key: Mapping[str, Any]
    seconds: int


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A new factor; with the first one also recovery codes, shown this once."""

    factor: Factor
    recovery_codes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class FactorChanged:
    """A factor was added or removed. ``before`` and ``after``: the kinds that the account has, as "totp, passkey"."""

    account_id: int
    what: Literal["added", "removed"]
    kind: Kind
    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class FactorRenamed:
    """``before`` and ``after``: its name."""

    account_id: int
    kind: Kind
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class FactorsDropped:
    """All factors of an account were removed: by staff, or because a stranger may have added them.

    After an undone change of contacts: those that were added since.
    """

    account_id: int
    before: str
    reason: Literal["reset", "unproven", "change_undone"]


@dataclass(frozen=True, slots=True)
class RecoveryCodesRenewed:
    """``before`` and ``after``: how many codes there were and are."""

    account_id: int
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class RecoveryCodeUsed:
    account_id: int
    left: int


class SecondFactorRequired(Forbidden):
    """The first step of a sign-in was right, and the account has a second factor.

    ``challenge`` names the sign-in for its second step, ``methods`` the factors that the account has, ``expires_in``
    the seconds that are left.
    """

    code = "second_factor_required"
    text = Text(
        "Введите код из приложения или подтвердите вход ключом доступа.",
        "Enter the code of your authenticator application, or confirm with your passkey.",
    )

    def __init__(self, *, challenge: str = "", methods: Sequence[Method] = (), expires_in: int = 0) -> None:
        super().__init__(challenge=challenge, methods=list(methods), expires_in=expires_in)


class SecondFactorRefused(Unauthenticated):
    """The code or the passkey of a sign-in's second step is wrong, or was used before.

    ``account_id``: for the audit log; never shown.
    """

    code = "second_factor_refused"
    text = Text("Код или ключ доступа не подошёл.", "The code or the passkey was not accepted.")

    def __init__(self, account_id: int | None = None) -> None:
        super().__init__()
        self.account_id = account_id


class ChallengeUnknown(Invalid):
    """The challenge is unknown, used, expired, tried too often, or another's: the step before has to be repeated."""

    code = "challenge_unknown"
    text = Text("Подтверждение устарело. Начните заново.", "The confirmation has expired. Please start again.")


class ProofMissing(Invalid):
    """Neither a code nor the answer of a passkey, or both."""

    code = "proof_missing"
    text = Text("Нужен код или ключ доступа.", "A code or a passkey is needed.")


class FactorCodeWrong(Invalid):
    """The code that confirms a new authenticator application is wrong."""

    code = "factor_code_wrong"
    text = Text(
        "Код не подошёл. Проверьте время на устройстве.", "The code is wrong. Please check the clock of the device."
    )

    def __init__(self) -> None:
        super().__init__(fields={"code": [self.text]})


class PasskeyRefused(Invalid):
    """A new passkey cannot be accepted: made for another site or challenge, or of an unknown kind."""

    code = "passkey_refused"
    text = Text("Ключ доступа не принят.", "The passkey was not accepted.")

    def __init__(self) -> None:
        super().__init__(fields={"credential": [self.text]})


class FactorUnknown(NotFound):
    """The account has no such second factor."""

    code = "factor_unknown"
    text = Text("Такого второго фактора нет.", "There is no such second factor.")


class TotpExists(Conflict):
    """An account has one authenticator application; remove it to add another."""

    code = "totp_exists"
    text = Text(
        "Приложение с кодами уже подключено. Сначала отключите его.",
        "An authenticator application is set up already. Remove it first.",
    )


class PasskeyExists(Conflict):
    """The passkey is registered already."""

    code = "passkey_exists"
    text = Text("Этот ключ доступа уже добавлен.", "This passkey has been added already.")


class TooManyFactors(Conflict):
    """An account has ten second factors at most."""

    code = "too_many_factors"
    text = Text("Больше факторов добавить нельзя.", "No more factors can be added.")


class NoFactors(Conflict):
    """Recovery codes belong to a second factor."""

    code = "no_factors"
    text = Text("Сначала добавьте второй фактор.", "Add a second factor first.")


class LastStaffFactor(Conflict):
    """Staff have to keep a second factor where `[security] staff_second_factor` says so."""

    code = "last_staff_factor"
    text = Text(
        "Сотрудникам нужен второй фактор: сначала добавьте другой.",
        "Staff need a second factor: add another one first.",
    )


def kinds_of(factors: Sequence[Factor]) -> str:
    """For the audit log: "totp, passkey, passkey"."""
    return ", ".join(one.kind for one in factors)
