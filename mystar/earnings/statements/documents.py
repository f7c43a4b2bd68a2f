"""A statement as CSV and as PDF."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from mystar.earnings.statements.model import Line, Statement
from mystar.kit import spreadsheets
from mystar.kit.clock import MOSCOW
from mystar.kit.money import rubles_text

if TYPE_CHECKING:
    from fpdf import FPDF

COLUMNS = ("at", "kind", "order", "payout", "gross", "commission", "vat", "amount", "note")
#: Millimetres: of the columns, and from line to line.
_WIDTHS = (28, 34, 20, 20, 26, 26, 22, 28, 70)
_LINE = 5
#: Characters that fit into the last column.
_MAX_NOTE = 45


class Words(NamedTuple):
    """The texts of a document in one language."""

    title: str
    month: str
    opening: str
    closing: str
    seal: str
    columns: tuple[str, ...]
    kinds: Mapping[str, str]


_RUSSIAN = Words(
    title="Отчёт агента № {number}",
    month="за {month:%m.%Y}",
    opening="Остаток на начало: {opening} руб.",
    closing="Остаток на конец: {closing} руб.",
    seal="Контрольная сумма: {sha256}",
    columns=("Дата", "Операция", "Заказ", "Выплата", "Оплачено", "Комиссия", "НДС в ней", "Сумма", "Примечание"),
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
    month="for {month:%m/%Y}",
    opening="Opening balance: {opening} RUB",
    closing="Closing balance: {closing} RUB",
    seal="Checksum: {sha256}",
    columns=("Date", "Kind", "Order", "Payout", "Paid", "Commission", "VAT in it", "Amount", "Note"),
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


def pdf(statement: Statement, lines: Sequence[Line], language: str) -> bytes:
    """The whole document. Ten thousand lines take about two seconds, so it belongs into a thread."""
    # fpdf2 imports Pillow, whose parsers the service itself does not load: only who asks for a PDF does.
    import font_roboto
    from fpdf import FPDF

    words = _ENGLISH if language == "en" else _RUSSIAN
    document = FPDF(orientation="landscape", format="A4")
    document.set_creation_date(statement.created_at)
    document.add_font("Roboto", fname=font_roboto.Roboto)
    document.add_font("Roboto", style="B", fname=font_roboto.RobotoBold)
    document.add_page()
    document.set_font("Roboto", style="B", size=14)
    _write(document, statement, words.title)
    document.set_font("Roboto", size=10)
    _write(document, statement, words.month, words.opening)
    _table(document, words, lines)
    _write(document, statement, words.closing, words.seal)
    return bytes(document.output())


def _write(document: FPDF, statement: Statement, *templates: str) -> None:
    for template in templates:
        text = template.format(
            number=statement.number,
            month=statement.month,
            opening=rubles_text(statement.opening),
            closing=rubles_text(statement.closing),
            sha256=statement.sha256,
        )
        document.cell(text=text, new_x="LMARGIN", new_y="NEXT", h=7)


def _table(document: FPDF, words: Words, lines: Sequence[Line]) -> None:
    """Text at computed places: the library's own tables measure every word, seconds for a thousand lines."""
    document.set_font("Roboto", style="B", size=8)
    _row(document, words.columns)
    document.set_font("Roboto", size=8)
    for line in lines:
        day = line.at.astimezone(MOSCOW).strftime("%d.%m.%Y %H:%M")
        sums = (_sum(line.gross), _sum(line.commission), _sum(line.vat), rubles_text(line.amount))
        ids = (str(line.order_id or ""), str(line.payout_id or ""))
        _row(document, (day, words.kinds.get(line.kind, line.kind), *ids, *sums, _short(line.note)))
    document.ln(_LINE)


def _row(document: FPDF, cells: Sequence[str]) -> None:
    if document.will_page_break(_LINE):
        document.add_page()
    x, y = document.l_margin, document.get_y()
    for width, cell in zip(_WIDTHS, cells, strict=True):
        if cell:
            document.text(x, y + _LINE, cell)
        x += width
    document.set_y(y + _LINE)


def _short(note: str) -> str:
    line = " ".join(note.split())
    return line if len(line) <= _MAX_NOTE else line[: _MAX_NOTE - 1] + "…"


def _sum(amount: int | None) -> str:
    return "" if amount is None else rubles_text(amount)
