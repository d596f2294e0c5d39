"""Nested and malformed bodies, sent to every operation of a real server.

`make attack ATTACK_ARGS="--full"` sends them on the other supported Pythons too.
"""

from collections.abc import Callable

import pytest

from tests.conftest import Person
from tests.http import nested_bodies
from tests.server import Server
from tests.system.faults.processes import workers

pytestmark = pytest.mark.system

COMPAT = {"COMPAT": "0,1,2,3,4"}
BODIES = nested_bodies.bodies(nested_bodies.DEPTHS)


@pytest.mark.timeout(400)
def test_no_nested_or_malformed_body_ends_a_worker(
    transactional_db: None, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    keeper = person(is_staff=True, is_superuser=True)
    with Server(workers=2, environment=COMPAT) as running:
        before = workers(running)
        token = running.token(keeper.customer.username, keeper.password)
        user = keeper.customer.public_id.hex
        operations = nested_bodies.operations(running, product=product(stock=5), user=user)
        assert len(operations) > 50
        nested_bodies.send(running, operations, BODIES, token)
        assert workers(running) == before
