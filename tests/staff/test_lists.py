"""The filters of lists in the admin, and the fields by which other objects refer to theirs."""

from collections.abc import Callable
from datetime import datetime

import pytest
from django.contrib import admin

from larder.catalog.services.categories import create_category
from tests.conftest import Person
from tests.staff.desk import Desk, fill

TEXT = "planted@example.com"
SCREENS = {
    f"{model._meta.app_label}/{model._meta.model_name}/": screen
    for model, screen in admin.site._registry.items()
}
LOOKUPS = (
    "orders/order/?number__range=1",
    "orders/order/?ship_to__a__range=1,2",
    "orders/order/?currency__range=1,2",
    "orders/order/?name__regex=((.{1,40}){1,40}){1,40}Q",
    "orders/order/?number=1",
    "catalog/product/?name__regex=((.{1,40}){1,40}){1,40}Q",
    "catalog/product/?category__name__regex=Q",
    "identity/key/?digest=abc",
    "identity/customer/?password__startswith=a",
    f"identity/customer/?{TEXT}=1",
)


@pytest.fixture
def desk(person: Callable[..., Person]) -> Desk:
    return Desk(person(is_staff=True, is_superuser=True))


def test_a_list_accepts_only_its_filters(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    for path in (*LOOKUPS, *(f"{path}?pk__gt=0" for path in SCREENS)):
        assert desk.get(path).status == 400, path
    assert TEXT not in caplog.text


@pytest.mark.parametrize("path", SCREENS)
def test_every_parameter_of_a_filter_is_accepted(desk: Desk, now: datetime, path: str) -> None:
    for name in ("Jams", "Teas"):
        create_category(name=name, parent=None, caller=None, now=now)
    specs = desk.get(path).response.context["cl"].filter_specs
    for name in {name for spec in specs for name in spec.expected_parameters()}:
        for value in ("x", "9" * 40):
            assert desk.get(path, **{name: value}).status in {200, 400}


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("catalog/category/add/", "parent"),
        ("catalog/product/add/", "category"),
        ("orders/order/telephone/", "customer"),
    ],
)
def test_a_field_that_searches_refuses_what_is_no_id(desk: Desk, path: str, field: str) -> None:
    for unknown in ("x", "1.5", "\0", "9" * 40, "9" * 5_000):
        assert desk.get(path, **{field: unknown}).status in {200, 400}
        page = desk.post(path, {field: unknown})
        assert page.status == 200
        assert len(page.errors[field]) == 1, unknown


@pytest.mark.parametrize("page", ["", "add/", "{}/change/", "{}/delete/"])
def test_an_unknown_reference_field_is_refused_and_not_logged(
    desk: Desk, now: datetime, page: str, caplog: pytest.LogCaptureFixture
) -> None:
    jams = create_category(name="Jams", parent=None, caller=None, now=now)
    path = f"catalog/category/{page.format(jams.id)}"
    assert desk.get(path, _to_field="id", _popup="1").status == 200
    for unknown in (TEXT, "name"):
        assert desk.get(path, _to_field=unknown, _popup="1").status == 400
        # A list reads it from the address alone.
        assert desk.post(path, {"_to_field": unknown}).status == (400 if page else 200)
    assert TEXT not in caplog.text
    assert not [record for record in caplog.records if "DisallowedModelAdmin" in record.name]


@pytest.mark.django_db(transaction=True)
def test_a_list_of_orders_takes_few_statements(
    desk: Desk, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    fill(person, product)
    assert desk.queries("orders/order/") <= 7
