"""Pages of the admin that are not the form of an object: a few fields, lines below, one button.

Each page calls one service. GET shows it and POST sends it. A refusal of the service is shown at
its line, or else above the page. The input stays.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django import forms
from django.contrib import admin
from django.template.response import TemplateResponse
from django.utils.formats import get_format
from django.utils.translation import gettext
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from larder.core.errors import DomainError, InvalidInput
from larder.core.ids import new_id
from larder.core.limits import MAX_TEXT_LENGTH
from larder.staff.base import ServiceAdmin
from larder.staff.refusals import SENTENCES, Sentence, TextForm, explain_one, filled_in

MAX_FORM_LINES = 100

FORM_LINES = 10
"""Empty lines of a form. A script shows one, and adds others as they are needed."""


class PageForm(TextForm, forms.Form):
    """The fields above the lines. `form_key` is the idempotency key, so that a second click does
    nothing."""

    form_key = forms.UUIDField(widget=forms.HiddenInput, initial=new_id)


class LineForm(TextForm, forms.Form):
    """One line of a page. `cells` are shown before its fields, under the page's `heads`."""

    cells: Sequence[str] = ()
    names: Mapping[str, str] = {}
    """The form's field for each field of the service with another name."""

    @property
    def product(self) -> int | None:
        """The product of this line, by which refusals identify it; None if there is none."""
        raise NotImplementedError

    @property
    def is_filled(self) -> bool:
        return self.has_changed()

    def blame(self, name: str | None, text: str) -> None:
        """Adds an error to a field, given by the service's name for it, or to the line."""
        known = self.names.get(name or "", name)
        self.add_error(known if known in self.fields else None, text)


@dataclass(frozen=True, kw_only=True)
class Page:
    """The content of a page. `back` is the address of its cancel button; without an `answer` it has
    nothing to send."""

    title: str
    answer: str
    back: str
    form: forms.Form = field(default_factory=forms.Form)
    lines: Sequence[LineForm] = ()
    heads: Sequence[str] = ()
    text: str = ""
    details: Sequence[str] = ()
    """A question and its answer, which is shown when it is asked."""

    facts: Sequence[tuple[str, str]] = ()
    """Titles and texts above the fields."""

    about: Sequence[str] = ()
    """The objects of a question."""

    sends: Sequence[tuple[str, str]] = ()
    """Hidden fields and their values."""

    ways: Sequence[tuple[str, str]] = ()
    """Texts and addresses of other pages, each a button."""

    variant: str = "primary"
    further: LineForm | None = None
    """The line that a script adds below the last one (lines.js)."""

    total_in: str = ""
    """How amounts are written below the lines, which a script adds up."""

    refund: Mapping[str, str] = field(default_factory=dict)
    """What a script needs to say below the lines what is to be refunded."""

    table: Mapping[str, Any] = field(default_factory=dict)
    """A table below the form, in the format of the theme."""

    template: str = "staff/page.html"

    @property
    def media(self) -> forms.Media:
        """The scripts and styles that the fields need."""
        first = self.lines[0].media if self.lines else forms.Media()
        return self.form.media + first

    @property
    def filled(self) -> Sequence[LineForm]:
        """The lines that are filled."""
        return [line for line in self.lines if line.is_filled]

    def is_valid(self) -> bool:
        """Validates every form, so that all errors are shown at once."""
        return all([self.form.is_valid(), *(line.is_valid() for line in self.lines)])

    def is_complete(self, nothing: str) -> bool:
        """Returns whether every form is valid and at least one line is filled. Without a filled
        line it adds the error `nothing`; an empty `nothing` allows that."""
        valid = self.is_valid()
        if valid and nothing and not self.filled:
            self.form.add_error(None, nothing)
        return valid and self.form.is_valid()

    def refuse(self, refusal: DomainError, own: Mapping[str, Sentence]) -> None:
        """Adds each refusal of the request as errors to the lines that it names, or else above all
        lines.

        The line numbers in an InvalidInput count only filled lines.
        """
        for single in refusal.all:
            named = _faults(single, self.filled) or _named_lines(single, own, self.lines)
            for line, name, text in named:
                line.blame(name, text)
            for name, text in () if named else explain_one(single, own):
                self.form.add_error(name if name in self.form.fields else None, text)


def themed(request: Any, template: str, title: str, **context: Any) -> TemplateResponse:
    """Returns a page of the admin."""
    shared = admin.site.each_context(request)
    return TemplateResponse(request, template, {**shared, "title": title, **context})


def show(request: Any, page: Page) -> TemplateResponse:
    """Shows a page. It is sent to its own address."""
    named = {"page": page, "form": page.form, "most_lines": MAX_FORM_LINES}
    return themed(request, page.template, page.title, **named)


def ask(
    model_admin: ServiceAdmin, request: Any, title: str, about: Sequence[str], **options: Any
) -> TemplateResponse:
    """Shows a question about objects; `options` are those of its Page. The button sends what was
    sent now, the hidden fields, and `confirmed`."""
    sent = [
        (name, value)
        for name, values in request.POST.lists()
        if name != "csrfmiddlewaretoken"
        for value in values
    ]
    sends = [*sent, *options.pop("sends", ()), ("confirmed", "yes")]
    usual = {"answer": title, "back": model_admin.list_address}
    page = Page(title=title, about=about, sends=sends, **{**usual, **options})
    return show(request, page)


def show_once(request: Any, text: str, shown: str, back: str) -> TemplateResponse:
    """Shows a secret, such as a key, with a button that copies it and one that leads back."""
    title, template = gettext("Copy it now"), "staff/shown_once.html"
    return themed(request, template, title, text=text, shown=shown, back=back)


_Named = tuple[LineForm, str | None, str]


def _faults(refusal: DomainError, filled: Sequence[LineForm]) -> list[_Named]:
    if not isinstance(refusal, InvalidInput):
        return []
    places = [(fault.where.split("/"), fault.detail) for fault in refusal.faults]
    return [
        (filled[int(place[2])], place[-1], detail)
        for place, detail in places
        if place[1:2] == ["lines"] and len(place) == 4 and int(place[2]) < len(filled)
    ]


def _named_lines(
    refusal: DomainError, own: Mapping[str, Sentence], lines: Sequence[LineForm]
) -> list[_Named]:
    first = {line.product: line for line in reversed(lines) if line.product is not None}
    known = {**SENTENCES, **own}
    named: list[_Named] = []
    for refused in refusal.extensions.get("lines") or ():
        line, sentence = first.get(refused.get("product")), known.get(refused.get("code", ""))
        if line is not None and sentence is not None:
            named.append((line, sentence.field, filled_in(sentence, refused)))
    return named


Line = TypeVar("Line", bound=LineForm)


def lines_of(kind: type[Line], request: Any, first: Mapping[str, Any]) -> list[Line]:
    """Returns lines for staff to fill: as many as were sent, or FORM_LINES. `first` are the initial
    values of the first line. Empty lines are ignored."""
    sent = request.POST or None
    rows = request.POST.get("rows", "")
    number = int(rows) if rows.isdecimal() and len(rows) < 6 else FORM_LINES
    return [_line(kind, sent, n, {} if n else first) for n in range(min(number, MAX_FORM_LINES))]


def further_line(kind: type[Line]) -> Line:
    """Returns the line that a script adds again and again, with its own number (lines.js)."""
    return _line(kind, None, "__line__", {})


def _line(kind: type[Line], sent: Any, place: object, initial: Mapping[str, Any]) -> Line:
    options: dict[str, Any] = {"empty_permitted": True, "use_required_attribute": False}
    return kind(sent, prefix=f"line-{place}", initial=dict(initial), **options)


class Whole(forms.IntegerField):
    """A field for a whole number without marks. Django drops zeros after a point, and 1.000, which
    is a thousand in German, becomes 1."""

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,3}([.,][0-9]{3})+\s*", value):
            raise forms.ValidationError(gettext("Enter it without a mark of thousands."))
        if isinstance(value, str) and re.search("[.,]", value):
            raise forms.ValidationError(self.error_messages["invalid"])
        return super().to_python(value)


def whole(label: str, *, least: int, most: int, **options: Any) -> Whole:
    widget = UnfoldAdminIntegerFieldWidget(attrs={"class": "page-number"})
    return Whole(label=label, widget=widget, min_value=least, max_value=most, **options)


class Amount(forms.DecimalField):
    """A field for a number with a decimal point or comma. Its widget is one for text: in a field
    for numbers, browsers whose language has a decimal point drop a comma, and 2,25 becomes 225."""

    def __init__(self, **options: Any) -> None:
        widget = UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"})
        super().__init__(**{**options, "widget": widget, "localize": True})

    def to_python(self, value: Any) -> Any:
        mark = re.escape(get_format("THOUSAND_SEPARATOR"))
        many = rf"\s*[1-9][0-9]{{0,2}}{mark}[0-9]{{3}}\s*"
        if isinstance(value, str) and re.fullmatch(many, value):
            raise forms.ValidationError(gettext("Enter it without a mark of thousands."))
        return super().to_python(value.replace(",", ".") if isinstance(value, str) else value)


def words(label: str, *, most: int, attrs: Any = None, **options: Any) -> forms.CharField:
    widget = UnfoldAdminTextInputWidget(attrs=attrs)
    return forms.CharField(label=label, max_length=most, widget=widget, **options)


def day(label: str, **options: Any) -> forms.DateField:
    widget = UnfoldAdminTextInputWidget(attrs={"type": "date"})
    return forms.DateField(label=label, widget=widget, **options)


def tick(label: str) -> forms.BooleanField:
    return forms.BooleanField(label=label, required=False, widget=UnfoldBooleanWidget())


class Text(forms.CharField):
    """A field for several lines of text, with the line breaks of the API. Browsers send others."""

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value)).replace("\r\n", "\n")


def long_text(label: str, **options: Any) -> Text:
    widget = UnfoldAdminTextareaWidget(attrs={"rows": 2})
    fixed: dict[str, Any] = {"max_length": MAX_TEXT_LENGTH, "widget": widget}
    return Text(label=label, **{"required": False, **fixed, **options})


Choices = Sequence[tuple[str, str]] | Callable[[], Sequence[tuple[str, str]]]


def choice(label: str, choices: Choices, **options: Any) -> forms.ChoiceField:
    widget = UnfoldAdminSelectWidget()
    return forms.ChoiceField(label=label, choices=choices, widget=widget, **options)
