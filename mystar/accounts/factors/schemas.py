"""Schemas of second factors (docs/second-factor.md), shared by all dialects."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from mystar.accounts.factors.model import NAME_MAX_LENGTH
from mystar.accounts.schemas import Password
from mystar.errors import Text
from mystar.kit.web.fields import BaseSchema, Id, PlainText

_CHALLENGE_LONGEST = 100
_CODE_LONGEST = 40
_ONE_OF = Text("Нужен код или ключ доступа.", "A code or a passkey is needed.")
_CREDENTIAL = {
    "description": "The answer of the passkey: `PublicKeyCredential.toJSON()`.",
    "example": {
        "id": "Zm9v",
        "rawId": "Zm9v",
        "type": "public-key",
        "response": {"clientDataJSON": "e30", "authenticatorData": "AA", "signature": "AA", "userHandle": "AA"},
    },
}
_PUBLIC_KEY = {
    "description": "For `PublicKeyCredential.parseRequestOptionsFromJSON()`, or `parseCreationOptionsFromJSON()`.",
    "example": {"rpId": "stars.example", "challenge": "Zm9v", "timeout": 60000, "userVerification": "preferred"},
}


class Token(PlainText):
    """The token of a challenge."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            min_length=1,
            max_length=_CHALLENGE_LONGEST,
            metadata={"description": "Token of the challenge that is answered.", "example": "kq3v…"},
            **options,
        )


class Code(PlainText):
    """Six digits of an application; also a recovery code where one is taken."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            min_length=1,
            max_length=_CODE_LONGEST,
            metadata={"description": "Six digits of the application, or a recovery code.", "example": "492 039"},
            **options,
        )


class Credential(fields.Dict):
    """The answer of a passkey, in the JSON of the browser."""

    def __init__(self, **options: Any) -> None:
        super().__init__(fields.String(), fields.Raw(allow_none=True), metadata=_CREDENTIAL, **options)


class FactorName(PlainText):
    def __init__(self, **options: Any) -> None:
        super().__init__(
            max_length=NAME_MAX_LENGTH, metadata={"description": "Name of the factor.", "example": "Phone"}, **options
        )


class ChallengeDraft(BaseSchema):
    challenge = Token(required=True)


class SecondStepDraft(BaseSchema):
    """The second step of a sign-in: a code, or the answer of a passkey."""

    challenge = Token(required=True)
    code = Code(load_default="")
    credential = Credential(load_default=None, allow_none=True)
    remember = fields.Boolean(
        load_default=False,
        metadata={"description": "Whether a cookie lets this browser leave the second step out for some weeks."},
    )

    @validates_schema
    def choose(self, data: dict[str, Any], **_: Any) -> None:
        if bool(data.get("code")) == bool(data.get("credential")):
            raise ValidationError({"code": [_ONE_OF]})


class PasskeySignInDraft(BaseSchema):
    challenge = Token(required=True)
    credential = Credential(required=True)


class PasskeyOptionsView(BaseSchema):
    challenge = Token(required=True)
    public_key = fields.Dict(required=True, metadata=_PUBLIC_KEY)
    expires_in = fields.Integer(required=True, metadata={"description": "Seconds until the challenge expires."})


class FactorPath(BaseSchema):
    factor_id = Id(required=True, metadata={"description": "Identifier of the second factor."})


class FactorView(BaseSchema):
    id = fields.Integer(required=True)
    kind = fields.String(
        required=True, validate=validate.OneOf(["totp", "passkey"]), metadata={"description": "Kind of the factor."}
    )
    name = FactorName(required=True)
    created_at = fields.DateTime(required=True)
    last_used_at = fields.DateTime(
        required=True, allow_none=True, metadata={"description": "When it was used last; null if never."}
    )


class FactorsView(BaseSchema):
    factors = fields.List(fields.Nested(FactorView), required=True, metadata={"description": "The second factors."})
    recovery_codes_left = fields.Integer(required=True, metadata={"description": "Number of unused recovery codes."})
    is_required = fields.Boolean(
        required=True, metadata={"description": "Whether the account, being staff, has to keep a second factor."}
    )


class TotpView(BaseSchema):
    challenge = Token(required=True)
    secret = fields.String(
        required=True, metadata={"description": "The key in base 32, to be typed.", "example": "JBSWY3DPEHPK3PXP"}
    )
    uri = fields.String(
        required=True,
        metadata={"description": "The key for applications.", "example": "otpauth://totp/MySTAR:anna?secret=JBSW…"},
    )
    qr = fields.String(
        required=True, metadata={"description": "The URI as a QR code: a data URL.", "example": "data:image/svg+xml;…"}
    )
    expires_in = fields.Integer(required=True, metadata={"description": "Seconds until the challenge expires."})


class TotpConfirmation(BaseSchema):
    challenge = Token(required=True)
    code = Code(required=True)
    name = FactorName(load_default="")


class PasskeyDraft(BaseSchema):
    challenge = Token(required=True)
    credential = Credential(required=True)
    name = FactorName(load_default="")


class FactorChange(BaseSchema):
    name = FactorName(required=True, min_length=1)


class EnrolledView(BaseSchema):
    factor = fields.Nested(FactorView, required=True, metadata={"description": "The new factor."})
    recovery_codes = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "With the first factor: ten codes, shown this once.", "example": ["7k2m-9qx4-v0fd"]},
    )


class RecoveryCodesView(BaseSchema):
    recovery_codes = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "Ten codes, shown this once.", "example": ["7k2m-9qx4-v0fd"]},
    )


class Reauthentication(BaseSchema):
    """The password, a code of the application, or the answer of a passkey with its challenge."""

    password = Password()
    code = Code()
    challenge = Token()
    credential = Credential()

    @validates_schema
    def choose(self, data: dict[str, Any], **_: Any) -> None:
        given = [name for name in ("password", "code", "credential") if data.get(name)]
        if not given:
            raise ValidationError({"password": ["Missing data for required field."]})
        if len(given) > 1:
            raise ValidationError({given[-1]: [_ONE_OF]})
        if data.get("credential") and not data.get("challenge"):
            raise ValidationError({"challenge": ["Missing data for required field."]})
