"""Words for the routes that entries of the audit log name."""

from __future__ import annotations

from collections.abc import Mapping

from mystar.admin.lists.audit_labels import CHANNELS
from mystar.errors import Text

#: What the forms of the panel do; pages are "a page of the panel".
PANEL_ROUTES: Mapping[str, Text] = {
    "admin.login": Text("вход в панель", "sign-in to the panel"),
    "admin.second-factor": Text("вход: второй фактор", "sign-in: second factor"),
    "admin.second-factor-options": Text("вход: ключ доступа", "sign-in: passkey"),
    "admin.passkey-options": Text("вход: ключ доступа", "sign-in: passkey"),
    "admin.passkey": Text("вход ключом доступа", "sign-in with a passkey"),
    "admin.sign-out": Text("выход из панели", "sign-out of the panel"),
    "admin.security-totp": Text("приложение с кодами", "authenticator application"),
    "admin.security-totp-confirm": Text(
        "приложение с кодами: подтверждение", "authenticator application: confirmation"
    ),
    "admin.security-passkey-options": Text("новый ключ доступа", "new passkey"),
    "admin.security-passkeys": Text("новый ключ доступа", "new passkey"),
    "admin.security-recovery-codes": Text("новые резервные коды", "new recovery codes"),
    "admin.security-zone": Text("свой часовой пояс", "one's time zone"),
    "admin.security-remove": Text("удалить свой второй фактор", "remove one's second factor"),
    "admin.step-up": Text("подтверждение личности", "confirmation of identity"),
    "admin.step-up-options": Text("подтверждение ключом доступа", "confirmation with a passkey"),
    "admin.order-capture": Text("списать деньги за заказ", "capture the money of an order"),
    "admin.order-approve": Text("решить спор для креатора", "decide a dispute for the creator"),
    "admin.order-cancel": Text("отменить заказ", "cancel an order"),
    "admin.order-refund": Text("вернуть деньги за заказ", "refund an order"),
    "admin.order-refund-again": Text("вернуть ещё раз", "refund again"),
    "admin.order-resume-payment": Text("разрешить оплату снова", "let the buyer pay again"),
    "admin.studio-order-process": Text("заказ студии в обработку", "process a studio order"),
    "admin.studio-orders-process": Text("заказы студии в обработку", "process studio orders"),
    "admin.payment-refresh": Text("обновить платёж у провайдера", "refresh a payment from the provider"),
    "admin.block": Text("заблокировать аккаунт", "block an account"),
    "admin.unblock": Text("разблокировать аккаунт", "unblock an account"),
    "admin.reset-factors": Text("сбросить второй фактор", "reset second factors"),
    "admin.account-role": Text("сменить роль", "change a role"),
    "admin.session-end": Text("закончить сеанс", "end a session"),
    "admin.account-export": Text("выгрузить данные человека", "export a person's data"),
    "admin.account-erase": Text("удалить аккаунт", "erase an account"),
    "admin.account-erase-withdraw": Text("отменить удаление аккаунта", "withdraw an erasure"),
    "admin.account-prove-phone": Text("подтвердить телефон", "prove a phone"),
    "admin.staff": Text("новый сотрудник", "new staff account"),
    "admin.creator-top": Text("топ креаторов", "top of the creators"),
    "admin.service-listing": Text("скрыть или показать услугу", "hide or show a service"),
    "admin.review-listing": Text("скрыть или показать отзыв", "hide or show a review"),
    "admin.categories": Text("новая категория", "new category"),
    "admin.category": Text("изменить категорию", "change a category"),
    "admin.category-delete": Text("удалить категорию", "delete a category"),
    "admin.tags": Text("новый тег", "new tag"),
    "admin.tag": Text("изменить тег", "change a tag"),
    "admin.tag-delete": Text("удалить тег", "delete a tag"),
    "admin.skills": Text("новый навык", "new skill"),
    "admin.skill": Text("изменить навык", "change a skill"),
    "admin.skill-delete": Text("удалить навык", "delete a skill"),
    "admin.announcement-preview": Text("посмотреть объявление", "preview an announcement"),
    "admin.announcement-send": Text("отправить объявление", "send an announcement"),
    "admin.announcement-stop": Text("остановить объявление", "stop an announcement"),
    "admin.text": Text("изменить текст письма", "change the text of a mail"),
    "admin.text-preview": Text("посмотреть письмо", "preview a mail"),
    "admin.text-restore": Text("вернуть текст письма", "restore the text of a mail"),
    "admin.report-decide": Text("решить жалобы", "decide reports"),
    "admin.alarm-silence": Text("приглушить тревогу", "silence an alarm"),
    "admin.order-note": Text("заметка о заказе", "note about an order"),
    "admin.account-note": Text("заметка о человеке", "note about a person"),
    "admin.service-note": Text("заметка об услуге", "note about a service"),
    "admin.outbox-retry": Text("отправить исходящее сейчас", "send from the outbox now"),
    "admin.outbox-repeat": Text("отправить письмо ещё раз", "send a mail again"),
    "admin.receipt-send": Text("отправить чек снова", "send a receipt again"),
    "admin.payout-queue": Text("запустить выплаты снова", "resume payouts"),
    "admin.payout-approve": Text("подтвердить выплату", "approve a payout"),
    "admin.payout-paid": Text("отметить выплату выплаченной", "mark a payout as paid"),
    "admin.payout-failed": Text("отметить, что выплата не прошла", "mark a payout as failed"),
    "admin.payout-returned": Text("отметить, что выплата вернулась", "mark a payout as returned"),
    "admin.payout-withdraw": Text("отменить выплату", "cancel a payout"),
    "admin.payout-send-again": Text("отправить часть выплаты снова", "send a part of a payout again"),
    "admin.balance-stop": Text("остановить выплаты креатору", "stop a creator's payouts"),
    "admin.balance-resume": Text("разрешить выплаты креатору", "allow a creator's payouts"),
    "admin.balance-adjust": Text("корректировка баланса", "adjust a balance"),
    "admin.balance-write-off": Text("списать долг", "write a debt off"),
    "admin.commission-rules-new": Text("новые правила комиссии", "new commission rules"),
    "admin.commission-rules-draft": Text("черновик правил комиссии", "draft of commission rules"),
    "admin.earning-stop": Text("заморозить долю креатора", "freeze the creator's share"),
    "admin.earning-resume": Text("разморозить долю креатора", "unfreeze the creator's share"),
    "admin.earning-settle": Text("отметить: выплачено ранее", "mark as paid before"),
    "admin.earning-chargeback": Text("внести чарджбэк", "enter a chargeback"),
}
#: Of every list, by the end of the name.
_OF_LISTS: Mapping[str, Text] = {
    "-bulk": Text("действие с выбранными", "action on selected rows"),
    "-filters": Text("сохранить фильтр", "save a filter"),
    "-filter-delete": Text("удалить фильтр", "delete a filter"),
}
#: Names that routes had once; the audit log keeps them.
_FORMER_NAMES: Mapping[str, str] = {
    "admin.door": "admin.login",
    "admin.process": "admin.studio-order-process",
    "admin.studio-process": "admin.studio-orders-process",
    "admin.role": "admin.account-role",
    "admin.account-keep": "admin.account-erase-withdraw",
    "admin.account-phone": "admin.account-prove-phone",
    "admin.letter-retry": "admin.outbox-retry",
    "admin.letter-repeat": "admin.outbox-repeat",
}
_PANEL_PAGE = Text("страница панели", "a page of the panel")
_API = Text("API: {name}", "API: {name}")


def route_words(name: str) -> Text:
    """Words for the name of a route; of the dialects only which one it is."""
    contract = name.partition(".")[0]
    if contract == "admin":
        of_list = next((words for end, words in _OF_LISTS.items() if name.endswith(end)), _PANEL_PAGE)
        return PANEL_ROUTES.get(_FORMER_NAMES.get(name, name), of_list)
    known = CHANNELS.get(contract)
    return Text(*(words.format(name=title) for words, title in zip(_API, known or (contract, contract), strict=True)))
