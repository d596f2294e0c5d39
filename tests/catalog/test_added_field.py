"""A field of the product is two edits: docs/how-to/add-a-field.md, followed on a copy."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.system.faults.desk import Desk
from tests.walk_through import check, followed, run
from tools.attack.target import STAFF, Code, Target, started
from tools.http_client import Reply

FIELD = "country_of_origin"
INTERNAL = ("shelf_place", "low_stock_threshold", "tags")
FORM = "Expected two capital letters, such as GB, or an empty text."
FILTERED = '        filtered="Those from this country, exactly.",'
pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with the field, its filter and its migration."""
    copied = followed("add-a-field.md", tmp_path_factory.mktemp("edited"))
    fields = copied / "larder/catalog/fields.py"
    before, form, after = fields.read_text().partition(f'{FORM}"}},\n        ),\n')
    fields.write_text(f"{before}{form}{FILTERED}\n{after}")
    run(copied, "manage.py", "makemigrations", "--skip-checks")
    run(copied, "-m", "tools.messages", "--compile")
    return copied


@pytest.fixture(scope="module")
def shop(copy: Path) -> Iterator[Target]:
    """A server of the copy, on a separate database."""
    with started(Code(copy)) as target:
        yield target
        target.hang_up_all()


@pytest.fixture
def token(shop: Target) -> str:
    return shop.staff()


@pytest.fixture(scope="module")
def desk(shop: Target) -> Desk:
    return Desk(shop, STAFF["username"], STAFF["password"])


def make(shop: Target, token: str, sku: str, country: str) -> dict[str, Any]:
    """Adds a product and returns it."""
    body = {"sku": sku, "name": sku, "price": "1.50", FIELD: country}
    made = shop.call("POST", "products", body, token=token)
    assert made.status == 201, made.body
    assert made.body[FIELD] == country
    return dict(made.body)


def in_lists(product: dict[str, Any]) -> dict[str, Any]:
    """A product as lists and feeds show it, without the fields for staff."""
    return {name: value for name, value in product.items() if name not in INTERNAL}


def faults(refused: Reply) -> list[tuple[str, str]]:
    assert refused.status == 400, refused.body
    return [(one["pointer"], one["code"]) for one in refused.body["errors"]]


def test_products_are_made_changed_and_replaced_with_the_field(shop: Target, token: str) -> None:
    made = make(shop, token, "MADE", "GB")
    assert list(made)[-6:] == [FIELD, "updated_at", "version", *INTERNAL]
    path = f"products/{made['id']}"
    changed = shop.call("PATCH", path, {FIELD: "FR"}, token=token)
    assert (changed.status, changed.body[FIELD]) == (200, "FR")
    body = {"name": "MADE", "price": "1.50"}
    put = shop.call("PUT", "products/by-sku/MADE", body | {FIELD: "DE"}, token=token)
    assert (put.status, put.body[FIELD]) == (200, "DE")
    assert shop.call("PUT", "products/by-sku/MADE", body, token=token).body[FIELD] == ""
    for method, where, sent in (
        ("POST", "products", body | {"sku": "NEW", FIELD: "gb"}),
        ("PATCH", path, {FIELD: "gb"}),
        ("PUT", "products/by-sku/NEW", body | {FIELD: "gb"}),
    ):
        refused = shop.call(method, where, sent, token=token)
        assert faults(refused) == [(f"/{FIELD}", "invalid_format")]


def test_every_answer_shows_the_field(shop: Target, token: str) -> None:
    since = ""
    while (page := shop.call("GET", f"products/changes?since={since}", token=token).body)["more"]:
        since = page["since"]
    made = make(shop, token, "SHOWN", "IT")
    after = shop.call("GET", f"products/changes?since={page['since']}", token=token)
    listed = shop.call("GET", f"products?ids={made['id']}", token=token)
    assert shop.call("GET", f"products/{made['id']}", token=token).body == made
    assert after.body["results"] == listed.body["results"] == [in_lists(made)]


def test_the_list_is_filtered_by_the_field(shop: Target, token: str) -> None:
    made = make(shop, token, "FILTERED", "NO")
    found = shop.call("GET", f"products?{FIELD}=NO", token=token)
    assert found.body["results"] == [in_lists(made)]
    assert shop.call("GET", f"products?{FIELD}=XX", token=token).body["results"] == []
    assert faults(shop.call("GET", f"products?{FIELD}=no", token=token)) == [
        (FIELD, "invalid_format")
    ]


def test_a_file_of_products_has_a_column_of_the_field(shop: Target, token: str) -> None:
    def send(*lines: str) -> Reply:
        body, kind = "\n".join(lines).encode(), {"Content-Type": "text/csv"}
        return shop.call("POST", "products/import", body, token=token, headers=kind)

    def listed() -> list[str]:
        found = shop.call("GET", "products?q=imported&ordering=sku", token=token)
        return [one[FIELD] for one in found.body["results"]]

    header = f"sku,name,price,{FIELD}"
    assert send(header, "I-1,Imported,1,ES", "I-2,Imported,1,").body["created"] == 2
    assert listed() == ["ES", ""]
    assert send(header, "I-1,Imported,1,PT", "I-2,Imported,1,").body["changed"] == 1
    assert send("sku,name,price", "I-1,Imported,2", "I-3,Imported,1").body["created"] == 1
    assert listed() == ["PT", "", ""]
    assert faults(send(header, "I-4,Imported,1,es")) == [(f"/2/{FIELD}", "invalid_format")]


def test_the_admin_shows_saves_and_exports_the_field(shop: Target, token: str, desk: Desk) -> None:
    made = make(shop, token, "ADMIN", "SE")
    form = f"catalog/product/{made['id']}/change/"
    assert desk.open(form)[FIELD] == "SE"
    assert desk.save(form, **{FIELD: "DK"}).status == 302
    assert desk.open(form)[FIELD] == "DK"
    assert "Expected two capital letters" in desk.save(form, **{FIELD: "dk"}).body
    new = {"sku": "ADDED", "name": "Added", "price": "1", FIELD: "FI"}
    assert desk.save("catalog/product/add/", **new).status == 302
    file = desk.save("catalog/product/export/", format="0").body
    rows = csv.DictReader(io.StringIO(file.removeprefix("\ufeff"), newline=""))
    countries = {row["sku"]: row[FIELD] for row in rows}
    assert (countries["ADMIN"], countries["ADDED"]) == ("DK", "FI")


def test_the_field_has_german_texts(copy: Path) -> None:
    check(copy, "tests/staff/test_german_names.py", "tests/tools/test_messages.py")


def test_the_openapi_documents_have_the_field_and_stay_compatible(copy: Path, shop: Target) -> None:
    document = shop.call("GET", "openapi.json").body
    shapes = document["components"]["schemas"]
    written = {"type": "string", "maxLength": 2, "pattern": "^([A-Z]{2})?$"}
    about = {"description": "Where it was made."}
    assert shapes["Product"]["properties"][FIELD] == {"type": "string"} | about
    for name in ("ProductFields", "NewProduct", "PutProduct"):
        assert shapes[name]["properties"][FIELD] == written | about
        assert FIELD not in shapes[name].get("required", ())
    (parameter,) = (
        one
        for one in document["paths"]["/api/v1/products"]["get"]["parameters"]
        if one.get("name") == FIELD
    )
    assert parameter["schema"] == written | {"minLength": 1}
    for words in (("manage.py", "openapi"), ("-m", "tools.openapi"), ("-m", "tools.clients")):
        run(copy, *words)
    assert shop.manage("makemigrations", "--check", "--dry-run")[0] == 0
