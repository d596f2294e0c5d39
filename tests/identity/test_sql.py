"""The hand-written SQL returns the same rows as the ORM."""

from collections.abc import Callable
from decimal import Decimal

from larder.identity import audit, queries
from larder.identity.models import AuditEntry, Customer
from tests.conftest import Person


def test_standing_has_the_columns_that_the_orm_finds(person: Callable[..., Person]) -> None:
    people = [person(), person(is_staff=True), person(may_order=False), person(is_active=False)]
    ids = [one.id for one in people]
    columns = ("id", "is_active", "is_staff", "may_order", "public_id")
    rows = Customer.objects.filter(id__in=ids).values_list(*columns)
    assert queries.standing([*ids, 10**9]) == {row[0]: queries.Standing(*row[1:]) for row in rows}


def test_recording_writes_what_the_orm_would(person: Callable[..., Person]) -> None:
    who = person(is_staff=True).customer.public_id
    entries = [
        audit.Entry(
            "product:1", "change", {"price": Decimal("2.950")}, {"price": Decimal("0.010")}
        ),
        audit.Entry(
            "order:x", 'a "quoted" \\ action', {}, {"note": 'ü, {"a"} \\ NULL', "no": None}
        ),
    ]
    with audit.acting(who, "v1"):
        audit.record_all(entries)
    rows = AuditEntry.objects.filter(actor=who).order_by("id")
    assert [(one.object, one.action, one.before, one.after) for one in rows] == [
        ("product:1", "change", {"price": "2.95"}, {"price": "0.01"}),
        ("order:x", 'a "quoted" \\ action', {}, {"note": 'ü, {"a"} \\ NULL', "no": None}),
    ]
    assert {(one.actor, one.channel) for one in rows} == {(who, "v1")}
    assert AuditEntry.objects.create(actor=who, channel="v1", object="x", action="y").at is not None
