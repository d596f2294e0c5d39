"""Tags of products and orders: forms, lists, actions, files, and what customers do not see."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from larder.catalog.models import Product
from larder.catalog.services.products import archive_product
from larder.catalog.services.tags import tag_products
from larder.core.errors import InvalidInput, PermissionMissing
from larder.core.tags import TagChange, joined, split
from larder.identity.models import AuditEntry
from larder.orders.models import Order, OrderTags
from larder.orders.services.tags import tag_orders
from larder.staff.recording import user_as_caller
from tests.conftest import Api, Person
from tests.staff.desk import Desk, Page, allow
from tests.staff.importing import confirm, send, shown_faults, upload
from tests.v1.placing import place

PRODUCTS, ORDERS = "catalog/product/", "orders/order/"


def run(desk: Desk, place: str, keys: list[Any], change: str, tags: str) -> Page:
    """Selects rows of a list, chooses the action, and sends its form."""
    chosen = {"action": "change_tags", "_selected_action": [str(one) for one in keys], "index": "0"}
    form = desk.post(place, chosen)
    assert form.response.context["page"].form["change"].value() is None
    return desk.post(place, {**chosen, "change": change, "tags": tags})


def tags_of(product: int) -> list[str]:
    return list(Product.objects.get(pk=product).tags)


def test_tags_are_normalized_and_a_text_of_them_is_read_as_the_same_tags() -> None:
    assert split(" Sale, new  in,SALE,,") == ["new in", "sale"]
    assert split(joined(["new in", "sale"])) == ["new in", "sale"]


def test_the_form_of_a_product_shows_and_stores_its_tags(
    desk: Desk, product: Callable[..., int]
) -> None:
    jam = product(sku="JAM")
    form = f"{PRODUCTS}{jam}/change/"
    assert desk.save(form, tags="Sale, new  in, sale").errors == {}
    assert tags_of(jam) == ["new in", "sale"]
    assert split(desk.open(form)["tags"]) == ["new in", "sale"]
    version = Product.objects.get(pk=jam).version
    assert desk.save(form).errors == {}
    assert Product.objects.get(pk=jam).version == version
    assert list(desk.save(form, tags="x" * 41).errors) == ["tags"]
    assert list(desk.save(form, tags=",".join(f"t{n}" for n in range(26))).errors) == ["tags"]
    entry = AuditEntry.objects.get(object=f"product:{jam}", action="change")
    assert entry.after["tags"] == ["new in", "sale"]


@pytest.mark.parametrize("change", ["add", "remove"])
def test_an_action_changes_the_tags_of_the_selected_products(
    desk: Desk, product: Callable[..., int], change: str
) -> None:
    jam, tea, other = product(tags=["old"]), product(tags=["old", "sale"]), product(tags=["old"])
    page = run(desk, PRODUCTS, [jam, tea], change, "Sale")
    expected = {"add": [["old", "sale"]] * 2, "remove": [["old"]] * 2}[change]
    assert [tags_of(one) for one in (jam, tea)] == expected
    assert tags_of(other) == ["old"]
    assert page.messages == ["Tags changed: 1 of 2 selected."]


def test_too_many_tags_change_no_product(product: Callable[..., int], now: datetime) -> None:
    jam, tea = product(), product(tags=[f"t{n}" for n in range(25)])
    with pytest.raises(InvalidInput):
        tag_products([jam, tea], TagChange(["sale"]), caller=None, now=now)
    assert tags_of(jam) == []


def test_archived_products_get_no_tags(product: Callable[..., int], now: datetime) -> None:
    jam = product()
    archive_product(jam, caller=None, now=now)
    assert tag_products([jam], TagChange(["sale"]), caller=None, now=now) == 0
    assert tags_of(jam) == []


def test_lists_show_tags_and_are_filtered_by_one_with_its_index(
    desk: Desk, product: Callable[..., int], customer: Api
) -> None:
    jam, tea = product(tags=["on sale"]), product()
    number = place(customer, (tea, 1)).body["number"]
    place(customer, (tea, 1))
    order = Order.objects.get(number=number)
    run(desk, ORDERS, [order.pk], "add", "call back")
    for where, tag, key in ((PRODUCTS, "On sale", jam), (ORDERS, "call back", order.pk)):
        shown = desk.get(where).text
        assert tag.lower() in shown
        # Without the button, what is typed cannot be sent.
        assert "Apply Filters" in shown
        with CaptureQueriesContext(connection) as captured:
            page = desk.get(where, tag=tag)
        assert [one.pk for one in page.rows] == [key]
        asked = [one["sql"] for one in captured if "@>" in one["sql"]]
        assert asked
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN SELECT id FROM product WHERE tags @> ARRAY['on sale']::varchar[]")
        assert "product_by_tag" in str(cursor.fetchall())
        cursor.execute(
            "EXPLAIN SELECT order_id FROM order_tags WHERE tags @> ARRAY['a']::varchar[]"
        )
        assert "order_by_tag" in str(cursor.fetchall())


def test_the_page_of_an_order_changes_its_tags_and_keeps_those_of_a_colleague(
    desk: Desk, customer: Api, product: Callable[..., int], boss: Person
) -> None:
    made = place(customer, (product(), 1)).body
    order = Order.objects.get(number=made["number"])
    page = f"{ORDERS}{order.pk}/tags/"
    assert f"/admin/{page}" in desk.get(f"{ORDERS}{order.pk}/change/").text
    assert desk.save(page, tags="Fragile, call back").messages == ["The tags are saved."]
    opened = desk.open(page)
    run(desk, ORDERS, [order.pk], "add", "paid in cash")
    desk.post(page, opened | {"tags": "fragile"})
    assert OrderTags.objects.get(order=order).tags == ["fragile", "paid in cash"]
    assert "fragile, paid in cash" in desk.get(f"{ORDERS}{order.pk}/change/").text
    entries = AuditEntry.objects.filter(object=f"order:{order.pk}", action="change_tags")
    assert [one.actor for one in entries] == [boss.customer.public_id] * 3
    assert Order.objects.get(pk=order.pk).version == order.version


def test_no_answer_for_a_customer_has_tags(
    desk: Desk, customer: Api, product: Callable[..., int]
) -> None:
    jam = product(tags=["secret label"])
    made = place(customer, (jam, 1)).body
    order = Order.objects.get(number=made["number"])
    desk.save(f"{ORDERS}{order.pk}/tags/", tags="secret label")
    for path in ("products", f"products/{jam}", "orders", f"orders/{order.pk}",
                 "products/changes", "orders/changes"):  # fmt: skip
        answer = customer("GET", path)
        assert answer.status == 200
        assert "tags" not in str(answer.body)
        assert "secret" not in str(answer.body)


def test_the_api_shows_and_sets_tags_for_staff(staff: Api, product: Callable[..., int]) -> None:
    path = f"products/{product(tags=['old'])}"
    assert staff("GET", path).body["tags"] == ["old"]
    changed = staff("PATCH", path, {"tags": ["Sale ", "new", "sale"]})
    assert changed.body["tags"] == ["new", "sale"]
    body = {"name": "Jam", "price": "1.00"}
    sku = changed.body["sku"]
    assert staff("PUT", f"products/by-sku/{sku}", body).body["tags"] == ["new", "sale"]
    for wrong in (["x" * 41], [f"t{n}" for n in range(26)], ["a,b"], ["a\u202eb"], "sale", [1]):
        assert staff("PATCH", path, {"tags": wrong}).status == 400, wrong


def test_files_have_tags_and_a_round_trip_changes_nothing(
    desk: Desk, product: Callable[..., int]
) -> None:
    jam = product(sku="JAM", name="Jam", price="1.50", tags=["=now", "sale"])
    for format in ("0", "1"):
        answer = desk.post(f"{PRODUCTS}export/", {"format": format}).response
        assert send(desk, answer.content).messages == ["0 added, 0 changed, 1 the same."]
    page = upload(desk, 'sku,tags\nJAM,"New, SALE"\n')
    assert "tags: =now, sale → <b>new, sale</b>" in page.text
    assert confirm(desk, page).messages == ["0 added, 1 changed, 0 the same."]
    assert tags_of(jam) == ["new", "sale"]
    (fault,) = shown_faults(upload(desk, f"sku,tags\nJAM,{'x' * 41}\n"))
    assert fault[:2] == [2, "tags"]
    assert send(desk, "sku,tags\nJAM,\n").messages == ["0 added, 1 changed, 0 the same."]
    assert tags_of(jam) == []


def test_tags_need_the_permission_to_change(
    person: Callable[..., Person], customer: Api, product: Callable[..., int], now: datetime
) -> None:
    jam = product()
    order = Order.objects.get(number=place(customer, (jam, 1)).body["number"])
    viewer = allow(person(is_staff=True), "orders.view_order", "catalog.view_product")
    desk = Desk(viewer)
    assert desk.get(f"{ORDERS}{order.pk}/tags/").status == 403
    for where in (ORDERS, PRODUCTS):
        assert "change_tags" not in desk.get(where).text
    request = type("Request", (), {"user": viewer.customer, "session": {}})()
    caller, sale = user_as_caller(request), TagChange(["sale"])
    with pytest.raises(PermissionMissing):
        tag_orders([order.pk], sale, caller=caller)
    with pytest.raises(PermissionMissing):
        tag_products([jam], sale, caller=caller, now=now)
    assert not OrderTags.objects.exists()
    assert tags_of(jam) == []
