"""The caller's orders, including the open one."""

from operator import itemgetter

from rest_framework.request import Request
from rest_framework.response import Response

from larder.compat.contract4.shapes import PLAIN, order_row
from larder.compat.operations import operation
from larder.compat.pages import first_parts
from larder.compat.views import PasswordView, caller
from larder.core.clock import now
from larder.core.errors import Overloaded
from larder.orders import queries
from larder.orders.services.cart import ensure_cart
from larder.orders.services.placing.place_order import MOST_READS


class Orders(PasswordView):
    """The caller's orders."""

    @operation("list_orders", key_permission="orders.view_order", **PLAIN)
    def get(self, request: Request) -> Response:
        """Lists the caller's orders, open and submitted, by ascending id: at most the newest
        80,000 lines."""
        parts = first_parts(queries.orders_and_cart(caller(request).id))
        rows = self.whole(parts, lambda orders: [order_row(order) for order in orders])
        return Response(sorted(rows, key=itemgetter("id")))


class Order(PasswordView):
    """One of the caller's orders."""

    @operation("get_order", key_permission="orders.view_order", **PLAIN)
    def get(self, request: Request, order: int) -> Response:
        """Shows one of the caller's orders."""
        return Response(order_row(queries.order_or_cart(order, customer=caller(request).id)))


class Current(PasswordView):
    """The open order."""

    @operation("get_current_order", key_permission="orders.add_order", **PLAIN)
    def get(self, request: Request) -> Response:
        """Shows the open order. If there is none, creates an empty one."""
        who = caller(request)
        for _ in range(MOST_READS):
            cart = queries.cart(who.id)
            if cart is not None:
                return Response(order_row(cart))
            ensure_cart(who.id, now=now())
        raise Overloaded
