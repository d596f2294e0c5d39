"""Files of products through v1: all rows or none, every fault with its line."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from larder.catalog.services.products import change_product
from tests.conftest import Answer, Api

Product = Callable[..., int]


def send(staff: Api, *lines: str, content_type: str = "text/csv", **headers: str) -> Answer:
    body = "\r\n".join(lines).encode()
    return staff("POST", "products/import", body, content_type=content_type, **headers)


def faults(answer: Answer) -> list[tuple[str, str]]:
    assert answer.status == 400, answer.body
    return [(fault["pointer"], fault["code"]) for fault in answer.body["errors"]]


def listed(api: Api) -> dict[str, dict[str, Any]]:
    return {item["sku"]: item for item in api("GET", "products?limit=100").body["results"]}


def test_a_file_of_an_unnamed_type_is_read_as_csv(staff: Api) -> None:
    """Typed clients send files so."""
    sent = send(staff, "sku,name,price", "A-1,Jam,2", content_type="application/octet-stream")
    assert sent.body == {"created": 1, "changed": 0, "unchanged": 0}


def test_new_products_are_added_with_all_their_fields_and_opening_stock(staff: Api) -> None:
    shelf = staff("POST", "categories", {"name": "Jams"}).body["id"]
    header = "sku,name,price,description,category,unit,barcode,image_url,"
    header += "min_quantity,max_per_order,step,quantity"
    row = f'JAM-1,"Jam, raspberry",2.5,"Two\r\nlines",{shelf},jar,501,https://a.example/j.png,6,60,6,7'
    assert send(staff, header, row).body == {"created": 1, "changed": 0, "unchanged": 0}
    added = listed(staff)["JAM-1"]
    assert (
        added.items()
        >= {
            "name": "Jam, raspberry",
            "price": "2.50",
            "description": "Two\r\nlines",
            "category": shelf,
            "unit": "jar",
            "barcode": "501",
            "image_url": "https://a.example/j.png",
            "min_quantity": 6,
            "max_per_order": 60,
            "step": 6,
            "quantity": 7,
            "version": 1,
        }.items()
    )
    (entry,) = staff("GET", f"products/{added['id']}/ledger").body["results"]
    assert (entry["cause"], entry["delta"]) == ("opening", 7)
    assert entry["actor"] == staff("GET", "me").body["public_id"]


def test_known_products_are_changed_in_the_columns_of_the_file_and_keep_their_stock(
    staff: Api, product: Product
) -> None:
    id = product(sku="A", stock=3, unit="jar", description="Old")
    answer = send(staff, "description,sku,price,name,quantity", ",A,9.99,New,500")
    assert answer.body == {"created": 0, "changed": 1, "unchanged": 0}
    read = staff("GET", f"products/{id}").body
    assert (read["name"], read["price"], read["description"]) == ("New", "9.99", "")
    assert (read["unit"], read["quantity"], read["version"]) == ("jar", 3, 2)


def test_an_archived_product_in_the_file_stays_archived(staff: Api, product: Product) -> None:
    gone = product(sku="A", name="Tea", price="1.00")
    staff("DELETE", f"products/{gone}")
    answer = send(staff, "sku,name,price,archived_at", "A,Tea,2,", "C,Oats,3,")
    assert answer.body == {"created": 1, "changed": 1, "unchanged": 0}
    assert [*listed(staff)] == ["C"]


def test_an_import_with_a_faulty_row_stores_nothing_and_releases_its_key(staff: Api) -> None:
    bad = send(staff, "sku,name,price", "A,Tea,1", "B,Jam,x", Idempotency_Key="k")
    assert (faults(bad), listed(staff)) == ([("/3/price", "invalid_format")], {})
    assert send(staff, "sku,name,price", "A,Tea,1", Idempotency_Key="k").body["created"] == 1


def test_a_rule_of_a_file_is_checked_with_the_stored_fields(staff: Api, product: Product) -> None:
    product(sku="A", max_per_order=5)
    answer = send(staff, "sku,name,price,min_quantity", "A,Tea,1,6", "B,Jam,1,6")
    assert faults(answer) == [("/2/max_per_order", "out_of_range")]
    product(sku="C", min_quantity=3, max_per_order=5)
    assert faults(send(staff, "sku,name,price,step", "C,Oil,1,6")) == [("/2/step", "out_of_range")]


def test_a_repeated_import_gets_the_first_answer_and_stores_nothing(
    staff: Api, now: datetime
) -> None:
    lines = ("sku,name,price,quantity", "A,Tea,1,5")
    first = send(staff, *lines, Idempotency_Key="k")
    change_product(listed(staff)["A"]["id"], {"name": "Changed since"}, caller=None, now=now)
    again = send(staff, *lines, Idempotency_Key="k")
    assert (again.status, again.body) == (200, first.body)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert listed(staff)["A"]["name"] == "Changed since"
    other = send(staff, *lines, "B,Jam,1,1", Idempotency_Key="k")
    assert (other.status, other.body["code"]) == (422, "idempotency_key_reused")


def test_an_import_needs_staff_and_csv_of_at_most_two_mebibytes(staff: Api, customer: Api) -> None:
    assert send(customer, "sku,name,price").body["code"] == "not_staff"
    refused = send(staff, "sku,name,price", content_type="application/json")
    assert refused.body["code"] == "unsupported_media_type"
    assert send(staff, "x" * 2**21, "y").body["code"] == "body_too_large"


def test_categories_are_found_by_id_name_or_path(staff: Api) -> None:
    def made(name: str, parent: int | None = None) -> int:
        return int(staff("POST", "categories", {"name": name, "parent": parent}).body["id"])

    drinks, gifts = made("Drinks"), made("Gifts")
    tea, other, jam = made("Tea", drinks), made("Tea", gifts), made("Jam", gifts)
    expected = {str(tea): tea, "Drinks / Tea": tea, "gifts/TEA": other, "Jam": jam, "": None}
    rows = [f"S{at},N,1,{cell}" for at, cell in enumerate(expected)]
    assert send(staff, "sku,name,price,category", *rows).body["created"] == len(expected)
    products = listed(staff)
    assert [products[f"S{at}"]["category"] for at in range(len(expected))] == [*expected.values()]
    refused = send(staff, "sku,name,price,category", "A,N,1,Tea", "B,N,1,Drinks / Jam")
    assert faults(refused) == [("/2/category", "ambiguous"), ("/3/category", "unknown_category")]
    for place in (f"Drinks / Tea ({tea})", f"Gifts / Tea ({other})"):
        assert place in refused.body["errors"][0]["detail"]


def test_columns_of_an_exported_file_that_cannot_be_imported_are_ignored(staff: Api) -> None:
    assert send(staff, "sku,name,available,price", "A,Tea,,1").body["created"] == 1
    assert listed(staff)["A"]["quantity"] == 0


def test_a_price_list_changes_known_products_alone_and_names_unknown_ones(
    staff: Api, product: Product
) -> None:
    tea, jam = product(sku="TEA", name="Tea", price="1", stock=3), product(sku="JAM", price="2.5")
    refused = send(staff, "sku;price", "TEA;2,45 £", "MUD;1,00", "JAM;2,50")
    assert faults(refused) == [("/3/sku", "unknown_product")]
    assert refused.body["errors"][0]["detail"].startswith("No product has the SKU MUD,")
    answer = send(staff, "sku;price", "TEA;2,45 £", "JAM;2,50")
    assert answer.body == {"created": 0, "changed": 1, "unchanged": 1}
    read = staff("GET", f"products/{tea}").body
    assert (read["name"], read["price"], read["quantity"], read["version"]) == (
        *("Tea", "2.45", 3, 2),
    )
    assert staff("GET", f"products/{jam}").body["version"] == 1


VALUES: dict[str, list[str | int]] = {
    "sku": ["A B", " A", "A ", "x" * 64, "x" * 65, "é"],
    "name": [" ", "x" * 1024, "x" * 1025, "Tea ☕"],
    "price": ["0", "1.25", "1.255", "1.2555", "-1", "1e3", "999999999", "01", ""],
    "description": ["", "x" * 20_000, "x" * 20_001],
    "image_url": ["", "http://a", "ftp://a", "https://a b"],
    "unit": ["x" * 40, "x" * 41],
    "barcode": ["x" * 64, "x" * 65],
    "min_quantity": [0, 1, 1_000_000, 1_000_001],
    "step": [0, 1, 1_000_000, 1_000_001],
    "max_per_order": [0, 1, 1_000_000, 1_000_001],
    "quantity": [-1, 0, 2**31 - 1, 2**31],
}


def test_a_cell_may_have_the_values_of_the_field_in_v1(staff: Api) -> None:
    cells = [(column, value) for column, values in VALUES.items() for value in values]
    rows = [
        {"sku": f"S{number}", "name": "N", "price": "1", column: value}
        for number, (column, value) in enumerate(cells)
    ]
    lines = [",".join(str(row.get(column, "")) for column in VALUES) for row in rows]
    refused = faults(send(staff, ",".join(VALUES), *lines))
    refused_cells = {
        (int(line) - 2, column) for _, line, column in (where.split("/") for where, _ in refused)
    }
    refused_fields = {
        (number, cells[number][0])
        for number, row in enumerate(rows)
        if staff("POST", "products", row).status != 201
    }
    assert refused_cells == refused_fields
