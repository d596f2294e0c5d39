"""Contract 4: the open order, a cart that is filled unit by unit and then submitted.

Its lists are whole, whatever they hold. So their rows are made in plain Python, some eight times
as fast as by serializers. What changes the open order reads no body. Its refusal is an array with
one sentence; 403, 404 and 409 (the order was abandoned during its submission) are objects.
"""

from collections.abc import Mapping
from itertools import islice
from operator import itemgetter
from typing import Any

from django.urls import path
from rest_framework import exceptions, serializers
from rest_framework.exceptions import AuthenticationFailed, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from larder.compat import products
from larder.compat.authentication import KeyAuthentication, PasswordAuthentication, logging_in
from larder.compat.fields import Price, Text, amount, moment
from larder.compat.ordering import place
from larder.compat.views import Kinds, PasswordView, caller, needs
from larder.core.clock import now
from larder.core.errors import DomainError, NotFound, Overloaded, StaleVersion, UnknownProducts
from larder.core.limits import MAX_NAME_LENGTH, MAX_STOCK
from larder.http import problems
from larder.http.authentication import secrets
from larder.identity.caller import Caller
from larder.identity.services.keys import key_for_password
from larder.inventory import queries as inventory
from larder.inventory.errors import InsufficientStock
from larder.inventory.queries import ProductFilter, StockedProduct
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
from larder.orders.queries import OrderView, carts
from larder.orders.queries.carts import CartVersion, CartView
from larder.orders.services.batches import MOST_READS
from larder.orders.services.cart import add_unit, ensure_cart, remove_unit
from larder.orders.services.placing.placement import ExpectedCart

MOST_PARTS = 16
"""Parts of the list of orders that an answer has."""


class ProductBody(serializers.Serializer[Any]):
    """A product with its available units."""

    id = serializers.IntegerField(read_only=True)
    name = Text(max_length=MAX_NAME_LENGTH)
    price = Price(digits=7)
    quantity_in_stock = serializers.IntegerField(
        source="quantity", min_value=0, max_value=MAX_STOCK
    )


def product_row(product: StockedProduct) -> dict[str, Any]:
    """Returns the members of ProductBody."""
    return {
        "id": product.id,
        "name": product.name,
        "price": amount(product.price),
        "quantity_in_stock": product.quantity,
    }


def order_row(order: OrderView | CartView) -> dict[str, Any]:
    """Returns an order, open while `submitted_at` is null. A completely returned line is still
    shown."""
    lines = [
        {"id": line.id, "quantity": line.quantity, "order": order.number, "product": line.product}
        for line in order.lines
    ]
    return {
        "id": order.number,
        "total_amount": amount(order.total),
        "submitted_at": order.placed_at and moment(order.placed_at),
        "created_at": moment(order.created_at),
        "orderedproduct_set": lines,
    }


class KeyByPassword(PasswordAuthentication):
    """HTTP Basic that opens the key in the step that looks at the password.

    In a second step the password could have been changed in between, which ends all keys: the
    old one would open a key that outlives it.
    """

    def authenticate_credentials(  # type: ignore[override]
        self, userid: str, password: str, request: Any = None
    ) -> tuple[Caller, str]:
        with logging_in(request, userid, AuthenticationFailed("Invalid username/password.")):
            key = key_for_password(
                userid, password, channel="contract4", secrets=secrets(), now=now()
            )
        return KeyAuthentication().authenticate_credentials(key)


class Token(PasswordView):
    authentication_classes: Kinds = (KeyByPassword,)

    def get(self, request: Request) -> Response:
        """Returns the caller's long-lived key, the same at each call."""
        return Response({"token": request.auth})


class Products(PasswordView):
    serializer_class = ProductBody

    def get(self, request: Request) -> Response:
        """Lists all products in stock, by ascending id."""
        parts = inventory.all_products(caller(request).id, ProductFilter(in_stock=True))
        return Response(self.whole(parts, lambda rows: [product_row(product) for product in rows]))

    @needs("catalog.add_product")
    def post(self, request: Request) -> Response:
        return Response(self.shown(products.create(request, ProductBody)), status=201)


class Product(PasswordView, products.ProductView):
    """A product. Staff change one that is out of stock too."""

    serializer_class = ProductBody

    def get(self, request: Request, product: int) -> Response:
        """Shows a product in stock."""
        stocked = inventory.product(caller(request).id, product)
        if stocked.quantity == 0:
            raise NotFound
        return Response(self.shown(stocked))


def order_or_cart(number: int, *, customer: int) -> OrderView | CartView:
    """Returns a customer's placed order or cart. Raises NotFound."""
    # The cart is read first: if it is placed meanwhile, it is found as it was.
    present = carts.cart(customer)
    if present is not None and present.number == number:
        return present
    return queries.by_number(number, customer=customer)


class Orders(PasswordView):
    @needs(key="orders.view_order")
    def get(self, request: Request) -> Response:
        """Lists the caller's orders, open and submitted, by ascending id: at most the newest
        80,000 lines."""
        who = caller(request).id
        # The cart is read first: if it is placed meanwhile, it is found twice, not never.
        left = carts.cart(who)
        parts = islice(queries.page(who, newest_first=True, offset=0, limit=None), MOST_PARTS)
        rows = self.whole(parts, lambda orders: [order_row(order) for order in orders])
        if left is not None and left.number not in {row["id"] for row in rows}:
            rows.append(order_row(left))
        return Response(sorted(rows, key=itemgetter("id")))


class Order(PasswordView):
    @needs(key="orders.view_order")
    def get(self, request: Request, order: int) -> Response:
        return Response(order_row(order_or_cart(order, customer=caller(request).id)))


class Current(PasswordView):
    @needs(key="orders.add_order")
    def get(self, request: Request) -> Response:
        """Shows the open order. If there is none, creates an empty one."""
        who = caller(request)
        for _ in range(MOST_READS):
            cart = carts.cart(who.id)
            if cart is not None:
                return Response(order_row(cart))
            ensure_cart(who.id, now=now())
        raise Overloaded


class Addition(PasswordView):
    @needs(key="orders.add_order")
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
    @needs(key="orders.add_order")
    def post(self, request: Request, product: int) -> Response:
        """Removes one unit from the open order. The last unit removes the line."""
        try:
            order = remove_unit(caller(request).id, product, now=now())
        except NotInCart as error:
            absent = "Product not currently in the active Order."
            raise exceptions.NotFound(absent) from error
        return Response({"order_id": order})


class Submission(PasswordView):
    @needs(key="orders.add_order")
    def post(self, request: Request, order: int) -> Response:
        """Submits the open order: takes all its units from stock, or changes nothing."""
        who = caller(request)
        for _ in range(MOST_READS):
            cart = carts.stored_cart(who.id)
            try:
                if cart.number != order:
                    queries.by_number(order, customer=who.id)
                    raise AlreadySubmitted
                placed = place(who, (), cart=ExpectedCart(CartVersion(cart.id, cart.version)))
            except StaleVersion:
                continue
            except DomainError as error:
                sentence = _sentence(error)
                raise (ValidationError([sentence]) if sentence else error) from error
            return Response(order_row(placed.order))
        raise Overloaded


def _sentence(error: DomainError) -> str | None:
    """Returns the contract's text for a refusal; None for one that is answered as usual."""
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


urlpatterns = [
    path("token/", Token.as_view()),
    path("products/", Products.as_view()),
    path("products/<int:product>/", Product.as_view()),
    path("products/<int:product>/add_to_order/", Addition.as_view()),
    path("products/<int:product>/remove_from_order/", Removal.as_view()),
    path("orders/", Orders.as_view()),
    path("orders/current/", Current.as_view()),
    path("orders/<int:order>/", Order.as_view()),
    path("orders/<int:order>/submit/", Submission.as_view()),
]
