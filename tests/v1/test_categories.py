"""Categories through v1."""

from collections.abc import Callable

from tests.conftest import Api
from tests.v1.reading import walk


def test_a_category_has_the_names_of_the_design(staff: Api, customer: Api) -> None:
    food = staff("POST", "categories", {"name": "Food"})
    assert food.status == 201
    assert food.body == {"id": food.body["id"], "name": "Food", "parent": None, "version": 1}
    answer = customer("GET", food.headers["Location"])
    assert (answer.body, answer.headers["ETag"]) == (food.body, food.headers["ETag"])


def test_categories_are_listed_by_id_in_pages(staff: Api, customer: Api) -> None:
    categories = [staff("POST", "categories", {"name": f"{n}"}).body for n in range(5)]
    assert walk(customer, "categories?limit=2") == categories


def test_a_category_is_renamed_and_moved_with_a_new_version(staff: Api) -> None:
    food, jams = (staff("POST", "categories", {"name": name}).body["id"] for name in ("F", "J"))
    moved = staff("PATCH", f"categories/{jams}", {"name": "Jams", "parent": food}).body
    assert moved == {"id": jams, "name": "Jams", "parent": food, "version": 2}
    cleared = staff("PATCH", f"categories/{jams}", {"parent": None}).body
    assert (cleared["parent"], cleared["version"]) == (None, 3)


def test_an_unknown_parent_is_refused(staff: Api) -> None:
    food = staff("POST", "categories", {"name": "Food"}).body["id"]
    asked = [("POST", "categories"), ("PATCH", f"categories/{food}")]
    for method, path in asked:
        refused = staff(method, path, {"name": "x", "parent": 999_999})
        assert (refused.status, refused.body["code"]) == (422, "unknown_category")
        assert [fault["pointer"] for fault in refused.body["errors"]] == ["/parent"]


def test_only_an_empty_category_is_deleted_and_only_once(
    staff: Api, product: Callable[..., int]
) -> None:
    food = staff("POST", "categories", {"name": "Food"}).body["id"]
    jams = staff("POST", "categories", {"name": "Jams", "parent": food}).body["id"]
    jam = product(category_id=jams)
    for full in (food, jams):
        refused = staff("DELETE", f"categories/{full}")
        assert (refused.status, refused.body["code"]) == (409, "category_in_use")
    staff("PATCH", f"products/{jam}", {"category": None})
    answers = [staff("DELETE", f"categories/{id}").status for id in (jams, food, food)]
    assert answers == [204, 204, 404]


def test_a_category_is_changed_only_with_a_matching_if_match(staff: Api) -> None:
    food = staff("POST", "categories", {"name": "Food"})
    path, read = food.headers["Location"], food.headers["ETag"]
    assert staff("PATCH", path, {"name": "A"}, If_Match=read).status == 200
    assert staff("PATCH", path, {"name": "B"}, If_Match=read).status == 412
    assert staff("DELETE", path, If_Match=read).status == 412
    assert staff("DELETE", path, If_Match="*").status == 204


def test_a_repeated_request_creates_one_category(staff: Api) -> None:
    first, again = (staff("POST", "categories", {"name": "F"}, Idempotency_Key="k") for _ in "12")
    other = staff("POST", "categories", {"name": "G"}, Idempotency_Key="k")
    assert (again.status, again.body) == (201, first.body)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (other.status, other.body["code"]) == (422, "idempotency_key_reused")
    assert len(walk(staff, "categories")) == 1
