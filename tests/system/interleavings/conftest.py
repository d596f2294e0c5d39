"""The shop of the interleavings, with a clock that only tests set."""

from collections.abc import Callable, Iterator

import pytest

from larder.identity.services import quotas
from larder.inventory.services import movements
from larder.orders.services import batches
from tests.conftest import Person
from tests.orders import placing as orders
from tests.system.interleavings import scheduler
from tests.system.interleavings.clock import chosen_clock
from tests.system.interleavings.exploring import Explorer, Play
from tests.system.interleavings.shop import Shop

WAITS = ((batches, "LOCK_WAIT_ALONE"), (orders, "LOCK_WAIT"), (movements, "MOVING_WAIT"))
Scenario = Callable[[Shop], Play]
Explore = Callable[[Scenario], Explorer]


@pytest.fixture
def explore(
    transactional_db: None, person: Callable[..., Person], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Explore]:
    """Makes explorers of scenarios. Waits for locks have no end that a schedule could reach: a busy
    machine would end them sooner than an idle one."""
    for module, name in WAITS:
        monkeypatch.setattr(module, name, 9.0)
    # What earlier runs used up would matter to later ones.
    monkeypatch.setattr(quotas, "_limits", {})
    with chosen_clock() as clock, scheduler.watching() as watch:
        shop = Shop(clock, person(), person(), person(is_staff=True, role="owner"))

        def make(scenario: Scenario) -> Explorer:
            def arrange() -> Play:
                clock.restart()
                return scenario(shop)

            return Explorer(scenario.__name__, arrange, watch)

        yield make
