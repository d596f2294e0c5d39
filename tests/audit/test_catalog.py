"""Changes by staff to products, prices, categories and stock are in the audit trail."""

from collections.abc import Callable

from larder.catalog.tables import decoded_table
from larder.core.ids import SYSTEM_ACTOR
from larder.identity.models import AuditEntry
from larder.identity.services import audit
from larder.inventory.services.products import Author, import_products
from tests.audit.conftest import MakeProduct, Trail
from tests.conftest import NOW, Api, Person
from tests.staff.desk import Desk

AsPerson = Callable[[Person], Api]
MakePerson = Callable[..., Person]


def test_a_changed_price_is_recorded_with_the_old_and_the_new_one(
    person: MakePerson, as_: AsPerson, product: MakeProduct, trail: Trail
) -> None:
    who, jam = person(is_staff=True, is_superuser=True), product(price="2.95", name="Jam")
    answer = as_(who)("PATCH", f"products/{jam}", {"price": "0.01", "name": "Jam"})
    assert answer.status == 200
    assert trail() == [("v1", "change", {"price": "2.95"}, {"price": "0.01"})]
    entry = AuditEntry.objects.order_by("-id")[0]
    assert (entry.object, entry.actor) == (f"product:{jam}", who.customer.public_id)


def test_products_that_are_added_put_and_archived_are_recorded(
    person: MakePerson, as_: AsPerson, trail: Trail
) -> None:
    api = as_(person(is_staff=True, is_superuser=True))
    product = api(
        "POST", "products", {"sku": "J1", "name": "Jam", "price": "2", "quantity": 3}
    ).body
    name = f"product:{product['id']}"
    fields = {"sku": "J1", "name": "Jam", "price": "2.00"}
    assert trail(name) == [("v1", "create", {}, fields)]
    api("PUT", "products/by-sku/J1", {"name": "Jam", "price": "2.5", "unit": "jar"})
    changed = ({"price": "2.00", "unit": ""}, {"price": "2.50", "unit": "jar"})
    assert trail(name)[1:] == [("v1", "change", *changed)]
    assert api("DELETE", f"products/{product['id']}").status == 204
    channel, action, before, after = trail(name)[2]
    assert (channel, action, before) == ("v1", "archive", {"archived_at": None})
    assert after["archived_at"]


def test_a_refused_change_is_not_recorded_as_made(
    person: MakePerson, as_: AsPerson, product: MakeProduct, trail: Trail
) -> None:
    product(sku="TAKEN")
    other = product()
    api = as_(person(is_staff=True, is_superuser=True))
    assert api("PATCH", f"products/{other}", {"sku": "TAKEN"}).status == 409
    assert api("PATCH", "products/123456", {"price": "1"}).status == 404
    assert trail() == []


def test_categories_are_recorded(person: MakePerson, as_: AsPerson, trail: Trail) -> None:
    api = as_(person(is_staff=True, is_superuser=True))
    above = api("POST", "categories", {"name": "Food"}).body["id"]
    category = api("POST", "categories", {"name": "Jams"}).body["id"]
    api("PATCH", f"categories/{category}", {"parent": above})
    api("DELETE", f"categories/{category}")
    assert trail(f"category:{category}") == [
        ("v1", "create", {}, {"name": "Jams", "parent": None}),
        ("v1", "change", {"parent": None}, {"parent": above}),
        ("v1", "delete", {"name": "Jams", "parent": above}, {}),
    ]


def test_an_adjustment_is_recorded_once_whatever_it_changes(
    person: MakePerson, as_: AsPerson, product: MakeProduct, trail: Trail
) -> None:
    jam, other, same = product(stock=5), product(stock=7), product(stock=9)
    api = as_(person(is_staff=True, is_superuser=True))
    lines = [
        {"product": jam, "delta": 2},
        {"product": other, "counted": 4},
        {"product": same, "counted": 9},
    ]
    changed = api("POST", "stock/adjustments", {"reason": "counted", "lines": lines})
    unchanged = api("POST", "stock/adjustments", {"reason": "counted", "lines": lines[2:]})
    assert (changed.status, unchanged.status) == (201, 201)
    names = [f"adjustment:{answer.body['id']}" for answer in (changed, unchanged)]
    assert trail.objects() == names
    assert trail() == [
        ("v1", "create", {}, {"lines": 3, "reason": "counted"}),
        ("v1", "create", {}, {"lines": 1, "reason": "counted"}),
    ]


FILE = "sku,name,price,quantity\nOLD,Jam,2.50,9\nKNOWN,Tea,1.00,9\nNEW,Milk,0.99,4\n"


def test_an_import_is_recorded_for_each_product_that_it_changes(
    person: MakePerson, as_: AsPerson, product: MakeProduct, trail: Trail
) -> None:
    old = product(sku="OLD", name="Jam", price="2.95")
    product(sku="KNOWN", name="Tea", price="1.00")
    api = as_(person(is_staff=True, is_superuser=True))
    answer = api("POST", "products/import", FILE, content_type="text/csv")
    assert answer.body == {"created": 1, "changed": 1, "unchanged": 1}
    assert trail(f"product:{old}") == [("import", "change", {"price": "2.95"}, {"price": "2.50"})]
    others = [entry for entry in trail() if entry[2:] != ({"price": "2.95"}, {"price": "2.50"})]
    assert others == [("import", "create", {}, {"sku": "NEW", "name": "Milk", "price": "0.99"})]


def test_a_command_is_recorded_as_the_shops_own_act(transactional_db: None, trail: Trail) -> None:
    table = decoded_table(b"sku,name,price\nNEW,Milk,0.99\n")
    with audit.acting(SYSTEM_ACTOR, audit.COMMAND):
        import_products(table, author=Author(None, NOW), currency="GBP")
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.channel, entry.action) == (SYSTEM_ACTOR, "import", "create")


def test_changes_by_staff_in_the_admin_are_recorded(
    person: MakePerson, product: MakeProduct, trail: Trail
) -> None:
    who, jam = person(is_staff=True, is_superuser=True), product(price="2.95")
    page = Desk(who).save(f"catalog/product/{jam}/change/", price="1.25")
    assert page.status == 200
    assert page.errors == {}
    assert trail(f"product:{jam}") == [("admin", "change", {"price": "2.95"}, {"price": "1.25"})]
    assert AuditEntry.objects.order_by("-id")[0].actor == who.customer.public_id


def test_changes_by_customers_are_not_in_the_trail(
    customer: Api, product: MakeProduct, trail: Trail
) -> None:
    jam = product()
    order = customer("POST", "orders", {"lines": [{"product": jam, "quantity": 1}]})
    assert order.status == 201
    assert customer("POST", f"orders/{order.body['id']}/cancel").status == 200
    assert customer("PATCH", "me", {"first_name": "Ada"}).status == 200
    assert trail() == []
