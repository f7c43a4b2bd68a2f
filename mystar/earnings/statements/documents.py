"""A statement as CSV and as PDF."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from mystar.earnings.statements.model import Holder, Line, Statement
from mystar.kit import spreadsheets
from mystar.kit.clock import MOSCOW
from mystar.kit.money import format_sum, rubles_text
from mystar.kit.pdf import Pdf

COLUMNS = ("at", "kind", "order", "payout", "gross", "commission", "vat", "amount", "note")
_PLAIN, _BOLD = "plain", "bold"
#: Millimetres: of a page (A4, landscape) and its margins, of the columns, from line to line, from sentence to sentence.
_PAGE, _MARGIN = (297.0, 210.0), 10
_WIDTHS = (28, 34, 20, 20, 26, 26, 22, 28, 70)
_LINE, _SENTENCE = 5, 7
#: Characters that fit into the last column, and those of a name that fit into a line with the rest of it.
_MAX_NOTE, _MAX_NAME = 45, 50


class Words(NamedTuple):
    """The texts of a document in one language."""

    title: str
    holder: str
    month: str
    opening: str
    closing: str
    seal: str
    page: str
    columns: tuple[str, ...]
    kinds: Mapping[str, str]


_RUSSIAN = Words(
    title="Отчёт агента № {number}",
    holder="Креатор: {holder}, аккаунт № {account}",
    month="за {month:%m.%Y}",
    opening="Остаток на начало: {opening} ₽",
    closing="Остаток на конец: {closing} ₽",
    seal="Контрольная сумма: {sha256}",
    page="Отчёт № {number}, страница {page}",
    columns=(
        "Дата (Москва)",
        "Операция",
        "Заказ",
        "Выплата",
        "Оплачено",
        "Комиссия",
        "НДС в ней",
        "Сумма",
        "Примечание",
    ),
    kinds={
        "clearance": "Заказ",
        "freeze": "Заморозка",
        "unfreeze": "Разморозка",
        "refund": "Возврат",
        "chargeback": "Оспоренный платёж",
        "adjustment": "Корректировка",
        "write_off": "Списание долга",
        "payout": "Выплата",
        "payout_failed": "Выплата не прошла",
        "payout_cancelled": "Выплата отменена",
        "payout_returned": "Выплата вернулась",
    },
)
_ENGLISH = Words(
    title="Agent's report No. {number}",
    holder="Creator: {holder}, account No. {account}",
    month="for {month:%m/%Y}",
    opening="Opening balance: {opening} RUB",
    closing="Closing balance: {closing} RUB",
    seal="Checksum: {sha256}",
    page="Report No. {number}, page {page}",
    columns=("Date (Moscow)", "Kind", "Order", "Payout", "Paid", "Commission", "VAT in it", "Amount", "Note"),
    kinds={
        "clearance": "Order",
        "freeze": "Frozen",
        "unfreeze": "Unfrozen",
        "refund": "Refund",
        "chargeback": "Chargeback",
        "adjustment": "Adjustment",
        "write_off": "Debt written off",
        "payout": "Payout",
        "payout_failed": "Payout failed",
        "payout_cancelled": "Payout cancelled",
        "payout_returned": "Payout returned",
    },
)


def csv_heading() -> str:
    return spreadsheets.BYTE_ORDER_MARK + spreadsheets.lines([COLUMNS])


def csv_lines(lines: Iterable[Line]) -> str:
    return spreadsheets.lines(
        (
            line.at.astimezone(MOSCOW).isoformat(timespec="seconds"),
            line.kind,
            line.order_id or "",
            line.payout_id or "",
            _sum(line.gross),
            _sum(line.commission),
            _sum(line.vat),
            rubles_text(line.amount),
            spreadsheets.harmless(line.note),
        )
        for line in lines
    )


class PdfDocument:
    """A statement as PDF, drawn in batches: each method answers the bytes that come next."""

    def __init__(self, statement: Statement, holder: Holder, language: str) -> None:
        import font_roboto

        self._statement, self._holder, self._language = statement, holder, language
        self._words = _ENGLISH if language == "en" else _RUSSIAN
        self._pdf = Pdf(
            {_PLAIN: font_roboto.Roboto, _BOLD: font_roboto.RobotoBold},
            width=_PAGE[0],
            height=_PAGE[1],
            title=self._fill(self._words.title),
            created_at=statement.created_at,
        )
        self._y = float(_MARGIN)

    def begin(self) -> bytes:
        head = self._pdf.begin()
        self._sentence(self._words.title, _BOLD, 14)
        self._sentence(self._words.month)
        self._sentence(self._words.holder)
        self._sentence(self._words.opening)
        self._row(self._words.columns, _BOLD)
        return head

    def lines(self, lines: Iterable[Line]) -> bytes:
        """The pages that these lines fill."""
        return b"".join(self._line(line) for line in lines)

    def finish(self) -> bytes:
        pages = self._page_if_full(3 * _SENTENCE)
        self._y += _LINE
        self._sentence(self._words.closing)
        self._sentence(self._words.seal)
        return pages + self._end_page() + self._pdf.finish()

    def _line(self, line: Line) -> bytes:
        page = self._page_if_full(_LINE)
        day = line.at.astimezone(MOSCOW).strftime("%d.%m.%Y %H:%M")
        sums = map(self._sum, (line.gross, line.commission, line.vat, line.amount))
        ids = (str(line.order_id or ""), str(line.payout_id or ""))
        self._row((day, self._words.kinds.get(line.kind, line.kind), *ids, *sums, _short(line.note, _MAX_NOTE)))
        return page

    def _sum(self, amount: int | None) -> str:
        return "" if amount is None else format_sum(amount, self._language)

    def _page_if_full(self, height: float) -> bytes:
        if self._y + height <= _PAGE[1] - _MARGIN:
            return b""
        page = self._end_page()
        self._y = float(_MARGIN)
        self._row(self._words.columns, _BOLD)
        return page

    def _end_page(self) -> bytes:
        number = self._words.page.format(number=self._statement.number, page=self._pdf.page_number)
        self._pdf.text(_MARGIN, _PAGE[1] - _MARGIN / 2, number, _PLAIN, 8)
        return self._pdf.end_page()

    def _row(self, cells: Sequence[str], font: str = _PLAIN) -> None:
        x = float(_MARGIN)
        for width, cell in zip(_WIDTHS, cells, strict=True):
            if cell:
                self._pdf.text(x, self._y + _LINE, cell, font, 8)
            x += width
        self._y += _LINE

    def _sentence(self, template: str, font: str = _PLAIN, size: int = 10) -> None:
        self._pdf.text(_MARGIN, self._y + _LINE, self._fill(template), font, size)
        self._y += _SENTENCE

    def _fill(self, template: str) -> str:
        statement = self._statement
        return template.format(
            number=statement.number,
            month=statement.month,
            holder=_named(self._holder),
            account=self._holder.account_id,
            opening=self._sum(statement.opening),
            closing=self._sum(statement.closing),
            sha256=statement.sha256,
        )


def _named(holder: Holder) -> str:
    """The name with the login, or the login alone."""
    username = _short(holder.username, _MAX_NAME)
    return f"{_short(holder.name, _MAX_NAME)} ({username})" if holder.name not in ("", holder.username) else username


def _short(text: str, longest: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def _sum(amount: int | None) -> str:
    return "" if amount is None else rubles_text(amount)
