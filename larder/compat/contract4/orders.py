"""The caller's orders, including the open one."""

from operator import itemgetter

from rest_framework.request import Request
from rest_framework.response import Response

from larder.compat.contract4.shapes import OrderRow, order_row
from larder.compat.operations import Access, Refusal, operation
from larder.compat.pages import first_parts
from larder.compat.views import PasswordView, caller
from larder.core.clock import now
from larder.core.errors import Overloaded
from larder.orders import queries
from larder.orders.services.cart import ensure_cart
from larder.orders.services.placing.place_order import MOST_READS


class Orders(PasswordView):
    """The caller's orders."""

    @operation(
        "list_orders",
        access=Access(key_permission="orders.view_order"),
        answers={200: OrderRow(many=True)},
    )
    def get(self, request: Request) -> Response:
        """Lists the caller's orders, open and submitted, by ascending id: at most the newest
        80,000 lines."""
        parts = first_parts(queries.orders_and_cart(caller(request).id))
        rows = self.whole(parts, lambda found: [order_row(one) for one in found])
        return Response(sorted(rows, key=itemgetter("id")))


class Order(PasswordView):
    """One of the caller's orders."""

    @operation(
        "get_order",
        access=Access(key_permission="orders.view_order"),
        answers={200: OrderRow, 404: Refusal},
    )
    def get(self, request: Request, order: int) -> Response:
        """Shows one of the caller's orders."""
        return Response(order_row(queries.order_or_cart(order, customer=caller(request).id)))


class Current(PasswordView):
    """The open order."""

    @operation(
        "get_current_order",
        access=Access(key_permission="orders.add_order"),
        answers={200: OrderRow},
    )
    def get(self, request: Request) -> Response:
        """Shows the open order. If there is none, creates an empty one."""
        who = caller(request)
        for _ in range(MOST_READS):
            found = queries.cart(who.id)
            if found is not None:
                return Response(order_row(found))
            ensure_cart(who.id, now=now())
        raise Overloaded
