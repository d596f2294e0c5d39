"""The phones of a customer, with one cart."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from larder.orders.decision import RequestedLine
from larder.orders.queries import carts
from larder.orders.queries.carts import CartVersion
from larder.orders.services import cart
from larder.orders.services.cart import add_unit, remove_unit
from larder.orders.services.placing.placement import ExpectedCart, Placement
from tests.conftest import Person
from tests.system.race.shops import OK, Answer, place_apart, served

PHONES = 12
"""As many at once."""


@dataclass(frozen=True, slots=True)
class Phone:
    """One of a customer's devices."""

    who: Person
    now: datetime

    def put(self, *lines: tuple[int, int], expected: CartVersion | None = None) -> Answer:
        """Puts the whole set of (product, quantity)."""
        requested = [RequestedLine(*line) for line in lines]

        def call() -> Answer:
            cart.put_lines(self.who.id, requested, now=self.now, expected=expected)
            return Answer(OK)

        return served(call)

    def put_one(self, product: int, quantity: int) -> Answer:
        """Sets one line."""

        def call() -> Answer:
            line = RequestedLine(product, quantity)
            cart.put_line(self.who.id, line, now=self.now)
            return Answer(OK)

        return served(call)

    def add(self, product: int) -> Answer:
        """Puts a unit in as contract 4 does."""
        return served(lambda: Answer(OK, add_unit(self.who.id, product, now=self.now)))

    def remove(self, product: int) -> Answer:
        """Takes a unit out as contract 4 does."""
        return served(lambda: Answer(OK, remove_unit(self.who.id, product, now=self.now)))

    def delete(self) -> Answer:
        """Deletes the cart."""

        def call() -> Answer:
            cart.delete_cart(self.who.id)
            return Answer(OK)

        return served(call)

    def submit(self, key: str | None = None, shown: ExpectedCart = ExpectedCart()) -> Answer:
        """The content is the order's id."""
        asked = Placement(
            customer=self.who.id,
            actor=self.who.customer.public_id,
            lines=(),
            cart=shown,
            key=key,
            operation="POST /api/v1/cart/submit",
        )

        def call() -> Answer:
            placed = place_apart(asked, now=self.now)
            return Answer(OK, placed.order.id, placed.replayed)

        return served(call)

    def units(self) -> dict[int, int]:
        """What is in the cart."""
        cart = carts.cart(self.who.id)
        return {line.product: line.quantity for line in cart.lines} if cart else {}

    def seen(self) -> CartVersion:
        """What a reader of the cart has seen."""
        cart = carts.cart(self.who.id)
        assert cart is not None
        return CartVersion(cart.id, cart.version)


def codes(answers: Sequence[Answer]) -> Counter[str]:
    """How often each code was answered."""
    return Counter(answer.code for answer in answers)
