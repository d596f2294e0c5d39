"""The order of the checks of a request: the answer has the first fault."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from larder.core.limits import MAX_ID, MAX_LINES, MAX_OPEN_BODY_BYTES
from larder.orders.models import Order
from larder.v1.operations import Operation
from larder.v1.resources import Resource
from larder.v1.urls import urlpatterns
from tests.conftest import Api

PNG = {"Accept": "image/png"}
FAULTY = {"name": 1}
NO_ROW = f"products/{MAX_ID + 1}"


def code_of(api: Api, method: str, path: str, *body: Any, **headers: str) -> str:
    return str(api(method, path, *body, **headers).body["code"])


def test_a_request_with_several_faults_is_refused_in_the_documented_order(
    api: Api, customer: Api, staff: Api, product: Callable[..., int]
) -> None:
    """Each line of the table removes the fault of the line before."""
    long = {"name": "x" * MAX_OPEN_BODY_BYTES}
    assert code_of(api, "PUT", "auth/keys", long, **PNG) == "method_not_allowed"
    assert code_of(api, "POST", "auth/keys", long, **PNG) == "body_too_large"
    assert code_of(api, "PATCH", NO_ROW, FAULTY, **PNG) == "not_acceptable"
    assert code_of(api, "PATCH", NO_ROW, FAULTY) == "not_authenticated"
    assert code_of(customer, "PATCH", NO_ROW, FAULTY) == "not_staff"
    assert code_of(staff, "PATCH", NO_ROW, FAULTY) == "not_found"
    assert code_of(staff, "PATCH", f"products/{product()}", FAULTY) == "validation_error"


def test_options_refuses_an_invalid_token(db: None) -> None:
    stranger = Api("a.b.c")
    assert code_of(stranger, "OPTIONS", "orders") == "token_invalid"
    assert stranger("OPTIONS", "auth/token").status == 204


def test_an_order_of_a_thousand_lines_names_its_three_faults(
    customer: Api, product: Callable[..., int]
) -> None:
    lines: list[dict[str, Any]] = [{"product": product(), "quantity": 1}] * MAX_LINES
    lines[0] = lines[0] | {"quantity": 0}
    lines[499] = {"quantity": 1}
    lines[-1] = lines[-1] | {"colour": "red"}
    refused = customer("POST", "orders", {"lines": lines})
    assert (refused.status, refused.body["code"]) == (400, "validation_error")
    assert {(fault["pointer"], fault["code"]) for fault in refused.body["errors"]} == {
        ("/lines/0/quantity", "out_of_range"),
        ("/lines/499/product", "required"),
        ("/lines/999/colour", "unknown_field"),
    }
    assert not Order.objects.exists()


def operations() -> Iterator[tuple[str, Operation, Mapping[str, Any]]]:
    for path in urlpatterns:
        assert isinstance(path.callback, Resource)
        for method, operation in path.callback.operations.items():
            yield method, operation, path.pattern.converters
