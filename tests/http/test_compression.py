"""Pages and documents are sent compressed to clients that accept it."""

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from larder.http import long_files
from larder.http.compression import SMALLEST_COMPRESSED
from tests.conftest import Person

DOCUMENT = "/api/v1/openapi.json"
PAGES = ["/", "/admin/login/"]


def get(path: str, encoding: str, client: Client | None = None, **headers: str) -> Any:
    sent = {"Accept": "text/html,*/*;q=0.8", "Accept-Encoding": encoding, **headers}
    return (client or Client()).get(path, headers=sent)


@pytest.mark.django_db
@pytest.mark.parametrize("path", [*PAGES, DOCUMENT])
def test_a_client_that_accepts_gzip_gets_a_smaller_answer(path: str) -> None:
    plain, packed = get(path, ""), get(path, "gzip, deflate, br")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Content-Length"] == str(len(packed.content))
    assert len(gzip.decompress(packed.content)) == len(plain.content)
    assert len(packed.content) < len(plain.content) * 0.7
    for answer in (plain, packed):
        assert "Accept-Encoding" in answer.headers["Vary"]
    assert "Content-Encoding" not in plain.headers


@pytest.mark.django_db
@pytest.mark.parametrize("encoding", ["", "identity", "br"])
def test_clients_without_gzip_get_uncompressed_answers(encoding: str) -> None:
    for path in (*PAGES, DOCUMENT):
        assert "Content-Encoding" not in get(path, encoding).headers, path


@pytest.mark.parametrize("encoding", ["gzip;q=0", "gzip; q=0.000", "xgzip"])
def test_gzip_must_be_named_with_a_quality(encoding: str) -> None:
    assert "Content-Encoding" not in get(DOCUMENT, encoding).headers


def test_the_document_has_an_etag_for_each_encoding() -> None:
    plain, packed = (get(DOCUMENT, encoding) for encoding in ("", "gzip"))
    assert json.loads(gzip.decompress(packed.content)) == plain.json()
    assert len(packed.content) < 50_000
    assert plain.headers["ETag"] != packed.headers["ETag"]
    for encoding, tag in (("", plain.headers["ETag"]), ("gzip", packed.headers["ETag"])):
        again = get(DOCUMENT, encoding, **{"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")
        assert "Content-Encoding" not in again.headers


def token_of(who: Person) -> dict[str, str]:
    form = {"username": who.customer.username, "password": who.password}
    token = Client().post("/api/v1/auth/token", form, "application/json").json()["access"]
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    "path",
    [
        "products",
        "products/changes",
        "orders/changes",
        "orders",
        "orders/{order}",
        "products/{product}/ledger",
    ],
)
def test_larger_reads_go_compressed_with_a_separate_etag(
    person: Callable[..., Person], product: Callable[..., int], path: str
) -> None:
    who, products = person(is_staff=True), [product(stock=9) for _ in range(12)]
    client = Client(headers=token_of(who))
    lines = {"lines": [{"product": id, "quantity": 1} for id in products]}
    order = client.post("/api/v1/orders", lines, "application/json").json()["id"]
    adjusted = {"reason": "received", "lines": [{"product": products[0], "delta": 1}]}
    for _ in range(9):
        client.post("/api/v1/stock/adjustments", adjusted, "application/json")
    address = f"/api/v1/{path.format(order=order, product=products[0])}"
    # A feed's `since` is the position of its first answer.
    plain, again = (get(address, encoding, client) for encoding in ("", "gzip"))
    assert json.loads(gzip.decompress(again.content)) == plain.json()
    assert len(again.content) < len(plain.content) * 0.7
    assert again.headers["ETag"] != plain.headers["ETag"]
    for answer, encoding in ((plain, ""), (again, "gzip")):
        assert "Accept-Encoding" in answer.headers["Vary"]
        seen = {"If-None-Match": answer.headers["ETag"]}
        same = get(address, encoding, client, **seen)
        assert (same.status_code, same.content) == (304, b"")


def test_a_file_of_orders_goes_compressed_in_parts(
    person: Callable[..., Person], product: Callable[..., int]
) -> None:
    client, jam = Client(headers=token_of(person())), product(stock=90)
    lines = {"lines": [{"product": jam, "quantity": 1}]}
    for _ in range(9):
        client.post("/api/v1/orders", lines, "application/json")
    path = "/api/v1/orders.csv"
    plain = get(path, "", client)
    content = b"".join(plain.streaming_content)
    compressed = get(path, "gzip", client)
    assert gzip.decompress(b"".join(compressed.streaming_content)) == content
    assert compressed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert all("Accept-Encoding" in reply.headers["Vary"] for reply in (plain, compressed))


def test_a_compressed_file_that_is_broken_off_cannot_be_read_whole(
    person: Callable[..., Person], product: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client(headers=token_of(person()))
    lines = {"lines": [{"product": product(stock=9), "quantity": 1}]}
    client.post("/api/v1/orders", lines, "application/json")
    monkeypatch.setattr(long_files, "LONGEST_EXPORT", 0.0)
    received = list[bytes]()
    with pytest.raises(TimeoutError):
        received.extend(get("/api/v1/orders.csv", "gzip", client).streaming_content)
    with pytest.raises(EOFError):
        gzip.decompress(b"".join(received))


def test_a_compressed_order_is_changed_with_its_etag(
    person: Callable[..., Person], product: Callable[..., int]
) -> None:
    client, products = Client(headers=token_of(person())), [product(stock=9) for _ in range(12)]
    lines = {"lines": [{"product": id, "quantity": 1} for id in products]}
    placed = client.post("/api/v1/orders", lines, "application/json")
    read = get(placed.headers["Location"], "gzip", client)
    assert read.headers["Content-Encoding"] == "gzip"
    for status in (200, 412):
        changed = client.patch(
            placed.headers["Location"],
            {"note": f"Ring {status} times."},
            "application/json",
            headers={"If-Match": read.headers["ETag"], "Accept-Encoding": "gzip"},
        )
        assert changed.status_code == status
        assert "Content-Encoding" not in changed.headers


def test_short_answers_and_answers_of_orders_are_not_compressed(
    person: Callable[..., Person], product: Callable[..., int]
) -> None:
    who, jam = person(), product()
    client = Client(headers={"Accept-Encoding": "gzip"})
    form = {"username": who.customer.username, "password": who.password}
    token = client.post("/api/v1/auth/token", form, "application/json").json()["access"]
    order = {"lines": [{"product": jam, "quantity": 1}]}
    signed = {"Authorization": f"Bearer {token}"}
    placed = client.post("/api/v1/orders", order, "application/json", headers=signed)
    assert placed.status_code == 201
    for answer in (placed, client.get("/livez"), client.get("/api/v1/me", headers=signed)):
        assert "Content-Encoding" not in answer.headers


def test_a_long_answer_to_a_change_is_not_compressed(
    person: Callable[..., Person], product: Callable[..., int]
) -> None:
    client = Client(headers=token_of(person(is_staff=True)) | {"Accept-Encoding": "gzip"})
    lines = [{"product": product(), "delta": 1} for _ in range(40)]
    sent = {"reason": "received", "lines": lines}
    answer = client.post("/api/v1/stock/adjustments", sent, "application/json")
    assert (answer.status_code, len(answer.content) > SMALLEST_COMPRESSED) == (201, True)
    assert "Content-Encoding" not in answer.headers
