"""Words for codes of the payment provider and of background work, which pages of the panel show."""

from __future__ import annotations

from collections.abc import Mapping

from mystar.admin.lists.audit_labels import CHANNELS
from mystar.admin.lists.labels import PAYMENT_STATUSES
from mystar.earnings.payouts.model import REASONS as PAYOUT_REASONS
from mystar.errors import Text

#: What differs between the provider and us.
DISCREPANCIES: Mapping[str, Text] = {
    "unknown_here": Text("у нас такого платежа нет", "we have no such payment"),
    "missing": Text("у провайдера такого платежа нет", "the provider has no such payment"),
    "missing_there": Text("у провайдера такого платежа нет", "the provider has no such payment"),
    "refused": Text("провайдер отказал", "the provider refused"),
    "refund_canceled": Text("провайдер отменил возврат", "the provider cancelled a refund"),
    "another_payment": Text("данные другого платежа", "data of another payment"),
    "currency": Text("другая валюта", "another currency"),
    "amount": Text("другая сумма", "another amount"),
    "captured": Text("списано не столько", "another amount was captured"),
    "refunded": Text("возвращено не столько", "another amount was refunded"),
    "status": Text("другой статус", "another status"),
    "contradiction": Text("статус противоречит нашему", "the status contradicts ours"),
}
#: Why the provider cancelled a payment, a refund or a payout, as YooKassa's documentation names it.
PROVIDER_REASONS: Mapping[str, Text] = {
    "3d_secure_failed": Text("не пройдена проверка 3-D Secure", "3-D Secure failed"),
    "call_issuer": Text("банк отказал без объяснения", "the bank refused without a reason"),
    "canceled_by_merchant": Text("отменено нами", "cancelled by us"),
    "card_expired": Text("срок карты истёк", "the card has expired"),
    "country_forbidden": Text("карты этой страны не принимаются", "cards of this country are not accepted"),
    "credentials": Text("провайдер не принял ключ", "the provider refused our credentials"),
    "deal_expired": Text("срок сделки истёк", "the deal has expired"),
    "expired_on_capture": Text("срок списания истёк", "the time to capture ran out"),
    "expired_on_confirmation": Text("покупатель не оплатил вовремя", "the buyer did not pay in time"),
    "fraud_suspected": Text("подозрение на мошенничество", "fraud is suspected"),
    "general_decline": Text("отказ без объяснения", "declined without a reason"),
    "identification_required": Text("кошелёк не идентифицирован", "the wallet is not identified"),
    "insufficient_funds": Text("не хватает денег", "insufficient funds"),
    "internal_timeout": Text("провайдер не успел", "the provider timed out"),
    "invalid_card_number": Text("неверный номер карты", "wrong number of the card"),
    "invalid_csc": Text("неверный код карты", "wrong code of the card"),
    "invalid_phone_number": Text("неверный номер телефона", "wrong phone number"),
    "issuer_unavailable": Text("банк недоступен", "the bank is unavailable"),
    "one_time_limit_exceeded": Text("превышен предел одной операции", "above the limit of one operation"),
    "operation_processed_before": Text("операция уже была", "the operation was processed before"),
    "payment_method_limit_exceeded": Text("превышен предел способа оплаты", "above the limit of the method"),
    "payment_method_restricted": Text("способ оплаты ограничен", "the method is restricted"),
    "periodic_limit_exceeded": Text("превышен предел за период", "above the limit of the period"),
    "permission_revoked": Text("разрешение отозвано", "the permission was revoked"),
    "recipient_check_failed": Text("имя получателя не совпало", "the recipient's name did not match"),
    "recipient_not_found": Text("получатель не найден", "the recipient was not found"),
    "refund": Text("возврат", "refund"),
    "rejected": Text("отклонено", "rejected"),
    "rejected_by_payee": Text("получатель отказался", "the recipient refused"),
    "rejected_by_timeout": Text("банк не ответил вовремя", "the bank did not answer in time"),
    "unsupported_mobile_operator": Text("оператор связи не поддерживается", "the mobile operator is not supported"),
    "wallet_unavailable": Text("кошелёк недоступен", "the wallet is unavailable"),
    "yoo_money_account_closed": Text("кошелёк закрыт", "the wallet is closed"),
}
PROVIDER_PARTIES: Mapping[str, Text] = {
    "merchant": Text("мы", "we"),
    "yoo_money": Text("ЮKassa", "YooKassa"),
    "yookassa": Text("ЮKassa", "YooKassa"),
    "payment_network": Text("банк или платёжная система", "bank or payment network"),
    "payout_network": Text("банк или платёжная система", "bank or payment network"),
    "refund_network": Text("банк или платёжная система", "bank or payment network"),
    "provider": Text("провайдер", "the provider"),
}
PROVIDER_STATUSES: Mapping[str, Text] = {
    "pending": Text("ждёт оплаты", "pending"),
    "waiting_for_capture": Text("удержаны", "held"),
    "succeeded": Text("списаны", "captured"),
    "canceled": Text("отменён", "cancelled"),
}
METHODS: Mapping[str, Text] = {
    "bank_card": Text("карта", "card"),
    "sbp": Text("СБП", "SBP"),
    "yoo_money": Text("ЮMoney", "YooMoney"),
    "sberbank": Text("СберPay", "SberPay"),
    "tinkoff_bank": Text("T-Pay", "T-Pay"),
}
DESTINATIONS: Mapping[str, Text] = {
    "sbp": Text("СБП", "SBP"),
    "card": Text("карта", "card"),
    "wallet": Text("кошелёк", "wallet"),
    "bank_account": Text("счёт в банке", "bank account"),
}
PAYOUT_WAYS: Mapping[str, Text] = {
    "manual": Text("вручную", "by hand"),
    "yookassa": Text("через ЮKassa", "by YooKassa"),
}
SCHEMES: Mapping[str, Text] = {
    "own": Text("от своего имени", "in our own name"),
    "agent": Text("как агент", "as an agent"),
    "fee_only": Text("только комиссия", "the commission only"),
}
#: What a cash register answers.
FISCAL: Mapping[str, Text] = {
    "fiscal_document_number": Text("Номер документа", "Fiscal document"),
    "fiscal_storage_number": Text("Номер накопителя", "Fiscal storage"),
    "fiscal_attribute": Text("Фискальный признак", "Fiscal attribute"),
    "fiscal_provider_id": Text("Номер у оператора данных", "Number at the data operator"),
    "registered_at": Text("Зарегистрирован", "Registered"),
}
EXPORT_STATES: Mapping[str, Text] = {
    "waiting": Text("готовится", "being prepared"),
    "ready": Text("готова", "ready"),
    "failed": Text("не удалась", "failed"),
    "expired": Text("срок истёк", "expired"),
}
TOPICS: Mapping[str, Text] = {
    "mail": Text("письмо", "mail"),
    "account_mail": Text("письмо о доступе", "mail about access"),
    "payments": Text("платежи", "payments"),
    "payouts": Text("выплаты", "payouts"),
    "receipts": Text("чеки", "receipts"),
    "push": Text("уведомление в браузер", "push message"),
    "link_request": Text("просьба о ссылке", "request for a link"),
    "studio": Text("заказ студии", "studio order"),
    "commission_rules": Text("письма о комиссии", "mails about the commission"),
}
#: Notes that the service itself writes to entries of earnings.
NOTES: Mapping[str, Text] = {"acquiring": Text("комиссия за приём платежа", "fee for taking the payment")}
#: For templates, by name.
VOCABULARIES: Mapping[str, Mapping[str, Text]] = {
    "channels": CHANNELS,
    "destinations": DESTINATIONS,
    "exports": EXPORT_STATES,
    "fiscal": FISCAL,
    "methods": METHODS,
    "notes": NOTES,
    "parties": PROVIDER_PARTIES,
    "payments": PAYMENT_STATUSES,
    "provider": PROVIDER_STATUSES,
    "payout_ways": PAYOUT_WAYS,
    "reasons": {**PROVIDER_REASONS, **PAYOUT_REASONS},
    "schemes": SCHEMES,
    "topics": TOPICS,
}
