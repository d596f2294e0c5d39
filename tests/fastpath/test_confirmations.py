"""The fast path confirms orders with the same answers and refusals as Django."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from larder.fastpath import confirmations
from larder.fastpath.confirmations import ROUTE, ConfirmationFastPath
from larder.http.read_your_writes import write_times
from larder.identity.models import AuditEntry, Customer, Session
from larder.inventory.models import Stock
from larder.orders.models import Order, OrderStatus
from tests.conftest import Person
from tests.fastpath.fast_path import JSON, STOCK, Answered, FastPath, Headers, without_correlation
from tests.http.conftest import token_for
from tests.orders import holding

STRANGE = {"Origin": "https://elsewhere.example"}
"""A header with which a request goes to Django."""


class Till:
    """A member of staff who confirms orders of one customer."""

    def __init__(self, fast_path: FastPath, clerk: Person, customer: Person, jam: int) -> None:
        self.fast_path, self.clerk, self.token = fast_path, clerk, token_for(clerk)
        self.customer, self._jam = customer, jam

    def hold(self, seconds: int = 600) -> UUID:
        """Places an order of two jars that awaits its payment."""
        return holding.hold(self.customer, (self._jam, 2), seconds=seconds).id

    def confirm(self, order: object, **headers: str) -> Answered:
        return self.send(b"{}", order, headers)

    def send(self, body: bytes, order: object, headers: Headers) -> Answered:
        path = f"orders/{order}/confirm"
        return self.fast_path.send(body, self.token, path, **(JSON | headers))


@pytest.fixture
def till(
    processes_share: None,
    sessions_known: None,
    person: Callable[..., Person],
    who: Person,
    jam: int,
) -> Till:
    """A till whose first confirmation went through Django, as every first one does."""
    clerk = person(is_staff=True, role="owner")
    made = Till(FastPath(ConfirmationFastPath), clerk, who, jam)
    assert made.confirm(made.hold())[0] == "200 OK"
    assert made.fast_path.reached == 1
    return made


def _code(answer: Answered) -> tuple[str, str]:
    return answer[0][:3], json.loads(answer[2])["code"]


def _headers(answer: Answered) -> Headers:
    """Returns the headers that do not differ between orders."""
    own = {"ETag", "Content-Length", "Correlation-ID"}
    return {name: value for name, value in answer[1].items() if name not in own}


def test_the_fast_path_confirms_as_django_does(till: Till, jam: int) -> None:
    fast = till.confirm(order := till.hold())
    assert till.fast_path.reached == 1
    through = till.confirm(till.hold(), **STRANGE)
    assert till.fast_path.reached == 2
    assert (fast[0], _headers(fast)) == (through[0], _headers(through))
    shown = [json.loads(one[2]) for one in (fast, through)]
    assert [one["status"] for one in shown] == ["placed", "placed"]
    assert shown[0].keys() == shown[1].keys()
    assert Order.objects.get(id=order).status == OrderStatus.PLACED
    assert Stock.objects.get(product_id=jam).available == STOCK - 6
    assert (fast[1]["ETag"][:3], fast[1]["Content-Length"]) == ('"2-', str(len(fast[2])))


def test_a_confirmed_order_is_read_with_the_same_body_and_etag(till: Till) -> None:
    _, headers, body = till.confirm(order := till.hold())
    read = till.fast_path(till.token, f"orders/{order}")
    assert (read[1]["ETag"], read[2]) == (headers["ETag"], body)


@pytest.mark.parametrize("key", [{}, {"Idempotency_Key": "a-key"}], ids=["plain", "with a key"])
def test_a_repeat_is_answered_as_by_django(till: Till, key: Headers) -> None:
    order = till.hold()
    first, fast = till.confirm(order, **key), till.confirm(order, **key)
    assert till.fast_path.reached == 1
    through = till.confirm(order, **key, **STRANGE)
    assert first[2] == fast[2] == through[2]
    replayed = "true" if key else None
    assert [one[1].get("Idempotency-Replayed") for one in (first, fast, through)] == [
        None,
        replayed,
        replayed,
    ]


def test_a_confirmation_with_a_version_goes_to_django(till: Till) -> None:
    for reached, tag in ((2, '"7-0"'), (3, "")):
        refused = till.confirm(till.hold(), If_Match=tag)
        assert (_code(refused), till.fast_path.reached) == (("412", "precondition_failed"), reached)


def test_a_confirmation_is_in_the_audit_trail(till: Till) -> None:
    till.confirm(order := till.hold())
    assert till.fast_path.reached == 1
    entry = AuditEntry.objects.get(object=f"order:{order}")
    found = (entry.actor, entry.channel, entry.action)
    assert found == (till.clerk.customer.public_id, "v1", "confirm")


def test_a_confirmation_is_counted_with_its_route_and_path(till: Till) -> None:
    answer = till.confirm(order := till.hold())
    ((status, _, correlation_id, caller, path),) = till.fast_path.logged
    assert (status, caller.id) == (200, till.clerk.id)
    assert correlation_id == answer[1]["Correlation-ID"]
    assert path == f"/api/v1/orders/{order}/confirm"
    assert ROUTE.replace("<uuid:order>", str(order)) == path


def test_a_confirmation_updates_the_read_your_writes_table(till: Till) -> None:
    writes = write_times()
    assert writes is not None
    before = writes.last(till.clerk.id)
    till.confirm(till.hold())
    assert (till.fast_path.reached, writes.last(till.clerk.id) > before) == (1, True)


def _take_the_role(till: Till) -> None:
    Customer.objects.get(pk=till.clerk.id).groups.clear()


def _make_a_customer(till: Till) -> None:
    Customer.objects.filter(pk=till.clerk.id).update(is_staff=False)


def _deactivate(till: Till) -> None:
    Customer.objects.filter(pk=till.clerk.id).update(is_active=False)


def _log_out(till: Till) -> None:
    Session.objects.filter(customer_id=till.clerk.id).delete()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_take_the_role, ("403", "permission_missing")),
        (_make_a_customer, ("403", "not_staff")),
        (_deactivate, ("401", "session_ended")),
        (_log_out, ("401", "session_ended")),
    ],
)
@pytest.mark.parametrize("is_placed", [False, True], ids=["pending", "placed"])
def test_a_caller_without_the_right_confirms_and_reads_nothing(
    till: Till, change: Callable[[Till], None], expected: tuple[str, str], *, is_placed: bool
) -> None:
    order = till.hold()
    if is_placed:
        till.confirm(order)
    change(till)
    assert _code(till.confirm(order)) == expected
    status = Order.objects.get(id=order).status
    assert status == (OrderStatus.PLACED if is_placed else OrderStatus.PENDING)


def test_a_caller_without_the_right_locks_no_order(
    till: Till, django_assert_max_num_queries: Any
) -> None:
    _take_the_role(till)
    order = till.hold()
    with django_assert_max_num_queries(99) as asked:
        assert _code(till.confirm(order)) == ("403", "permission_missing")
    assert not [one["sql"] for one in asked if "FOR NO KEY UPDATE" in one["sql"]]


def test_rights_are_read_under_the_locks_alone_for_some_seconds(
    till: Till, django_assert_max_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = []
    for seconds in (confirmations.RIGHTS_KEPT, confirmations.RIGHTS_KEPT, -1.0):
        monkeypatch.setattr(confirmations, "RIGHTS_KEPT", seconds)
        order = till.hold()
        with django_assert_max_num_queries(99) as asked:
            till.confirm(order)
        reads.append(sum("WITH given AS MATERIALIZED" in one["sql"] for one in asked))
    assert (reads, till.fast_path.reached) == ([2, 1, 2], 1)


def test_a_refused_confirmation_is_in_the_audit_trail(till: Till) -> None:
    _take_the_role(till)
    till.confirm(till.hold())
    entry = AuditEntry.objects.get(action="refused")
    assert entry.actor == till.clerk.customer.public_id


def test_customers_and_new_tokens_go_to_django(till: Till, token: str) -> None:
    order = till.hold()
    path = f"orders/{order}/confirm"
    refused = till.fast_path.send(b"{}", token, path, **JSON)
    assert (_code(refused), till.fast_path.reached) == (("403", "not_staff"), 2)
    till.token = token_for(till.clerk)
    assert (till.confirm(order)[0], till.fast_path.reached) == ("200 OK", 3)


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        (b"{", {}, ("400", "malformed_json")),
        (b'{"payment": 1}', {}, ("400", "unknown_field")),
        (b"{}", {"Idempotency_Key": "a b"}, ("400", "validation_error")),
        (b"{}", {"Content_Type": "text/plain"}, ("415", "unsupported_media_type")),
        (b"{}", {"Content_Length": "50"}, ("400", "bad_request")),
        (b"{}", {"Authorization": "Bearer a.b.c"}, ("401", "token_invalid")),
    ],
)
def test_the_fast_path_refuses_requests_as_django_does(
    till: Till, body: bytes, headers: Headers, expected: tuple[str, str]
) -> None:
    order = till.hold()
    refused = till.send(body, order, headers)
    assert _code(refused) == expected
    till.fast_path.forget()
    alone = till.send(body, order, headers)
    assert without_correlation(refused) == without_correlation(alone)
    assert Order.objects.get(id=order).status == OrderStatus.PENDING


def _cancelled(till: Till, jam: int) -> object:
    order = till.hold()
    Order.objects.filter(id=order).update(status="cancelled")
    return order


def _sold(till: Till, jam: int) -> object:
    order = till.hold()
    holding.pass_seconds(holding.SECONDS, [order])
    holding.order(till.customer, (jam, Stock.objects.get(product_id=jam).available + 2))
    return order


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda *_: uuid4(), ("404", "not_found")),
        (_cancelled, ("409", "invalid_transition")),
        (_sold, ("409", "hold_expired")),
    ],
)
def test_the_fast_path_refuses_orders_as_django_does(
    till: Till, jam: int, make: Callable[[Till, int], Any], expected: tuple[str, str]
) -> None:
    order = make(till, jam)
    refused = till.confirm(order)
    assert _code(refused) == expected
    assert without_correlation(refused) == without_correlation(till.confirm(order, **STRANGE))
