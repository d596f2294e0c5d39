"""Which accounts may order: one rule for placing and for changing."""

import pytest

from larder.core.errors import DomainError, NotFound
from larder.core.ids import new_id
from larder.identity.errors import OrderingNotAllowed, SessionEnded
from larder.identity.queries import Standing, ordering_refusal

SELF, CLERK = new_id(), new_id()


@pytest.mark.parametrize(
    ("is_active", "may_order", "own", "theirs"),
    [
        (True, True, None, None),
        (True, False, OrderingNotAllowed, OrderingNotAllowed),
        (False, True, SessionEnded, OrderingNotAllowed),
        (False, False, SessionEnded, OrderingNotAllowed),
    ],
)
def test_only_an_active_account_with_the_permission_may_order(
    is_active: bool, may_order: bool, own: type[DomainError], theirs: type[DomainError]
) -> None:
    account = Standing(is_active=is_active, is_staff=False, may_order=may_order, public_id=SELF)
    answers = [ordering_refusal(account, actor=actor) for actor in (SELF, CLERK)]
    assert [answer and type(answer) for answer in answers] == [own, theirs]


def test_an_unknown_account_is_not_found() -> None:
    assert isinstance(ordering_refusal(None, actor=SELF), NotFound)
