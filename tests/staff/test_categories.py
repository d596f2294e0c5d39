"""Categories in the admin."""

from collections.abc import Callable
from datetime import datetime

from larder.catalog.models import Category
from larder.catalog.services.categories import change_category, create_category
from larder.catalog.services.products import change_product
from tests.staff.desk import Desk


def test_a_category_is_created_renamed_and_moved_by_the_services(desk: Desk) -> None:
    desk.save("catalog/category/add/", name="Food")
    food = Category.objects.get()
    desk.save("catalog/category/add/", name="Jams", parent=food.pk)
    jams = Category.objects.get(name="Jams")
    assert (jams.parent_id, jams.version) == (food.pk, 1)
    desk.save(f"catalog/category/{jams.pk}/change/", name="Jam")
    jams.refresh_from_db()
    assert (jams.name, jams.version) == ("Jam", 2)


def test_a_form_that_is_sent_twice_creates_one_category(desk: Desk) -> None:
    sent = desk.open("catalog/category/add/") | {"name": "Food"}
    first, second = (desk.post("catalog/category/add/", sent) for _ in range(2))
    assert "added successfully" in first.messages[0]
    assert not second.errors
    assert Category.objects.count() == 1
    other = desk.post("catalog/category/add/", sent | {"name": "Jams"})
    assert "sent before with other values" in other.errors["__all__"][0]
    assert Category.objects.count() == 1


def test_a_category_cannot_be_moved_below_itself(desk: Desk, now: datetime) -> None:
    food = create_category(name="Food", parent=None, caller=None, now=now).id
    jams = create_category(name="Jams", parent=food, caller=None, now=now).id
    page = desk.save(f"catalog/category/{food}/change/", parent=jams)
    assert list(page.errors) == ["parent"]


def test_a_concurrent_change_of_a_category_is_not_overwritten(desk: Desk, now: datetime) -> None:
    food = create_category(name="Food", parent=None, caller=None, now=now).id
    opened = desk.open(f"catalog/category/{food}/change/")
    change_category(food, {"name": "Groceries"}, caller=None)
    page = desk.post(f"catalog/category/{food}/change/", opened | {"name": "Eating"})
    assert "Another user changed this" in page.errors["__all__"][0]
    assert Category.objects.get().name == "Groceries"


def test_only_an_empty_category_is_deleted_and_a_refusal_has_a_reason(
    desk: Desk, product: Callable[..., int], now: datetime
) -> None:
    food = create_category(name="Food", parent=None, caller=None, now=now).id
    jam = product(category_id=food)
    page = desk.post(f"catalog/category/{food}/delete/", {"post": "yes"})
    assert (page.status, Category.objects.count()) == (200, 1)
    assert "still has products" in page.messages[0]
    change_product(jam, {"category_id": None}, caller=None, now=now)
    desk.post(f"catalog/category/{food}/delete/", {"post": "yes"})
    assert Category.objects.count() == 0


def test_no_list_offers_djangos_bulk_deletion(desk: Desk, now: datetime) -> None:
    food = create_category(name="Food", parent=None, caller=None, now=now).id
    values = {"action": "delete_selected", "_selected_action": [food], "post": "yes"}
    desk.post("catalog/category/", values)
    assert Category.objects.count() == 1
