"""The hand-written SQL says the same as the ORM."""

from collections.abc import Callable

from larder.identity import queries
from larder.identity.models import Customer
from tests.conftest import Person


def test_standing_is_what_the_orm_finds(person: Callable[..., Person]) -> None:
    people = [person(), person(is_staff=True), person(may_order=False), person(is_active=False)]
    ids = [one.id for one in people]
    columns = ("id", "is_active", "is_staff", "may_order", "public_id")
    rows = Customer.objects.filter(id__in=ids).values_list(*columns)
    assert queries.standing([*ids, 10**9]) == {row[0]: queries.Standing(*row[1:]) for row in rows}
