"""Saved views belong to one account and one page."""

from collections.abc import Callable

import pytest

from larder.core.errors import NotFound
from larder.identity.models import SavedView
from larder.identity.services.saved_views import change_view, delete_view, save_view
from tests.conftest import Person

pytestmark = pytest.mark.django_db(transaction=True)


def saved(page: str, owner: Person, name: str = "Mine") -> int:
    save_view(page, name, "q=jam", is_shared=True, caller=owner.caller)
    return SavedView.objects.get(page=page, owner=owner.id, name=name).pk


def test_a_view_of_another_account_is_neither_changed_nor_deleted(
    person: Callable[..., Person],
) -> None:
    owner, other = person(is_staff=True), person(is_staff=True)
    view = saved("products", owner)
    with pytest.raises(NotFound):
        change_view("products", view, "Yours", is_shared=False, caller=other.caller)
    with pytest.raises(NotFound):
        delete_view("products", view, caller=other.caller)
    assert SavedView.objects.get(pk=view).name == "Mine"


def test_a_view_of_another_page_is_neither_changed_nor_deleted(
    person: Callable[..., Person],
) -> None:
    owner = person(is_staff=True)
    view, elsewhere = saved("products", owner), saved("orders", owner, "Late")
    with pytest.raises(NotFound):
        change_view("orders", view, "Yours", is_shared=False, caller=owner.caller)
    with pytest.raises(NotFound):
        delete_view("orders", view, caller=owner.caller)
    change_view("products", view, "Late", is_shared=True, caller=owner.caller)
    names = SavedView.objects.filter(pk__in=(view, elsewhere)).values_list("name", flat=True)
    assert list(names) == ["Late", "Late"]
