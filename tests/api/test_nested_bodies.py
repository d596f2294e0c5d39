"""Nested and malformed bodies, sent to every operation of a real server."""

from collections.abc import Callable

import pytest

from tests.conftest import Person
from tests.faults.processes import workers
from tests.server import ROOT, Server
from tools.attack import checkouts
from tools.attack.attacks import nesting
from tools.attack.target import Code, started

COMPAT = {"COMPAT": "0,1,2,3,4"}


BODIES = nesting.bodies(nesting.FULL_DEPTHS)


@pytest.mark.timeout(400)
def test_no_nested_or_malformed_body_ends_a_worker(
    transactional_db: None, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    keeper = person(is_staff=True, is_superuser=True)
    with Server(workers=2, environment=COMPAT) as running:
        before = workers(running)
        token = running.token(keeper.customer.username, keeper.password)
        user = keeper.customer.public_id.hex
        wanted = nesting.operations(running, product=product(stock=5), user=user)
        assert len(wanted) > 50
        nesting.send(running, wanted, BODIES, token)
        assert workers(running) == before


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_nor_does_one_on_the_other_supported_pythons() -> None:
    """How deep a decoder may go differs between them. Makes an environment for each."""
    versions = checkouts.pythons(Code(), ROOT / ".data")
    others = [code for code in versions.values() if code not in (None, Code())]
    if not others:
        pytest.skip("this machine has no other supported Python")
    for code in others:
        assert code is not None
        with started(code) as target:
            nesting.attack(target, full=True)
