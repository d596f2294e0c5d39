"""The audit trail in the admin: at each object, and as a list. Django's own log stays empty."""

from collections.abc import Callable

from django.contrib.admin.models import LogEntry

from larder.identity.models import AuditEntry
from tests.conftest import Api, Person
from tests.staff.desk import Desk, allow

MakePerson = Callable[..., Person]
TRAIL = "identity/auditentry/"


def test_the_history_of_a_product_shows_values_actor_and_channel(
    boss: Person, desk: Desk, product: Callable[..., int], as_: Callable[[Person], Api]
) -> None:
    jam = product(price="2.95", name="Jam")
    as_(boss)("PATCH", f"products/{jam}", {"price": "0.01"})
    desk.save(f"catalog/product/{jam}/change/", name="Jelly")
    text = desk.get(f"catalog/product/{jam}/history/").text
    for shown in ("price: 2.95 → 0.01", "v1", "name: Jam → Jelly", "admin", "boss"):
        assert shown in text, shown
    assert "no entry" in desk.get(f"catalog/product/{product()}/history/").text


def test_orders_categories_and_customers_have_a_history(
    boss: Person,
    desk: Desk,
    person: MakePerson,
    product: Callable[..., int],
    as_: Callable[[Person], Api],
) -> None:
    api, who = as_(boss), person(first_name="Ada")
    order = {"customer": who.id, "lines": [{"product": product(), "quantity": 1}]}
    placed = api("POST", "orders", order).body["id"]
    assert api("POST", f"orders/{placed}/cancel").status == 200
    assert "cancelled" in desk.get(f"orders/order/{placed}/history/").text
    category = api("POST", "categories", {"name": "Jams"}).body["id"]
    assert "name: Jams" in desk.get(f"catalog/category/{category}/history/").text
    desk.save(f"identity/customer/{who.id}/change/", first_name="Grace")
    entries = str(desk.get(f"identity/customer/{who.id}/history/").response.context["table"])
    assert "values are not kept: first_name" in entries
    assert "Grace" not in entries


def test_the_trail_is_listed_with_the_permission_and_cannot_be_changed(
    desk: Desk, person: MakePerson, product: Callable[..., int]
) -> None:
    jam = product(price="2.95")
    desk.save(f"catalog/product/{jam}/change/", price="1.25")
    reader = Desk(allow(person(is_staff=True), "identity.view_auditentry"))
    listed = reader.get(TRAIL, q=f"product:{jam}")
    assert [row.object for row in listed.rows] == [f"product:{jam}"]
    assert "price: 2.95 → 1.25" in listed.text
    assert "Audit trail" in reader.get("").text
    entry = AuditEntry.objects.order_by("-id")[0].pk
    assert reader.get(f"{TRAIL}{entry}/change/").status == 200
    for path in ("add/", f"{entry}/delete/"):
        assert desk.get(f"{TRAIL}{path}").status == 403
    other = Desk(allow(person(is_staff=True), "identity.view_customer"))
    assert other.get(TRAIL).status == 403


def test_djangos_log_keeps_no_name_of_a_customer(desk: Desk, person: MakePerson) -> None:
    who = person("ada.lovelace")
    assert desk.save(f"identity/customer/{who.id}/change/", first_name="Ada").errors == {}
    assert AuditEntry.objects.filter(object=f"customer:{who.customer.public_id}").exists()
    assert not LogEntry.objects.exists()


def test_a_history_does_not_reveal_which_ids_exist(person: MakePerson) -> None:
    clerk, tom = allow(person(is_staff=True), "orders.view_order"), person()
    for id in (tom.id, tom.id + 1_000):
        assert Desk(clerk).get(f"identity/customer/{id}/history/").status == 403


def test_the_history_has_german_words_for_fields_codes_and_kinds(
    desk: Desk, product: Callable[..., int]
) -> None:
    jam = product(sku="JAM", name="received", stock=2)
    sent = {"reason": "received", "line-0-sku": "JAM", "line-0-delta": "5"}
    desk.save("inventory/adjustment/add/", **sent)
    desk.post(f"catalog/product/{jam}/change/", desk.open(f"catalog/product/{jam}/change/") | {
        "name": "lost",
    })  # fmt: skip
    desk.client.defaults["HTTP_ACCEPT_LANGUAGE"] = "de"
    for path in (f"catalog/product/{jam}/history/", "identity/auditentry/"):
        assert "Name: received → lost" in desk.get(path).text
    for shown in ("anlegen", "Grund: Wareneingang"):
        assert shown in desk.get("identity/auditentry/").text
    assert "Verlauf" in desk.get(f"catalog/product/{jam}/change/").text


def test_amounts_and_quantities_have_the_format_of_the_language(
    desk: Desk,
    boss: Person,
    person: MakePerson,
    product: Callable[..., int],
    as_: Callable[[Person], Api],
) -> None:
    jam, api = product(price="1234.5", stock=9_000), as_(boss)
    values = {"price": "12.50", "tax_rate": "7", "low_stock_threshold": "1200", "barcode": "1200"}
    desk.save(f"catalog/product/{jam}/change/", **values)
    lines = [{"product": jam, "quantity": 2_000}]
    order = api("POST", "orders", {"customer": person().id, "lines": lines}).body["id"]
    kind = {"provider": "cash", "kind": "captured", "transaction_id": "1"}
    paid = {**kind, "amount": 2_500_050, "currency": "GBP"}
    assert api("POST", f"orders/{order}/payments", paid).status == 201
    of_product, of_order = f"catalog/product/{jam}/history/", f"orders/order/{order}/history/"
    amounts = {
        "en": {
            of_product: ["price: 1,234.50 → 12.50<", "tax_rate: – → 7.00<", ": – → 1,200<"],
            of_order: ["total: 25,000.00<", f"quantities: {jam}: 2,000<", "amount: £25,000.50<"],
        },
        "de": {
            of_product: ["Preis: 1.234,50 → 12,50<", "Steuersatz: – → 7,00<", ": – → 1.200<"],
            of_order: ["Summe: 25.000,00<", f": {jam}: 2.000<", "Betrag: 25.000,50 £<"],
        },
    }
    for language, pages in amounts.items():
        desk.client.defaults["HTTP_ACCEPT_LANGUAGE"] = language
        for page, texts in pages.items():
            for path in (page, "identity/auditentry/"):
                shown = desk.get(path).text
                assert [text for text in texts if text not in shown] == []
        assert "code: – → 1200<" in desk.get(of_product).text, "a barcode is no quantity"
