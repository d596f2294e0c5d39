"""The audit trail through v1: who may read it, its filters, its pages."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from larder.identity.services import audit
from tests.conftest import Api, Person
from tests.v1.reading import walk

AsPerson = Callable[[Person], Api]
MakePerson = Callable[..., Person]


@pytest.fixture
def owner(person: MakePerson, as_: AsPerson) -> Api:
    return as_(person(is_staff=True, role="owner"))


def test_the_trail_shows_actor_action_and_values(
    owner: Api, staff: Api, product: Callable[..., int]
) -> None:
    jam = product(price="2.95")
    staff("PATCH", f"products/{jam}", {"price": "0.01"})
    answer = owner("GET", f"audit?object=product:{jam}")
    (entry,) = answer.body["results"]
    assert entry.pop("at")[-1] == "Z"
    assert entry == {
        "actor": staff("GET", "me").body["public_id"],
        "channel": "v1",
        "object": f"product:{jam}",
        "action": "change",
        "before": {"price": "2.95"},
        "after": {"price": "0.01"},
    }
    again = owner("GET", f"audit?object=product:{jam}", If_None_Match=answer.headers["ETag"])
    assert again.status == 304


def test_entries_are_filtered_by_object_actor_and_time(owner: Api, db: None) -> None:
    ada, sam = uuid4(), uuid4()
    for actor, of in ((ada, "x:1"), (ada, "x:2"), (sam, "x:2"), (sam, "x:3")):
        with audit.acting(actor, "v1"):
            audit.record(of, "change")

    def found(query: str) -> list[tuple[str, str]]:
        rows = owner("GET", f"audit?{query}").body["results"]
        return [(row["actor"], row["object"]) for row in rows]

    assert found("object=x:2") == [(str(sam), "x:2"), (str(ada), "x:2")]
    assert found(f"actor={ada}") == [(str(ada), "x:2"), (str(ada), "x:1")]
    assert found(f"actor={ada}&object=x:2") == [(str(ada), "x:2")]
    at = owner("GET", "audit?object=x:1").body["results"][0]["at"]
    assert found(f"object=x:1&after={at}") == []
    assert found("object=x:1&after=2001-02-03T04:05:06Z") == [(str(ada), "x:1")]


@pytest.mark.parametrize(
    "query", ["actor=1", "after=yesterday", "after=2026-01-01T00:00:00", "object=%00", "cursor=x"]
)
def test_a_filter_that_cannot_be_read_is_refused(owner: Api, query: str) -> None:
    refused = owner("GET", f"audit?{query}")
    assert refused.status == 400
    assert [fault["pointer"] for fault in refused.body["errors"]] == [query.partition("=")[0]]


def test_the_pages_of_the_trail_have_each_entry_once_newest_first(owner: Api, db: None) -> None:
    with audit.acting(uuid4(), "v1"):
        audit.record_all([audit.Entry("x:1", f"change_{n}") for n in range(25)])
    rows = walk(owner, "audit?object=x:1&limit=10")
    assert [row["action"] for row in rows] == [f"change_{n}" for n in reversed(range(25))]
    assert len(owner("GET", "audit?object=x:1").body["results"]) == 20
