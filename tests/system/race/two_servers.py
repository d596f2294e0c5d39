"""Two servers that share the calls of a crowd."""

from collections.abc import Sequence
from functools import partial
from itertools import cycle
from uuid import UUID

from tests.conftest import Person
from tests.server import Server
from tests.system.race.customers import enter
from tests.system.race.shops import Answer, HttpShop, at_once


class TwoShops(HttpShop):
    """Two servers: every other call of a crowd goes to the second."""

    def __init__(self, first: Server, second: Server) -> None:
        super().__init__(first)
        self.shops = (HttpShop(first), HttpShop(second))

    def arrive(self) -> None:
        for shop in self.shops:
            shop.arrive()

    def leave(self) -> None:
        for shop in self.shops:
            shop.leave()

    def enter(self, who: Person) -> None:
        """A token of one is good at the other."""
        self.shops[0].enter(who)
        self.shops[1]._tokens |= self.shops[0]._tokens


def place_all(
    two: TwoShops,
    people: Sequence[Person],
    wanted: list[list[tuple[int, int]]],
    **asked: str | UUID,
) -> list[Answer]:
    """Each order at one server or the other, all at once."""
    enter(two, people)
    return at_once(
        two,
        [
            partial(two.shops[number % 2].place, who, lines, **asked)  # type: ignore[arg-type]
            for number, (lines, who) in enumerate(zip(wanted, cycle(people), strict=False))
        ],
    )
