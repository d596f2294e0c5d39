"""Finds customers for staff, by names, email address and phone number, and shows who they are."""

import re
from typing import Any

from django.db.models import BooleanField, Case, F, Func, Q, QuerySet, TextField, Value, When
from django.db.models.functions import Lower

from larder.catalog.search import words
from larder.core.limits import MAX_FOUND_OWNERS
from larder.db.fields import Fold
from larder.identity.models import SEARCH_TEXT, Address
from larder.identity.queries import lowered_spellings
from larder.staff.lists import with_trigrams, with_words

_MARKS = " -/().+"
"""What people write between the digits of a phone number."""

_LEAST_DIGITS = 5


def search(rows: "QuerySet[Any]", term: str, order: tuple[str, ...]) -> "QuerySet[Any]":
    """Returns the customers with all words of `term` in username, email address and names, or with
    a phone number in an address, in this order. The one whose username or email address it is comes
    first.

    Plan: customer_search. A phone number reads every address (a million in about a second).
    """
    typed = words(term)
    matching = with_trigrams(with_words(rows, SEARCH_TEXT, typed), SEARCH_TEXT, typed)
    if callers := _with_phone(term):
        others = matching.order_by("-pk").values_list("pk", flat=True)[:MAX_FOUND_OWNERS]
        matching = rows.filter(pk__in=[*callers, *others])
    folded = matching.alias(folded_name=Fold("username"), folded_mail=Lower("email"))
    mail = Q(folded_mail__in=lowered_spellings(term)) & ~Q(email="")
    is_whole = When(Q(folded_name=Fold(Value(term))) | mail, then=True)
    whole = Case(is_whole, default=False, output_field=BooleanField())
    ordered: QuerySet[Any] = folded.alias(is_whole=whole).order_by("-is_whole", *order)
    return ordered


def _with_phone(term: str) -> list[int]:
    """Returns the ids of customers with a phone number that has these digits; none for a text that
    is no phone number. A zero that begins it may be a country code instead."""
    digits = re.sub(f"[{re.escape(_MARKS)}]", "", term).lstrip("0")
    if len(digits) < _LEAST_DIGITS or not re.fullmatch("[0-9]+", digits):
        return []
    output = TextField()
    plain = Func(F("phone"), Value(_MARKS), Value(""), function="translate", output_field=output)
    known = Address.objects.alias(digits=plain).filter(digits__contains=digits)
    return list(known.order_by("-customer").values_list("customer", flat=True)[:MAX_FOUND_OWNERS])


def full_name(customer: Any) -> str:
    """Returns the first and the last name of a customer, as far as they are known."""
    return f"{customer.first_name} {customer.last_name}".strip()


def description(customer: Any) -> str:
    """Returns the names and the email address of a customer, such as "Mary Smith · mary"."""
    parts = (full_name(customer), customer.username, customer.email)
    return " · ".join(part for part in parts if part)
