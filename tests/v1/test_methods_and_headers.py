"""Methods, and the headers of every answer."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Api
from tests.http.document import operations

ORDER_ID = "01890a5d-ac96-774b-bcce-b302099a8057"
UUIDS = ("{order}", "{key}", "{address}", "{session}", "{device}", "{webhook}")
NUMBERS = ("{product}", "{category}", "{delivery}")
IN_PATHS = dict.fromkeys(NUMBERS, "1") | dict.fromkeys(UUIDS, ORDER_ID)


def paths() -> dict[str, set[str]]:
    """Returns every path of the document with its methods."""
    methods: dict[str, set[str]] = {}
    for operation in operations():
        path = operation.path
        for name, value in IN_PATHS.items():
            path = path.replace(name, value)
        methods.setdefault(path, set()).add(operation.method.upper())
    return methods


def test_a_method_that_a_path_does_not_have_is_refused_for_every_caller(
    api: Api, customer: Api, staff: Api
) -> None:
    for path, taken in paths().items():
        expected = taken | ({"HEAD"} if "GET" in taken else set()) | {"OPTIONS"}
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"} - taken:
            for who in (api, customer, staff):
                refused = who(method, path)
                assert (refused.status, refused.body["code"]) == (405, "method_not_allowed"), path
                assert set(refused.headers["Allow"].split(", ")) == expected, path
                assert refused.body["detail"] == f"This path takes {refused.headers['Allow']}."


def test_options_lists_the_methods_without_a_token(api: Api, db: None) -> None:
    for path, taken in paths().items():
        answer = api("OPTIONS", path)
        assert (answer.status, answer.body) == (204, None), path
        assert taken < set(answer.headers["Allow"].split(", ")), path


def test_head_returns_the_headers_of_get_without_the_body(
    customer: Api, api: Api, product: Callable[..., int]
) -> None:
    jam = product()
    for path in ("me", "products", f"products/{jam}", "categories", "orders", "products/0"):
        got, head = customer("GET", path), customer("HEAD", path)
        assert (head.status, head.body) == (got.status, None)
        for name in ("ETag", "Content-Type", "Content-Length"):
            assert head.headers.get(name) == got.headers.get(name) or got.status == 404
    assert api("HEAD", "me").status == 401


def test_answers_without_a_body_have_no_content_type(
    staff: Api, product: Callable[..., int]
) -> None:
    archived = staff("DELETE", f"products/{product()}")
    unchanged = staff("GET", "products", If_None_Match="*")
    assert [(reply.status, "Content-Type" in reply.headers) for reply in (archived, unchanged)] == [
        (204, False),
        (304, False),
    ]


def test_personal_answers_are_not_stored_by_shared_caches(customer: Api) -> None:
    for path in ("me", "products", "orders"):
        assert customer("GET", path).headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize("path", ["me", "nothing", "/livez", "/admin/login/", "docs"])
def test_a_sent_correlation_id_is_returned(api: Api, db: None, path: str) -> None:
    sent = "4c0f8a3e5f0d4d8f9b1f6d8a6f3a2b10"
    answer = api("GET", path, Correlation_ID=sent)
    assert answer.headers["Correlation-ID"] == sent


OTHER_FORMS = [
    "x",
    "",
    "4C0F8A3E5F0D4D8F9B1F6D8A6F3A2B10",
    "4c0f8a3e-5f0d-4d8f-9b1f-6d8a6f3a2b10",
    "{4c0f8a3e5f0d4d8f9b1f6d8a6f3a2b10}",
    "4c0f8a3e5f0d4d8f9b1f6d8a6f3a2b10\n",
    "4c0f8a3e5f0d4d8f9b1f6d8a6f3a2b1",
    "\xff" * 32,
    "٣" * 32,
    "a" * 10_000,
]


def test_a_correlation_id_of_another_form_is_replaced(api: Api, db: None) -> None:
    for sent in OTHER_FORMS:
        answer = api("GET", "me", Correlation_ID=sent)
        assert answer.headers["Correlation-ID"] != sent
        assert answer.body["correlation_id"] == answer.headers["Correlation-ID"]


def test_each_request_has_a_new_correlation_id(api: Api, db: None) -> None:
    assert len({api("GET", "me").headers["Correlation-ID"] for _ in range(5)}) == 5


def test_a_browser_of_an_allowed_origin_may_read_the_headers_it_needs(
    customer: Api, settings: Any
) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://app.example"]
    answer = customer("GET", "me", Origin="https://app.example")
    exposed = set(answer.headers["access-control-expose-headers"].split(", "))
    assert exposed >= {"Correlation-ID", "ETag", "Location", "Retry-After", "Idempotency-Replayed"}
    asked = {"Access_Control_Request_Method": "POST", "Origin": "https://app.example"}
    preflight = customer("OPTIONS", "orders", Authorization="", **asked)
    allowed = set(preflight.headers["access-control-allow-headers"].split(", "))
    assert allowed >= {"authorization", "content-type", "idempotency-key", "if-match"}
    other = customer("GET", "me", Origin="https://evil.example")
    assert "access-control-allow-origin" not in other.headers


def test_the_refusal_of_a_media_type_names_the_accepted_one(staff: Api) -> None:
    for path, media_type in (("products", "application/json"), ("products/import", "text/csv")):
        refused = staff("POST", path, "{}", content_type="text/plain")
        assert refused.body["code"] == "unsupported_media_type"
        assert refused.body["detail"] == f"Send Content-Type: {media_type}."
    assert staff("POST", "products/import", "{}").status == 415
    assert staff("POST", "orders", "{}", content_type="application/vnd.shop+json").status == 400


def test_an_invalid_if_match_is_refused(staff: Api, product: Callable[..., int]) -> None:
    jam = product()
    lines = {"lines": [{"product": jam, "quantity": 1}]}
    for sent in ("", " ", "1", '"1"', "1-aa", '"x-aa"', '"1-aa", "2-aa"', "'1-aa'"):
        for path, body in ((f"products/{jam}", {"unit": "jar"}), ("cart", lines)):
            refused = staff("PATCH" if "products" in path else "PUT", path, body, If_Match=sent)
            assert (refused.status, refused.body["code"]) == (412, "precondition_failed"), sent
            assert "not an ETag of this API" in refused.body["detail"]


def test_an_etag_of_another_version_is_refused_because_the_object_changed(
    staff: Api, product: Callable[..., int]
) -> None:
    path = f"products/{product()}"
    tag = staff("GET", path).headers["ETag"]
    staff("PATCH", path, {"unit": "jar"})
    for old in (tag, f"W/{tag}"):
        refused = staff("PATCH", path, {"unit": "box"}, If_Match=old)
        assert (refused.status, refused.body["detail"]) == (412, refused.body["title"])


def test_the_root_of_v1_without_a_slash_is_a_path_of_v1(api: Api, settings: Any) -> None:
    for compat in (frozenset(), frozenset("01234")):
        settings.COMPAT = compat
        assert api("GET", "/api/v1").body["code"] == "not_found"
