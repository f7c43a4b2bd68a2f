"""A page with a form that was refused: what was typed is there again, and each message stands beside its field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from html.parser import HTMLParser
from itertools import count

#: Types of inputs that are not typed into: they keep what the page says.
_KEPT_TYPES = ("hidden", "password", "submit", "button", "image", "reset", "file")
_CHECKED_TYPES = ("checkbox", "radio")
_CONTROLS = ("input", "textarea", "select")
#: The id of the message about the form as a whole.
NOTE_ID = "refused"

Attributes = dict[str, str | None]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A form that was refused.

    :param action: the path that it was sent to. :param values: what was sent. :param message: about the whole.
    :param fields: messages by the name of the field. :param kept: further hidden fields, for the next try.
    :param is_wrong: whether it is refused, or only shown again with what was typed.
    """

    action: str
    values: Mapping[str, Sequence[str]]
    message: str = ""
    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)
    kept: Mapping[str, str] = field(default_factory=dict)
    is_wrong: bool = True


@dataclass(slots=True)
class _Form:
    """A form of the page. ``number``: of its start tag. ``details``: numbers of the start tags that fold it away."""

    number: int
    attributes: Attributes
    details: tuple[int, ...]
    actions: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    shown: list[str] = field(default_factory=list)
    hidden: dict[str, str] = field(default_factory=dict)


def refill(html: str, refused: Refusal) -> str:
    """The page with the form filled in and its messages; without the form, the message stands above everything."""
    outline = _Outline()
    outline.feed(html)
    outline.close()
    form = _best(outline.forms, refused)
    writer = _Writer(refused, form)
    writer.feed(html)
    writer.close()
    return "".join(writer.written)


def has_form(html: str, action: str) -> bool:
    """Whether a form of the page is sent to this path."""
    outline = _Outline()
    outline.feed(html)
    outline.close()
    return any(action in form.actions for form in outline.forms)


def _best(forms: Sequence[_Form], refused: Refusal) -> _Form | None:
    """The form that is sent to the action; of several the one whose hidden fields were sent."""

    def likeness(form: _Form) -> tuple[int, int]:
        same = sum(value in refused.values.get(name, ()) for name, value in form.hidden.items())
        return same, len(form.names & refused.values.keys())

    fitting = [form for form in forms if refused.action in form.actions]
    return max(fitting, key=likeness) if fitting else None


class _Outline(HTMLParser):
    """Finds the forms of a page and their fields, also those that name their form by ``form=``."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.forms: list[_Form] = []
        self._open: _Form | None = None
        self._details: list[int] = []
        self._count = count()
        self._foreign: list[tuple[str, str, Attributes]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        number, attributes = next(self._count), dict(attrs)
        if tag == "details":
            self._details.append(number)
        elif tag == "form":
            self._open = _Form(number, attributes, tuple(self._details), [attributes.get("action") or ""])
            self.forms.append(self._open)
        elif tag in (*_CONTROLS, "button"):
            if attributes.get("form"):
                self._foreign.append((str(attributes["form"]), tag, attributes))
            elif self._open:
                _add(self._open, tag, attributes)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        elif tag == "details" and self._details:
            self._details.pop()

    def close(self) -> None:
        super().close()
        for form_id, tag, attributes in self._foreign:
            for form in self.forms:
                if form.attributes.get("id") == form_id:
                    _add(form, tag, attributes)


def _add(form: _Form, tag: str, attributes: Attributes) -> None:
    if attributes.get("formaction"):
        form.actions.append(str(attributes["formaction"]))
    name, kind = attributes.get("name"), attributes.get("type") or "text"
    if not name or tag == "button":
        return
    form.names.add(name)
    if tag == "input" and kind == "hidden":
        form.hidden[name] = attributes.get("value") or ""
    else:
        form.shown.append(name)


class _Writer(HTMLParser):
    """Writes the page again, with the fields and messages of one form."""

    def __init__(self, refused: Refusal, form: _Form | None) -> None:
        super().__init__(convert_charrefs=False)
        self.written: list[str] = []
        self._refused, self._form = refused, form
        shown = form.shown if form else []
        self._fields = {name: texts for name, texts in refused.fields.items() if name in shown}
        self._is_placed = self._is_focused = self._is_inside = False
        self._count = count()
        #: Messages that follow the label or field that is open.
        self._pending: list[str] = []
        self._label = self._select = ""
        self._skipped = ""
        self._told: set[str] = set()

    # What is written unchanged.

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            self.written.append(data)

    def handle_entityref(self, name: str) -> None:
        self.handle_data(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self.handle_data(f"&#{name};")

    def handle_comment(self, data: str) -> None:
        self.handle_data(f"<!--{data}-->")

    def handle_decl(self, decl: str) -> None:
        self.handle_data(f"<!{decl}>")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    # What is changed.

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        number, text, attributes = next(self._count), self.get_starttag_text() or "", dict(attrs)
        form = self._form
        if form and number in form.details and "open" not in attributes:
            text = f"{text[:-1]} open>"
        if form and number == form.number:
            self._is_inside = True
            text = self._form_start(text, attributes)
        if tag == "label":
            self._label = "open"
        if tag in _CONTROLS and self._is_ours(attributes):
            text = self._control(tag, attributes)
        elif tag == "option" and self._select:
            chosen = (attributes.get("value") or "") in self._refused.values[self._select]
            attributes.pop("selected", None)
            text = _tag(tag, {**attributes, **({"selected": None} if chosen else {})})
        self.written.append(text)
        if tag == "main" and not self._has_place():
            self.written.append(self._note())
        if tag == "input" and not self._label:
            self._flush()

    def handle_endtag(self, tag: str) -> None:
        if tag == self._skipped:
            self._skipped = ""
        if tag == "form":
            self._is_inside = False
        if tag == "select":
            self._select = ""
        if tag == "label":
            self._label = ""
        self.written.append(f"</{tag}>")
        if tag == "label" or (tag in ("textarea", "select") and not self._label):
            self._flush()

    def _has_place(self) -> bool:
        """Whether the message can be read in the form: not where a script has not shown the form yet."""
        return self._form is not None and "hidden" not in self._form.attributes

    def _is_ours(self, attributes: Attributes) -> bool:
        if attributes.get("form"):
            return self._form is not None and attributes["form"] == self._form.attributes.get("id")
        return self._is_inside

    def _form_start(self, text: str, attributes: Attributes) -> str:
        kept = "".join(
            f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
            for name, value in self._refused.kept.items()
        )
        if not self._has_place() or not self._refused.is_wrong:
            return text + kept
        return _tag("form", {**attributes, "aria-describedby": NOTE_ID}) + self._note() + kept

    def _note(self) -> str:
        """What is wrong with the form, and with fields that cannot be seen; above everything also what was typed."""
        if not self._refused.is_wrong:
            return ""
        unseen = [text for name, texts in self._refused.fields.items() if name not in self._fields for text in texts]
        texts = [self._refused.message, *(text for text in unseen if text != self._refused.message)]
        focus = "" if self._fields else " autofocus"
        words = escape(" ".join(filter(None, texts)))
        return f'<p class="note bad refused" role="alert" id="{NOTE_ID}" tabindex="-1"{focus}>{words}</p>'

    def _control(self, tag: str, attributes: Attributes) -> str:
        name, kind = attributes.get("name") or "", attributes.get("type") or "text"
        values = self._refused.values.get(name)
        if values is not None or kind in _CHECKED_TYPES:
            self._set(tag, kind, name, attributes, values or ())
        attributes.pop("autofocus", None)
        after = ""
        if tag == "textarea" and values:
            # A line break right after the tag would not be counted.
            self._skipped, after = tag, "\n" + escape(values[0])
        if kind != "hidden" and name in self._fields and self._refused.is_wrong:
            self._mark(name, attributes)
        return _tag(tag, attributes) + after

    def _set(self, tag: str, kind: str, name: str, attributes: Attributes, values: Sequence[str]) -> None:
        if tag == "select":
            self._select = name
        elif tag == "input" and kind in _CHECKED_TYPES:
            attributes.pop("checked", None)
            if (attributes.get("value") or "on") in values:
                attributes["checked"] = None
        elif tag == "input" and kind not in _KEPT_TYPES:
            attributes["value"] = values[0] if values else ""

    def _mark(self, name: str, attributes: Attributes) -> None:
        message = f"{NOTE_ID}-{name}"
        described = attributes.get("aria-describedby")
        attributes["aria-invalid"] = "true"
        attributes["aria-describedby"] = f"{described} {message}" if described else message
        if not self._is_focused:
            self._is_focused = True
            attributes["autofocus"] = None
        if name not in self._told:
            self._told.add(name)
            words = escape(" ".join(self._fields[name]))
            self._pending.append(f'<span class="refused" id="{escape(message)}">{words}</span>')

    def _flush(self) -> None:
        self.written += self._pending
        self._pending = []


def _tag(name: str, attributes: Attributes) -> str:
    parts = (key if value is None else f'{key}="{escape(value)}"' for key, value in attributes.items())
    return f"<{' '.join((name, *parts))}>"
