"""Files of products through v1: all rows or none, every fault with its line."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from larder.catalog.services.products import change_product
from larder.core.limits import MAX_FILE_ROWS
from tests.conftest import Answer, Api

Product = Callable[..., int]


def send(staff: Api, *lines: str, content_type: str = "text/csv", **headers: str) -> Answer:
    body = "\r\n".join(lines).encode()
    return staff("POST", "products/import", body, content_type=content_type, **headers)


def faults(answer: Answer) -> list[tuple[str, str]]:
    assert answer.status == 400, answer.body
    return [(one["pointer"], one["code"]) for one in answer.body["errors"]]


def listed(api: Api) -> dict[str, dict[str, Any]]:
    return {one["sku"]: one for one in api("GET", "products?limit=100").body["results"]}


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
    made = listed(staff)["JAM-1"]
    assert (
        made.items()
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
    (entry,) = staff("GET", f"products/{made['id']}/ledger").body["results"]
    assert (entry["cause"], entry["delta"]) == ("opening", 7)
    assert entry["actor"] == staff("GET", "me").body["public_id"]


def test_known_products_are_changed_in_the_columns_of_the_file_and_keep_their_stock(
    staff: Api, product: Product
) -> None:
    one = product(sku="A", stock=3, unit="jar", description="Old")
    answer = send(staff, "description,sku,price,name,quantity", ",A,9.99,New,500")
    assert answer.body == {"created": 0, "changed": 1, "unchanged": 0}
    found = staff("GET", f"products/{one}").body
    assert (found["name"], found["price"], found["description"]) == ("New", "9.99", "")
    assert (found["unit"], found["quantity"], found["version"]) == ("jar", 3, 2)


def test_an_archived_product_in_the_file_stays_archived(staff: Api, product: Product) -> None:
    gone = product(sku="A", name="Tea", price="1.00")
    staff("DELETE", f"products/{gone}")
    answer = send(staff, "sku,name,price,archived_at", "A,Tea,2,", "C,Oats,3,")
    assert answer.body == {"created": 1, "changed": 1, "unchanged": 0}
    assert [*listed(staff)] == ["C"]


FAULTY = [
    (["sku,quantity", "A,1"], [("/1/price", "required")]),
    ([""], [("/1/price", "required"), ("/1/sku", "required")]),
    (["sku,name,price,colour", "A,B,1,red"], [("/1/colour", "unknown_field")]),
    (["sku,name,price,name", "A,B,1,C"], [("/1/name", "duplicate")]),
    (["sku,name,price", "A,B", "C,D,1,2"], [("/2/", "wrong_length"), ("/3/", "wrong_length")]),
    (["sku,name,price", ",,", "A, ,x", ", ,"], [
        *(("/3/name", "invalid_format"), ("/3/price", "invalid_format")),
        *((f"/4/{one}", "invalid_format") for one in ("name", "price", "sku")),
    ]),
    (["sku,name,price", 'A,"x\ny",1', "B,B,-1"], [("/4/price", "invalid_format")]),
    (["sku,name,price", "A,B,1", "A,C,1", "B,D,1", "A,E,1"], [
        ("/3/sku", "duplicate"), ("/5/sku", "duplicate"),
    ]),
    (["sku,name,price,category,quantity", "A,B,1,99,x"], [("/2/quantity", "wrong_type")]),
    (["sku,name,price,category", "A,B,1,99"], [("/2/category", "unknown_category")]),
    (["sku,name,price,min_quantity,max_per_order", "A,B,1,6,5"], [
        ("/2/max_per_order", "out_of_range")
    ]),
    (["sku,name,price,min_quantity,max_per_order,step", "A,B,1,7,8,3", "C,D,1,7,9,3"], [
        ("/2/step", "out_of_range")
    ]),
    (["sku,name,price", "A,B\0,1"], [("/2/name", "nul")]),
    (["sku,name,price", "A,B\u202e,1"], [("/2/name", "invalid_format")]),
    (["sku,name,price", 'A,"B" C,1', "D,E,x"], [("/2/", "malformed_csv")]),
    (["sku,name,price", "A,B,x", 'C,"D'], [
        ("/2/price", "invalid_format"), ("/3/", "malformed_csv"),
    ]),
    (["sku,name,price,quantity", "A,B,1,2147483648"], [("/2/quantity", "out_of_range")]),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "found"), FAULTY)
def test_every_fault_is_named_with_its_line_and_column(
    staff: Api, lines: list[str], found: list[tuple[str, str]]
) -> None:
    answer = send(staff, *lines)
    assert faults(answer) == found
    assert listed(staff) == {}


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


TEXT = "sku,name,price\nA,Café – 5 €,1\n"
MIXED = "sku,name,price\nA,Café,1\n".encode() + "B,Café,1\n".encode("cp1252")


def raw(staff: Api, body: bytes) -> Answer:
    return staff("POST", "products/import", body, content_type="text/csv")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-be"])
def test_the_encodings_of_spreadsheets_are_recognised(staff: Api, encoding: str) -> None:
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    assert raw(staff, f"{mark}{TEXT}".encode(encoding)).body["created"] == 1
    assert listed(staff)["A"]["name"] == "Café – 5 €"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (MIXED, "/3/name"),
        (b"\xef\xbb\xbf" + TEXT.encode("cp1252"), "/2/name"),
        (TEXT.encode("cp1252").replace(b"\x80", b"\x81"), "/2/name"),
        ("sku,name,price\nA,Grün,1\n".encode("mac_roman"), "/2/name"),
        ("sku,name,price\nA,Thé,1\n".encode("mac_roman"), "/2/name"),
        (TEXT.encode("utf-16")[:-3], "/2/price"),
        ("sku,name,price\nA,Γα,1\n".encode() + b"B,Caf\xe9,1\n", "/3/name"),
    ],
)
def test_an_encoding_that_is_not_clear_is_refused_and_not_guessed(
    staff: Api, body: bytes, pointer: str
) -> None:
    assert faults(raw(staff, body)) == [(pointer, "invalid_utf8")]


@pytest.mark.parametrize(
    ("separator", "cell", "price"),
    [
        *((",", one, two) for one, two in (("1.25", "1.25"), ("1.234", "1.234"))),
        *((",", f'"{one}"', two) for one, two in (("1,25", "1.25"), ("1,234", None))),
        *((one, '"£1,234.50"', None) for one in ",;\t"),
        *((";", one, two) for one, two in (("1,25", "1.25"), ("1.25", "1.25"))),
        *((";", one, two) for one, two in (("1,234", "1.234"), ("0.125", "0.125"))),
        *((";", one, None) for one in ("1.234", "12.34,5", "1.234 £")),
        *((";", one, "2.45") for one in ("2,45 £", "£\xa02.45", "2.45 GBP", "gbp 2,45", " 2,45")),
        *((";", one, None) for one in ("2,45 €", "USD 2.45", "2,45 ££", "£", "2 45")),
        *(("\t", one, two) for one, two in (("1,25", "1.25"), ("1.5", "1.50"), ("0,125", "0.125"))),
        *(("\t", one, None) for one in ("1.234", "12,345")),
    ],
)
def test_separators_are_recognised_and_a_decimal_mark_is_taken_or_refused_but_not_guessed(
    staff: Api, separator: str, cell: str, price: str | None
) -> None:
    head, row = separator.join(["Sku ", "NAME", "price"]), separator.join(["A", '"x\r\ny"', cell])
    answer = send(staff, head, row, separator * 2)
    assert (answer.status == 200) == (price is not None), answer.body
    assert [one["price"] for one in listed(staff).values()] == ([price] if price else [])


def test_categories_are_found_by_id_name_or_path(staff: Api) -> None:
    def made(name: str, parent: int | None = None) -> int:
        return int(staff("POST", "categories", {"name": name, "parent": parent}).body["id"])

    drinks, gifts = made("Drinks"), made("Gifts")
    tea, other, jam = made("Tea", drinks), made("Tea", gifts), made("Jam", gifts)
    wanted = {str(tea): tea, "Drinks / Tea": tea, "gifts/TEA": other, "Jam": jam, "": None}
    rows = [f"S{at},N,1,{cell}" for at, cell in enumerate(wanted)]
    assert send(staff, "sku,name,price,category", *rows).body["created"] == len(wanted)
    found = listed(staff)
    assert [found[f"S{at}"]["category"] for at in range(len(wanted))] == [*wanted.values()]
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
    found = staff("GET", f"products/{tea}").body
    assert (found["name"], found["price"], found["quantity"], found["version"]) == (
        *("Tea", "2.45", 3, 2),
    )
    assert staff("GET", f"products/{jam}").body["version"] == 1


def test_apostrophes_of_an_export_are_removed_and_others_stay(staff: Api) -> None:
    rows = ["A,'=1+1,1", "B,''=1,1", "C,'tis,1", "D,-5 °C,1", 'E,"tea; \'=1",1']
    assert send(staff, "sku,name,price", *rows).body["created"] == 5
    names = {sku: one["name"] for sku, one in listed(staff).items()}
    assert [names[one] for one in "ABCDE"] == ["=1+1", "'=1", "'tis", "-5 °C", "tea; =1"]


CELLS = [
    *(("sku", one) for one in ("A B", " A", "A ", "x" * 64, "x" * 65, "é")),
    *(("name", one) for one in (" ", "x" * 1024, "x" * 1025, "Tea ☕")),
    *(
        ("price", one)
        for one in ("0", "1.25", "1.255", "1.2555", "-1", "1e3", "999999999", "01", "")
    ),
    *(("description", one) for one in ("", "x" * 20_000, "x" * 20_001)),
    *(("image_url", one) for one in ("", "http://a", "ftp://a", "https://a b")),
    *(("unit", one) for one in ("x" * 40, "x" * 41)),
    *(("barcode", one) for one in ("x" * 64, "x" * 65)),
]
NUMBERS = [
    *((name, one) for name in ("min_quantity", "step") for one in (0, 1, 1_000_000, 1_000_001)),
    *(("max_per_order", one) for one in (0, 1, 1_000_000, 1_000_001)),
    *(("quantity", one) for one in (-1, 0, 2**31 - 1, 2**31)),
]


@pytest.mark.parametrize(("column", "cell"), [*CELLS, *NUMBERS])
def test_a_cell_may_have_the_values_of_the_field_in_v1(
    staff: Api, column: str, cell: str | int
) -> None:
    plain: dict[str, Any] = {"sku": "IN-JSON", "name": "N", "price": "1"}
    made = staff("POST", "products", plain | {column: cell})
    row = plain | {"sku": "IN-FILE"} | {column: cell}
    answer = send(staff, ",".join(row), ",".join(str(one) for one in row.values()))
    assert (made.status == 201) == (answer.status == 200), (made.body, answer.body)


def test_a_header_of_a_hundred_thousand_columns_is_refused_at_once(staff: Api) -> None:
    header = "sku,name,price," + ",".join(["sku"] * 100_000)
    assert faults(send(staff, header)) == [("/1/", "too_long")]


def test_a_file_with_too_many_rows_is_refused(staff: Api) -> None:
    rows = [f"{number},N,1" for number in range(MAX_FILE_ROWS + 1)]
    refused = send(staff, "sku,name,price", *rows)
    assert faults(refused) == [(f"/{MAX_FILE_ROWS + 2}/", "too_many")]


def test_a_code_that_a_spreadsheet_has_damaged_is_refused_with_its_place(staff: Api) -> None:
    rows = ["4.00638E+12,N,1,", "A,N,1,4E+17", "5E-10,4.00638E+12,1,0400638"]
    answer = send(staff, "sku,name,price,barcode", *rows)
    assert faults(answer) == [("/2/sku", "digits_lost"), ("/3/barcode", "digits_lost")]
