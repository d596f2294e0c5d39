"""What changes the open order: a unit in, a unit out, its submission.

None of the three reads a body. A refusal is an array with one sentence; 403, 404 and 409 (the order
was abandoned during its submission) are objects.
"""

from collections.abc import Mapping

from rest_framework import exceptions
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from larder.compat.contract4.shapes import PLAIN, order_row
from larder.compat.fields import amount
from larder.compat.operations import operation
from larder.compat.ordering import place
from larder.compat.views import PasswordView, caller
from larder.core.clock import now
from larder.core.errors import DomainError, NotFound, UnknownProducts
from larder.http import problems
from larder.inventory.errors import InsufficientStock
from larder.orders import queries
from larder.orders.errors import (
    AlreadySubmitted,
    CartEmpty,
    CartFull,
    NotInCart,
    OrderRefusal,
    OrderRule,
    OrderTooSmall,
)
from larder.orders.services.cart import add_unit, remove_unit
from larder.orders.services.placing.placement import ExpectedCart


class Addition(PasswordView):
    """Adding a unit to the open order."""

    @operation("add_to_order", key_permission="orders.add_order", **PLAIN)
    def post(self, request: Request, product: int) -> Response:
        """Adds one unit to the open order, which is created if there is none."""
        who = caller(request)
        try:
            order = add_unit(who.id, product, now=now())
        except UnknownProducts as error:
            raise NotFound from error
        except InsufficientStock as error:
            raise ValidationError(["Cannot add product to Order. Not enough stock."]) from error
        except CartFull as error:
            limit = f"An Order holds no more than {error.limit} of this."
            raise ValidationError([f"Cannot add product to Order. {limit}"]) from error
        return Response({"order_id": order})


class Removal(PasswordView):
    """Removing a unit from the open order."""

    @operation("remove_from_order", key_permission="orders.add_order", **PLAIN)
    def post(self, request: Request, product: int) -> Response:
        """Removes one unit from the open order. The last unit removes the line."""
        try:
            order = remove_unit(caller(request).id, product, now=now())
        except NotInCart as error:
            absent = "Product not currently in the active Order."
            raise exceptions.NotFound(absent) from error
        return Response({"order_id": order})


class Submission(PasswordView):
    """The submission of an order."""

    @operation("submit_order", key_permission="orders.add_order", **PLAIN)
    def post(self, request: Request, order: int) -> Response:
        """Submits the open order: takes all its units from stock, or changes nothing."""
        who = caller(request)
        cart = queries.stored_cart(who.id)
        id = cart.id if cart.number == order else queries.id_by_number(order, customer=who.id)
        try:
            placed = place(who, (), cart=ExpectedCart(id=id))
        except DomainError as error:
            raise _refusal(error) from error
        return Response(order_row(placed.order))


def _refusal(error: DomainError) -> Exception:
    """Returns the contract's text for a refusal; other refusals are answered as usual."""
    sentence = _sentence(error)
    return error if sentence is None else ValidationError([sentence])


def _sentence(error: DomainError) -> str | None:
    match error:
        case UnknownProducts() | InsufficientStock():
            # The first line: lines without enough stock come before other faults.
            short = error.lines[0]["product"]
            return f"Not enough stock of product {short}. Remove or lower the quantity."
        case OrderRule():
            return _rule(**error.lines[0])
        case OrderTooSmall():
            total, least = amount(error.total), amount(error.minimum)
            return f"The Order's total of {total} is below the minimum of {least}."
        case OrderRefusal():
            return problems.kind_of(error.code).title
    return _SENTENCES.get(type(error))


_SENTENCES: Mapping[type[DomainError], str] = {
    AlreadySubmitted: "Order already submitted.",
    CartEmpty: "Cannot submit an empty Order.",
}


def _rule(
    *, product: int, min_quantity: int, max_per_order: int | None, step: int, **_: object
) -> str:
    most = "" if max_per_order is None else f", at most {max_per_order}"
    fitting = f"at least {min_quantity}{most}, in multiples of {step}"
    return f"Product {product} is not sold in this quantity: {fitting}."
