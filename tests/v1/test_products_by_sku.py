"""Products put by SKU, by a program that does not know their ids."""

from collections.abc import Callable
from threading import Thread
from typing import Any

import pytest

from tests.conftest import Answer, Api, Person
from tests.server import Reply, Server

JAM: dict[str, Any] = {"name": "Raspberry jam", "price": "2.50"}
FULL: dict[str, Any] = {
    "description": "Seedless.",
    "unit": "jar",
    "barcode": "5012345678900",
    "image_url": "https://example.com/jam.png",
    "min_quantity": 6,
    "max_per_order": 60,
    "step": 6,
}


def put(staff: Api, sku: str, body: dict[str, Any], **headers: str) -> Answer:
    return staff("PUT", f"products/by-sku/{sku}", body, **headers)


def test_a_new_sku_creates_a_product_with_its_opening_stock(staff: Api) -> None:
    added = put(staff, "JAM-1", JAM | FULL | {"quantity": 7})
    assert added.status == 201
    assert added.body.items() >= (JAM | FULL | {"sku": "JAM-1", "quantity": 7}).items()
    read = staff("GET", added.headers["Location"])
    assert (read.body, read.headers["ETag"]) == (added.body, added.headers["ETag"])
    (entry,) = staff("GET", f"products/{added.body['id']}/ledger").body["results"]
    assert (entry["cause"], entry["delta"]) == ("opening", 7)


def test_a_known_sku_is_replaced_with_defaults_for_omitted_fields(staff: Api) -> None:
    added = put(staff, "JAM-1", JAM | FULL | {"quantity": 7}).body
    replaced = put(staff, "JAM-1", {"name": "Jam", "price": "3", "sku": "JAM-1"})
    assert replaced.status == 200
    texts = dict.fromkeys(["description", "unit", "barcode", "image_url", "updated_at"], "")
    rules = {"min_quantity": 1, "max_per_order": None, "step": 1}
    now = added | texts | rules | {"name": "Jam", "price": "3.00", "version": 2}
    assert replaced.body | {"updated_at": ""} == now


def test_putting_a_known_sku_does_not_change_its_stock(staff: Api) -> None:
    put(staff, "JAM-1", JAM | {"quantity": 7})
    assert put(staff, "JAM-1", JAM | {"quantity": 99}).body["quantity"] == 7


def test_putting_an_equal_product_changes_nothing(staff: Api) -> None:
    added = put(staff, "JAM-1", JAM | FULL)
    again = put(staff, "JAM-1", JAM | FULL)
    assert (again.status, again.body) == (200, added.body)
    assert again.headers["ETag"] == added.headers["ETag"]


def test_an_archived_product_is_on_sale_again_under_its_id(staff: Api) -> None:
    added = put(staff, "JAM-1", JAM).body
    staff("DELETE", f"products/{added['id']}")
    back = put(staff, "JAM-1", JAM)
    assert (back.status, back.body["id"]) == (200, added["id"])
    assert staff("GET", f"products/{added['id']}").status == 200


def test_putting_with_if_match_needs_the_current_version(staff: Api) -> None:
    assert put(staff, "JAM-1", JAM, If_Match='"1-aa"').body["version"] == 0
    tag = put(staff, "JAM-1", JAM).headers["ETag"]
    assert put(staff, "JAM-1", JAM | {"name": "A"}, If_Match=tag).status == 200
    refused = put(staff, "JAM-1", JAM | {"name": "B"}, If_Match=tag)
    assert (refused.status, refused.body["version"]) == (412, 2)
    # What is so already is no change, whichever version it is said of.
    same = put(staff, "JAM-1", JAM | {"name": "A"}, If_Match=tag)
    assert (same.status, same.body["version"]) == (200, 2)


def test_if_none_match_creates_a_product_and_never_replaces_one(staff: Api) -> None:
    added = put(staff, "JAM-1", JAM, If_None_Match="*")
    assert added.status == 201
    refused = put(staff, "JAM-1", JAM | {"name": "Jam"}, If_None_Match="*")
    assert (refused.status, refused.body["version"]) == (412, 1)
    assert "already" in refused.body["detail"]
    staff("DELETE", f"products/{added.body['id']}")
    assert put(staff, "JAM-1", JAM, If_None_Match="*").status == 412  # nor an archived one
    assert put(staff, "JAM-1", JAM).body["version"] == 3
    assert put(staff, "JAM-1", JAM, If_None_Match="*").status == 412  # nor the same once more
    assert put(staff, "JAM-1", JAM, If_None_Match="*", If_Match="*").status == 412


def test_contradictory_preconditions_are_412_and_invalid_ones_400(staff: Api) -> None:
    assert put(staff, "NEW", JAM, If_None_Match="*", If_Match="*").status == 412
    assert put(staff, "NEW", JAM, If_Match='"0-aa"').status == 412
    for header in ('"1-aa"', "x", "*, *"):
        refused = put(staff, "NEW", JAM, If_None_Match=header)
        assert refused.status == 400
        assert refused.body["errors"][0]["pointer"] == "If-None-Match"
    assert put(staff, "NEW", JAM).status == 201


@pytest.mark.parametrize("sku", ["A%2FB", "a%20b", "%C3%A9", "x" * 64, "products"])
def test_a_sku_may_be_any_text(staff: Api, sku: str) -> None:
    assert put(staff, sku, JAM).status == 201
    assert put(staff, sku, JAM).status == 200


FAULTY: list[tuple[str, dict[str, Any], list[str]]] = [
    ("%20a", JAM, ["sku"]),
    ("a%00", JAM, ["sku"]),
    ("x" * 65, JAM, ["sku"]),
    ("a", JAM | {"sku": "b"}, ["/sku"]),
    ("a", {}, ["/name", "/price"]),
    ("a", JAM | {"quantity": -1}, ["/quantity"]),
    ("a", JAM | {"min_quantity": 5, "max_per_order": 4}, ["/max_per_order"]),
]


@pytest.mark.parametrize(("sku", "body", "pointers"), FAULTY)
def test_faults_of_a_put_product_are_named(
    staff: Api, sku: str, body: dict[str, Any], pointers: list[str]
) -> None:
    refused = put(staff, sku, body)
    assert refused.status == 400
    assert [fault["pointer"] for fault in refused.body["errors"]] == pointers


def test_a_sku_cannot_have_a_line_end(staff: Api) -> None:
    assert put(staff, "a%0A", JAM).body["code"] == "not_found"


def test_putting_a_product_needs_staff_and_a_known_category(staff: Api, customer: Api) -> None:
    assert put(customer, "JAM-1", JAM).body["code"] == "not_staff"
    assert put(staff, "JAM-1", JAM | {"category": 99}).body["code"] == "unknown_category"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("headers", "otherwise"), [({}, 200), ({"If-None-Match": "*"}, 412)])
def test_one_of_several_concurrent_puts_creates_a_sku(
    server: Server, person: Callable[..., Person], headers: dict[str, str], otherwise: int
) -> None:
    who = person(is_staff=True)
    token = server.token(who.customer.username, who.password)
    answers: list[Reply] = []

    def send(number: int) -> None:
        body = JAM | {"quantity": number}
        path = "products/by-sku/JAM"
        answers.append(server.call("PUT", path, body, token=token, headers=headers))
        server.hang_up()

    crowd = [Thread(target=send, args=[number]) for number in range(1, 9)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    assert sorted(answer.status for answer in answers) == sorted([201] + [otherwise] * 7)
    shown = [answer.body for answer in answers if answer.status < 300]
    assert len({(row["id"], row["quantity"]) for row in shown}) == 1
