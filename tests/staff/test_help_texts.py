"""Every field of the forms of the admin says what its label alone does not."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django import forms

from larder.staff.identity import own_account
from tests.conftest import Person
from tests.staff.desk import Desk

PLAIN = {
    *("first_name", "last_name", "company", "line1", "line2", "city", "region", "postal_code"),
    *("first", "last"),
    *("units", "quantity", "counted", "delta"),
    *("rest", "restock", "change"),
    *("kind", "code", "permit", "reset_token"),
    *("old_password", "new_password", "new_password1", "password", "again"),
}
"""Fields whose label says all of it: names, parts of an address, the days of a period, how many,
what became of units, codes and passwords."""
EXPLAINED = {"WantedForm": ["sku"], "AdjustmentLineForm": ["sku"], "LoginForm": ["username"]}
"""Fields that the text of their page explains."""


def _kinds(kind: type[Any]) -> Iterator[type[Any]]:
    for one in kind.__subclasses__():
        yield one
        yield from _kinds(one)


def _without(fields: Mapping[str, Any]) -> list[str]:
    """Returns the fields that a client sees and that have no help text, although they need one."""
    shown = {name: one for name, one in fields.items() if not one.widget.is_hidden}
    return [name for name, one in shown.items() if not one.help_text and name not in PLAIN]


def test_every_field_of_a_page_has_a_help_text_or_a_plain_label() -> None:
    kinds = [one for one in _kinds(forms.Form) if one.__module__.startswith("larder.staff.")]
    assert own_account.LoginForm in kinds
    assert len(kinds) > 20
    found = {one.__name__: _without(one.base_fields) for one in kinds}
    assert {name: fields for name, fields in found.items() if fields} == EXPLAINED


def test_every_field_of_an_object_has_a_help_text_or_a_plain_label(
    desk: Desk, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    jam, clerk = product(), person("clerk", is_staff=True)
    paths = (
        *("catalog/product/add/", f"catalog/product/{jam}/change/", "catalog/category/add/"),
        *("identity/customer/add/", f"identity/customer/{clerk.id}/change/", "auth/group/add/"),
    )
    for path in paths:
        form = desk.get(path).response.context["adminform"].form
        assert _without(form.fields) == [], path
