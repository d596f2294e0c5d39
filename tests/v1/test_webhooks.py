"""`webhooks`: staff manage the addresses that events are posted to."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from larder.core.clock import now
from larder.relay.channels import Failed
from larder.relay.models import Delivery
from larder.relay.services import deliveries
from tests.conftest import Api, Person

MakePerson = Callable[..., Person]
NEW = {"url": "https://shop.example/events", "events": ["order.placed", "order.placed"]}


@pytest.fixture
def owner(person: MakePerson, as_: Callable[[Person], Api]) -> Api:
    return as_(person(is_staff=True, role="owner"))


@pytest.fixture
def path(owner: Api) -> str:
    return f"webhooks/{owner('POST', 'webhooks', NEW).body['id']}"


def test_a_webhook_is_created_once_and_its_secret_shown_once(owner: Api) -> None:
    made = owner("POST", "webhooks", NEW, Idempotency_Key="k")
    assert made.status == 201
    assert made.body["secret"].startswith("whsec_")
    again = owner("POST", "webhooks", NEW, Idempotency_Key="k")
    assert (again.status, again.body) == (201, made.body | {"secret": None})
    shown = owner("GET", made.headers["Location"])
    assert shown.body == {name: made.body[name] for name in made.body if name != "secret"}
    assert (shown.body["events"], shown.body["version"]) == (["order.placed"], 1)
    assert owner("GET", "webhooks").body["results"] == [shown.body]


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({"url": "ftp://shop.example/"}, "/url", "invalid_format"),
        ({"url": "https://ada:secret@shop.example/"}, "/url", "invalid_format"),
        ({"url": "https://shop.example/ö"}, "/url", "invalid_format"),
        ({"url": "https://shop.example/a b"}, "/url", "invalid_format"),
        ({"events": []}, "/events", "too_few"),
        ({"events": ["order.lost"]}, "/events/0", "unknown_value"),
        ({"events": ["order_placed"]}, "/events/0", "unknown_value"),
    ],
)
def test_a_webhook_that_cannot_work_is_refused(
    owner: Api, fields: dict[str, object], pointer: str, code: str
) -> None:
    refused = owner("POST", "webhooks", NEW | fields)
    assert (refused.status, refused.body["code"]) == (400, "validation_error")
    (fault,) = refused.body["errors"]
    assert (fault["pointer"], fault["code"]) == (pointer, code)


def test_a_webhook_is_changed_disabled_and_deleted(owner: Api, path: str) -> None:
    changed = owner("PATCH", path, {"name": "Till", "events": ["stock.out"], "disabled": True})
    assert (changed.body["name"], changed.body["events"]) == ("Till", ["stock.out"])
    assert changed.body["disabled_at"] is not None
    stale = owner("PATCH", path, {"disabled": False}, If_Match='"1-0"')
    assert (stale.status, stale.body["code"]) == (412, "precondition_failed")
    enabled = owner("PATCH", path, {"disabled": False}, If_Match=changed.headers["ETag"])
    assert (enabled.body["disabled_at"], enabled.body["version"]) == (None, 3)
    rotated = owner("POST", f"{path}/rotate")
    assert (rotated.status, rotated.body["secret"][:6]) == (200, "whsec_")
    assert owner("DELETE", path).status == 204
    assert owner("GET", path).status == owner("DELETE", path).status == 404


def test_deliveries_are_listed_repeated_and_recovered(owner: Api, path: str) -> None:
    began = now()
    assert owner("POST", f"{path}/test").status == 202
    objects = {"orders": [str(uuid4())], "products": [7]}
    assert owner("POST", f"{path}/resend", objects).status == 202
    first = owner("GET", f"{path}/deliveries?limit=2").body
    rest = owner("GET", first["next"].removeprefix("http://testserver")).body
    rows = first["results"] + rest["results"]
    assert [row["type"] for row in rows] == ["product.changed", "order.changed", "webhook.test"]
    assert (rows[0]["object"], rows[0]["attempts"], rows[0]["is_sent"]) == ("7", 0, False)
    deliveries.record([(row, Failed("503"), None) for row in Delivery.objects.all()])
    ended = owner("GET", f"{path}/deliveries").body["results"][0]
    assert (ended["outcome"], ended["next_at"]) == ("503", None)
    assert owner("POST", f"{path}/deliveries/{ended['id']}/redeliver").status == 202
    recovered = owner("POST", f"{path}/recover", {"since": began.isoformat()})
    assert recovered.body == {"deliveries": 2}
    assert owner("POST", f"{path}/deliveries/0/redeliver").status == 404
    assert owner("GET", f"webhooks/{UUID(int=0)}/deliveries").status == 404


def test_only_staff_with_the_permission_manage_webhooks(
    owner: Api, staff: Api, customer: Api, path: str
) -> None:
    for method, of in (("GET", "webhooks"), ("GET", path), ("POST", f"{path}/rotate")):
        assert staff(method, of).body["code"] == "permission_missing"
        assert customer(method, of).body["code"] == "not_staff"
