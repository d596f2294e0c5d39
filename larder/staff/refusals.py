"""What the admin says about the refusals of services, and forms that say it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from django import forms
from django.conf import settings
from django.utils.translation import gettext

from larder.core.errors import DomainError, InvalidInput, Overloaded
from larder.core.ids import new_id
from larder.core.texts import text_fault
from larder.http.problems import first_sentence
from larder.identity.services.attempts import RateLimited
from larder.notifications.formatting import amount
from larder.staff.orders.contents import state
from larder.staff.recording import FORMER
from larder.staff.words import gettext_lazy as _

BUSY = (RateLimited, Overloaded)
"""Refusals that give the page, which explains them, their status."""


class Sentence(NamedTuple):
    """A message for staff, and its field of the form (None: above all fields).

    `text` may contain placeholders for the refusal's extensions, and for those of its first line.
    """

    field: str | None
    text: str


SENTENCES: Mapping[str, Sentence] = {
    # By code, or by the class of a refusal that shares its code with others.
    "not_found": Sentence(None, _("This does not exist any more.")),
    "precondition_failed": Sentence(
        None,
        _(
            "Another user changed this after you opened the form. Your changes were not saved: "
            "open it again, check the current values, and make your changes again."
        ),
    ),
    "idempotency_key_reused": Sentence(
        None,
        _("This form was sent before with other values. Open it again to make another change."),
    ),
    "OrderTooSmall": Sentence(None, _("The total is {total}; the minimum is {minimum}.")),
    "overloaded": Sentence(None, _("The server is busy. Try again in a moment.")),
    "throttled": Sentence(None, _("Too many attempts. Try again in {retry_after} seconds.")),
}


def filled_in(sentence: Sentence, carried: Mapping[str, Any]) -> str:
    """Returns the text with the values of a refusal. A missing limit is "any number"."""
    return sentence.text.format(**{name: _shown(name, value) for name, value in carried.items()})


def _shown(name: str, value: Any) -> Any:
    if value is None:
        return gettext("any number")
    if name == "from":
        return state(value)
    return amount(value, settings.CURRENCY) if isinstance(value, Decimal) else value


def explain(refusal: DomainError, own: Mapping[str, Sentence]) -> list[Sentence]:
    """Returns the messages for a refusal and its others, from `own` or else from SENTENCES."""
    return [text for single in refusal.all for text in explain_one(single, own)]


def refuse(form: forms.BaseForm, refusal: DomainError, own: Mapping[str, Sentence]) -> None:
    """Adds the messages for a refusal to the fields that they name, or else above all fields."""
    if isinstance(refusal, BUSY):
        form.busy = refusal  # type: ignore[attr-defined]
    for field, text in explain(refusal, own):
        form.add_error(field if field in form.fields else None, text)


def explain_one(refusal: DomainError, own: Mapping[str, Sentence]) -> list[Sentence]:
    """Returns the messages for a refusal without its others. Raises one that refuses the page,
    unless it has a message in `own`."""
    if isinstance(refusal, FORMER) and refusal.code not in own:
        raise refusal
    if isinstance(refusal, InvalidInput):
        return [Sentence(fault.where.lstrip("/"), fault.detail) for fault in refusal.faults]
    texts = {**SENTENCES, **own}
    known = texts.get(type(refusal).__name__) or texts.get(refusal.code)
    if known is None:
        return [
            Sentence(
                None, gettext("The shop refuses this: {}.").format(first_sentence(type(refusal)))
            )
        ]
    carried = {"retry_after": getattr(refusal, "retry_after", 0), **refusal.extensions}
    first = (carried.get("lines") or [{}])[0]
    return [known._replace(text=filled_in(known, {**carried, **first}))]


class TextForm(forms.BaseForm):
    """A form that refuses texts with characters that change their direction. A password may have
    them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            is_password = isinstance(field.widget, forms.PasswordInput)
            if isinstance(field, forms.CharField) and not is_password:
                field.validators = [*field.validators, _refuse_characters]


def _refuse_characters(value: Any) -> None:
    if fault := text_fault(str(value)):
        raise forms.ValidationError(gettext(fault.text).format(*fault.values))


class RefusableForm(TextForm, forms.ModelForm):  # type: ignore[type-arg]
    """A form whose input a service may refuse.

    It validates each field, but not what the database guarantees: a check whether a name is free
    may be outdated when the service writes. Instead it shows the service's refusal.
    """

    sentences: Mapping[str, Sentence] = {}
    refusal: DomainError | None = None

    def clean(self) -> dict[str, Any]:
        """Shows the refusal. Replaces ModelForm's, which checks whether names are free."""
        if self.refusal is not None:
            refuse(self, self.refusal, self.sentences)
        return self.cleaned_data

    def _get_validation_exclusions(self) -> set[str]:
        """Returns all fields: the form validates its fields, the database its constraints."""
        return {field.name for field in self.instance._meta.concrete_fields}


class VersionedForm(RefusableForm):
    """Contains the version of the object that was opened, so that no change is overwritten; or the
    idempotency key of a new one, so that a second click does nothing."""

    seen_version = forms.IntegerField(widget=forms.HiddenInput)
    form_key = forms.UUIDField(widget=forms.HiddenInput, initial=new_id)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance._state.adding:
            del self.fields["seen_version"]
        else:
            self.initial["seen_version"] = self.instance.version
            del self.fields["form_key"]
