"""Scenarios of holds: what two or three sessions do with the same units.

In each, the expiry of the holds is one step more, which can come at any time, unless it has come
before.
"""

from larder.orders.services.placing.placement import Terms
from tests.orders.holding import SECONDS
from tests.system.interleavings.exploring import Play
from tests.system.interleavings.shop import Shop


def expiry_and_confirmation(shop: Shop) -> Play:
    """The job, and a confirmation."""
    jam = shop.product(5)
    held = shop.held((jam, 3))
    return shop.play(jam, a=shop.expiring, b=shop.confirming(held))


def expiry_and_cancellation(shop: Shop) -> Play:
    """The job, and a cancellation."""
    jam = shop.product(5)
    held = shop.held((jam, 3))
    return shop.play(jam, a=shop.expiring, b=shop.cancelling(held))


def expiry_and_capture(shop: Shop) -> Play:
    """The job, and a payment."""
    jam = shop.product(5)
    held = shop.held((jam, 3))
    return shop.play(jam, a=shop.expiring, b=shop.capturing(held, 450))


def expiry_and_order(shop: Shop) -> Play:
    """The job, and an order that needs the held units."""
    jam = shop.product(5)
    shop.held((jam, 3))
    return shop.play(jam, a=shop.expiring, b=shop.ordering((jam, 4)))


def expiry_and_hold(shop: Shop) -> Play:
    """The job, and a hold that needs the held units."""
    jam = shop.product(5)
    shop.held((jam, 3))
    return shop.play(jam, a=shop.expiring, b=shop.ordering((jam, 4), hold=True))


def expiry_and_count(shop: Shop) -> Play:
    """The job, and a stock count."""
    jam = shop.product(5)
    shop.held((jam, 3))
    return shop.play(jam, a=shop.expiring, b=shop.counting(jam, 4))


def two_confirmations(shop: Shop) -> Play:
    """Two confirmations of an order."""
    jam = shop.product(5)
    held = shop.held((jam, 3))
    return shop.play(jam, a=shop.confirming(held, key="1"), b=shop.confirming(held, key="2"))


def confirmations_of_two_orders(shop: Shop) -> Play:
    """Late confirmations of two orders, and units for one of them."""
    jam = shop.product(5)
    order = shop.held((jam, 3))
    shop.clock.set(SECONDS + 1)
    shop.expiring()
    other = shop.held((jam, 3))
    a, b = shop.confirming(order), shop.confirming(other)
    return shop.play(jam, expiry=2 * SECONDS + 1, is_late=True, a=a, b=b)


def confirmation_and_order(shop: Shop) -> Play:
    """A confirmation, and an order that needs the held units."""
    jam = shop.product(5)
    held = shop.held((jam, 3))
    return shop.play(jam, a=shop.confirming(held), b=shop.ordering((jam, 4)))


def confirmation_and_order_of_one_product(shop: Shop) -> Play:
    """An order of one of two held products, so that the hold is half released."""
    jam, tea = shop.product(5), shop.product(5)
    held = shop.held((jam, 3), (tea, 3))
    return shop.play(jam, tea, a=shop.confirming(held), b=shop.ordering((tea, 4)))


def confirmation_and_cancellation(shop: Shop) -> Play:
    """A confirmation, and a cancellation."""
    jam = shop.product(5)
    held = shop.held((jam, 3))
    return shop.play(jam, a=shop.confirming(held), b=shop.cancelling(held))


def capture_and_cancellation(shop: Shop) -> Play:
    """A payment, and a cancellation."""
    jam = shop.product(5)
    held = shop.held((jam, 3))
    return shop.play(jam, a=shop.capturing(held, 450), b=shop.cancelling(held))


def capture_and_confirmation(shop: Shop) -> Play:
    """A payment, and a confirmation by staff."""
    jam = shop.product(5)
    held = shop.held((jam, 3))
    a, b = shop.capturing(held, 450), shop.confirming(held)
    return shop.play(jam, is_late=True, a=a, b=b)


def capture_and_order(shop: Shop) -> Play:
    """A payment, and an order that needs the held units."""
    jam = shop.product(5)
    held = shop.held((jam, 3))
    return shop.play(jam, a=shop.capturing(held, 450), b=shop.ordering((jam, 4)))


def two_captures(shop: Shop) -> Play:
    """An event of a provider that arrives twice."""
    jam = shop.product(5)
    held = shop.held((jam, 3))
    return shop.play(jam, a=shop.capturing(held, 450), b=shop.capturing(held, 450))


def cancellation_and_order(shop: Shop) -> Play:
    """A cancellation, and an order that needs its units."""
    jam = shop.product(5)
    held = shop.held((jam, 3))
    return shop.play(jam, a=shop.cancelling(held), b=shop.ordering((jam, 4)))


def two_orders_apart(shop: Shop) -> Play:
    """Two orders, in two processes, that both need the held units."""
    jam = shop.product(5)
    shop.held((jam, 3))
    return shop.play(jam, a=shop.ordering((jam, 4)), b=shop.ordering((jam, 3), apart=True))


def expiry_and_order_beside_a_hold(shop: Shop) -> Play:
    """As `expiry_and_order`, of a product with another hold that does not expire."""
    jam = shop.product(9)
    shop.held((jam, 3))
    shop.clock.set(SECONDS // 2)
    shop.held((jam, 3))
    return shop.play(jam, a=shop.expiring, b=shop.ordering((jam, 5)))


def two_orders_of_two_products(shop: Shop) -> Play:
    """An order that needs held units, and one that waits for it and needs others of that hold."""
    jam, tea = shop.product(5), shop.product(5)
    shop.held((jam, 3), (tea, 3))
    first, second = shop.ordering((jam, 4)), shop.ordering((jam, 2), (tea, 4), apart=True)
    return shop.play(jam, tea, a=first, b=second)


def two_orders_of_a_customer(shop: Shop) -> Play:
    """Two holds of a customer who may have one unpaid unit, in two processes."""
    jam, tea = shop.product(5), shop.product(5)
    terms = Terms(currency="GBP", unpaid_units=10)
    a = shop.ordering((jam, 1), hold=True, terms=terms)
    b = shop.ordering((tea, 1), hold=True, terms=terms, apart=True)
    return shop.play(jam, tea, a=a, b=b)


def capture_and_early_refund(shop: Shop) -> Play:
    """A payment, and an old refund of it that names no order."""
    jam = shop.product(5)
    held = shop.held((jam, 3))
    return shop.play(jam, a=shop.capturing(held, 450), b=shop.refunding(held, 450))


PAIRS = (
    expiry_and_confirmation,
    expiry_and_cancellation,
    expiry_and_capture,
    expiry_and_order,
    expiry_and_hold,
    expiry_and_count,
    two_confirmations,
    confirmations_of_two_orders,
    confirmation_and_order,
    confirmation_and_order_of_one_product,
    confirmation_and_cancellation,
    capture_and_cancellation,
    capture_and_confirmation,
    capture_and_order,
    two_captures,
    cancellation_and_order,
    two_orders_apart,
    expiry_and_order_beside_a_hold,
    two_orders_of_two_products,
    two_orders_of_a_customer,
    capture_and_early_refund,
)
"""Of two sessions: all schedules are run."""


def confirmation_order_and_job(shop: Shop) -> Play:
    """A confirmation, an order that needs the held units, and the job."""
    jam = shop.product(5)
    held = shop.held((jam, 3))
    a, b = shop.confirming(held), shop.ordering((jam, 4))
    return shop.play(jam, a=a, b=b, c=shop.expiring)


def capture_cancellation_and_job(shop: Shop) -> Play:
    """A payment, a cancellation, and the job."""
    jam = shop.product(5)
    held = shop.held((jam, 3))
    a, b = shop.capturing(held, 450), shop.cancelling(held)
    return shop.play(jam, a=a, b=b, c=shop.expiring)


def capture_order_and_job(shop: Shop) -> Play:
    """A payment, an order of one of two held products, and the job."""
    jam, tea = shop.product(5), shop.product(5)
    held = shop.held((jam, 3), (tea, 3))
    a, b = shop.capturing(held, 900), shop.ordering((tea, 4))
    return shop.play(jam, tea, a=a, b=b, c=shop.expiring)


def three_orders(shop: Shop) -> Play:
    """Orders of one process and of another that need the held units."""
    jam = shop.product(5)
    shop.held((jam, 3))
    a, b = shop.ordering((jam, 2)), shop.ordering((jam, 3))
    return shop.play(jam, a=a, b=b, c=shop.ordering((jam, 1), apart=True))


def count_confirmation_and_job(shop: Shop) -> Play:
    """A stock count, a confirmation, and the job."""
    jam = shop.product(5)
    held = shop.held((jam, 3))
    a, b = shop.counting(jam, 4), shop.confirming(held)
    return shop.play(jam, a=a, b=b, c=shop.expiring)


TRIPLES = (
    confirmation_order_and_job,
    capture_cancellation_and_job,
    capture_order_and_job,
    three_orders,
    count_confirmation_and_job,
)
"""Of three sessions: random schedules are run."""
